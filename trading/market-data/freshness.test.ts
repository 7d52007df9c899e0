import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MARKET_CALENDARS } from '../venue/calendar/market-calendar.ts';
import { freshnessOf } from './freshness.ts';
import { MarketHours } from './market-hours.ts';

const seen = {
  nowMs: 20_000,
  lastOfAMs: 19_000,
  lastOfBMs: 12_000,
  behindSinceMs: null,
  hasBooks: true,
  inMarketHours: true,
};

test('data is as old as the last packet of either feed, and each feed’s age is told', () => {
  const { ageMs, feedAAgeMs, feedBAgeMs, stale } = freshnessOf(seen);
  assert.deepEqual(
    { ageMs, feedAAgeMs, feedBAgeMs, stale },
    { ageMs: 1000, feedAAgeMs: 1000, feedBAgeMs: 8000, stale: false },
  );
});

test('data is as old as what is missing of it, whatever came later', () => {
  const { ageMs, stale } = freshnessOf({ ...seen, behindSinceMs: 14_000 });
  assert.deepEqual({ ageMs, stale }, { ageMs: 6000, stale: true });
});

test('it is stale above 5 s in market hours, and never outside them', () => {
  const late = { ...seen, lastOfAMs: 14_999 };
  assert.equal(freshnessOf({ ...late, lastOfAMs: 15_000 }).stale, false);
  assert.equal(freshnessOf(late).stale, true);
  assert.equal(freshnessOf({ ...late, inMarketHours: false }).stale, false);
});

test('without packets or without books there is no age, and that is stale', () => {
  assert.deepEqual(freshnessOf({ ...seen, hasBooks: false }).ageMs, null);
  const silent = freshnessOf({ ...seen, lastOfAMs: null, lastOfBMs: null });
  assert.deepEqual([silent.ageMs, silent.stale], [null, true]);
});

const hoursAt = (market: string, at: string) =>
  new MarketHours({ calendar: MARKET_CALENDARS.get(market)!, clock: { nowMs: () => Date.parse(at), speed: 1 } });

test('market hours are the calendar’s: auctions count, pre-open, holidays and the hours after a short day do not', () => {
  assert.equal(
    hoursAt('XNYS', '2026-11-27T15:00:00Z').trading('closed'),
    true,
    'the exchange’s word does not count beside it',
  );
  assert.equal(hoursAt('XNYS', '2026-11-27T14:29:00Z').trading(null), true, 'opening auction');
  assert.equal(hoursAt('XNYS', '2026-11-27T14:00:00Z').trading(null), false, 'pre-open');
  assert.equal(hoursAt('XNYS', '2026-11-27T18:02:00Z').trading('continuous'), false, 'short day');
  assert.equal(hoursAt('XNYS', '2026-11-26T15:00:00Z').trading(null), false, 'Thanksgiving');
  assert.equal(hoursAt('XLON', '2026-11-26T15:00:00Z').trading(null), true, 'not in London');
});

test('hours change when the next phase begins, without being asked in between', () => {
  let now = Date.parse('2026-11-27T17:59:59Z');
  const hours = new MarketHours({ calendar: MARKET_CALENDARS.get('XNYS')!, clock: { nowMs: () => now, speed: 1 } });
  assert.equal(hours.trading(null), true);
  now = Date.parse('2026-11-27T18:00:30Z');
  assert.equal(hours.trading(null), true, 'closing auction');
  now = Date.parse('2026-11-27T18:01:00Z');
  assert.equal(hours.trading(null), false);
});

test('what nobody knows counts as market hours: a day beyond the calendar, an exchange that has not spoken', () => {
  assert.equal(hoursAt('XNYS', '2031-01-01T15:00:00Z').trading('closed'), true);
  const told = new MarketHours({ calendar: null, clock: { nowMs: () => 0, speed: 1 } });
  assert.deepEqual(
    [
      told.trading(null),
      told.trading('closed'),
      told.trading('pre-open'),
      told.trading('halted'),
      told.trading('closing-auction'),
    ],
    [true, false, false, true, true],
  );
});
