import assert from 'node:assert/strict';
import { test } from 'node:test';
import { threeSites } from './lab-fixtures.ts';
import { calendarOf } from './market-clock.ts';

test('an exchange and whoever hears it are given the same calendar, on a clock on which it has just opened', () => {
  const [venue] = threeSites().venues;
  assert.deepEqual(calendarOf(venue!), {}, 'without a calendar it trades for good');
  const { calendar } = calendarOf({ ...venue!, calendar: 'XNYS' }) as { calendar: { since: string } };
  assert.deepEqual(calendar, { market: 'XNYS', startsAt: 'open', since: calendar.since });
  assert.ok(Date.now() - Date.parse(calendar.since) < 60_000);
  assert.deepEqual(calendarOf({ ...venue!, calendar: 'XNYS' }), { calendar });
});
