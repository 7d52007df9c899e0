import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../base/coded-error.ts';
import { MARKET_CALENDARS } from './market-calendar.ts';
import { clockOf } from './venue-clock.ts';

const calendar = MARKET_CALENDARS.get('XNYS')!;
const agoMs = (ms: number): string => new Date(Date.now() - ms).toISOString();

test('a market that opens whenever it is begun has been open as long as it has been there, for all who are told the same', () => {
  const settings = { startsAt: 'open', since: agoMs(90_000), speed: 1 };
  const [one, other] = [clockOf(calendar, settings), clockOf(calendar, settings)];
  const opening = new Date(one.nowMs() - 90_000);
  assert.ok(Math.abs(one.nowMs() - other.nowMs()) < 1000);
  const { hour, minute } = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { timeZone: calendar.timeZone, hour: 'numeric', minute: 'numeric' })
      .formatToParts(opening)
      .map(({ type, value }) => [type, value]),
  );
  assert.deepEqual([hour, minute], ['09', '30']);
});

test('a clock runs on from the moment that it showed then, as fast as it is told', () => {
  const clock = clockOf(calendar, { startsAt: '2026-11-20T14:29:00Z', since: agoMs(10_000), speed: 60 });
  assert.ok(Math.abs(clock.nowMs() - Date.parse('2026-11-20T14:39:00Z')) < 60_000);
});

test('what is no moment, and an opening beyond the calendar, set no clock', () => {
  for (const settings of [
    { startsAt: 'noon', since: null, speed: 1 },
    { startsAt: 'open', since: 'yesterday', speed: 1 },
    { startsAt: 'open', since: '2028-01-02T00:00:00Z', speed: 1 },
    { startsAt: 'open', since: null, speed: 0 },
  ])
    assert.throws(
      () => clockOf(calendar, settings),
      (error) => error instanceof CodedError && error.code === 'HF-7101',
    );
});
