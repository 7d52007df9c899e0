import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KNOWN_CALENDARS } from '../../src/core/topology/market-calendars.ts';
import { MARKET_CALENDARS } from '../../trading/venue/calendar/market-calendar.ts';

test('a topology may name the calendars that the exchange keeps, and no others', () => {
  assert.deepEqual(KNOWN_CALENDARS, [...MARKET_CALENDARS.keys()].toSorted());
});
