import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARKET_CALENDARS } from './market-calendar.ts';
import { momentAt, tradingDay } from './trading-day.ts';
import { instantOf, localTimeAt } from './zoned-time.ts';

const market = (name: string) => MARKET_CALENDARS.get(name)!;
const at = (name: string, instant: string) => momentAt(market(name), Date.parse(instant));
const opens = (name: string, date: string) =>
  new Date(tradingDay(market(name), date)!.phases.find(({ phase }) => phase === 'continuous')!.atMs).toISOString();

test('markets open at their own time of the day, whatever the clocks were changed to', () => {
  assert.equal(opens('XNYS', '2026-03-06'), '2026-03-06T14:30:00.000Z');
  assert.equal(opens('XNYS', '2026-03-09'), '2026-03-09T13:30:00.000Z');
  assert.equal(opens('XNYS', '2026-10-30'), '2026-10-30T13:30:00.000Z');
  assert.equal(opens('XNYS', '2026-11-02'), '2026-11-02T14:30:00.000Z');
  assert.equal(opens('XLON', '2026-03-27'), '2026-03-27T08:00:00.000Z');
  assert.equal(opens('XLON', '2026-03-30'), '2026-03-30T07:00:00.000Z');
  assert.equal(opens('XLON', '2026-10-26'), '2026-10-26T08:00:00.000Z');
});

test('a day goes through its phases, and says what comes next', () => {
  const phases = ['10:00', '11:30', '14:29', '14:30', '20:59', '21:00', '21:01'].map(
    (time) => at('XNYS', `2026-11-23T${time}:00Z`)!.phase,
  );
  assert.deepEqual(phases, [
    'closed',
    'pre-open',
    'opening-auction',
    'continuous',
    'continuous',
    'closing-auction',
    'closed',
  ]);
  assert.equal(new Date(at('XNYS', '2026-11-23T21:05:00Z')!.next.atMs).toISOString(), '2026-11-24T11:30:00.000Z');
});

test('holidays, weekends and short days are what the exchanges announced', () => {
  const thanksgiving = at('XNYS', '2026-11-26T16:00:00Z')!;
  assert.deepEqual([thanksgiving.phase, thanksgiving.day.kind], ['closed', 'holiday']);
  assert.equal(new Date(thanksgiving.next.atMs).toISOString(), '2026-11-27T11:30:00.000Z');
  assert.equal(at('XNYS', '2026-11-27T18:00:00Z')!.phase, 'closing-auction');
  assert.equal(at('XNYS', '2026-11-27T18:01:00Z')!.phase, 'closed');
  assert.equal(at('XLON', '2026-12-24T12:31:00Z')!.phase, 'closing-auction');
  assert.equal(at('XLON', '2026-11-26T12:00:00Z')!.phase, 'continuous');
  assert.equal(at('XLON', '2027-05-03T12:00:00Z')!.day.name, 'Early May bank holiday');
  assert.equal(at('XNYS', '2026-11-28T16:00:00Z')!.day.kind, 'weekend');
  assert.equal(new Date(at('XNYS', '2027-12-23T22:00:00Z')!.next.atMs).toISOString(), '2027-12-27T11:30:00.000Z');
});

test('a day beyond the calendar is unknown, not a day without trading', () => {
  assert.equal(at('XNYS', '2028-01-03T15:00:00Z'), null);
  assert.equal(tradingDay(market('XLON'), '2025-12-31'), null);
});

test('no holiday or short day lies on a weekend or is both, and all are within the calendar', () => {
  for (const calendar of MARKET_CALENDARS.values())
    for (const date of [...calendar.holidays.keys(), ...calendar.shortDays.keys()]) {
      const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
      assert.ok(weekday >= 1 && weekday <= 5, `${calendar.market} ${date}`);
      assert.ok(date >= calendar.from && date <= calendar.to);
      assert.ok(!(calendar.holidays.has(date) && calendar.shortDays.has(date)), `${calendar.market} ${date}`);
    }
});

test('a year has as many trading days as the exchanges have', () => {
  const count = (name: string, year: number) => {
    let days = 0;
    for (let day = Date.UTC(year, 0, 1); day < Date.UTC(year + 1, 0, 1); day += 86_400_000)
      if (tradingDay(market(name), new Date(day).toISOString().slice(0, 10))!.phases.length > 0) days += 1;
    return days;
  };
  assert.deepEqual([count('XNYS', 2026), count('XNYS', 2027)], [251, 251]);
  assert.deepEqual([count('XLON', 2026), count('XLON', 2027)], [253, 253]);
});

test('an instant and its local time lead to each other, also around a change of clocks', () => {
  for (const timeZone of ['America/New_York', 'Europe/London', 'Asia/Tokyo', 'UTC'])
    for (let instant = Date.UTC(2026, 2, 7); instant < Date.UTC(2026, 2, 31); instant += 37 * 60_000) {
      const found = instantOf(localTimeAt(instant, timeZone), timeZone);
      assert.ok(found === instant || found === instant - 3_600_000, `${timeZone} ${new Date(instant).toISOString()}`);
    }
});
