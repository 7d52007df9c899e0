import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CodedError } from '../../base/coded-error.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { Phase } from '../core/terms.ts';
import { MARKET_CALENDARS } from './market-calendar.ts';
import { PhaseDriver } from './phase-driver.ts';
import { acceleratedClock } from './venue-clock.ts';

const driverAt = (startsAt: string, speed: number) => {
  const story: Phase[] = [];
  const change = (phase: Phase): void => {
    if (story.at(-1) !== phase) story.push(phase);
  };
  const calendar = MARKET_CALENDARS.get('XNYS')!;
  return { story, driver: new PhaseDriver({ calendar, clock: acceleratedClock({ startsAt, speed }), change }) };
};

test('an accelerated day goes through all phases, over the weekend into the next', async () => {
  // Hours before the opening are a tenth of a second: what happens first is not missed on a machine that is busy.
  const { story: whole, driver } = driverAt('2026-11-20T02:00:00Z', 400_000);
  driver.start(null);
  await waitUntil('Monday opens', () => whole.filter((phase) => phase === 'continuous').length > 1);
  driver.stop();
  const story = whole.slice(whole.indexOf('opening-auction'));
  assert.deepEqual(story.slice(0, 3), ['opening-auction', 'continuous', 'closing-auction']);
  assert.deepEqual(story.slice(3, 7), ['closed', 'pre-open', 'opening-auction', 'continuous']);
});

test('an exchange that was down over night closes the old day first', () => {
  const { story, driver } = driverAt('2026-11-24T15:00:00Z', 1);
  driver.start(Date.parse('2026-11-23T15:00:00Z'));
  driver.stop();
  assert.deepEqual(story, ['closed', 'continuous']);
  const same = driverAt('2026-11-24T15:00:00Z', 1);
  same.driver.start(Date.parse('2026-11-24T14:45:00Z'));
  same.driver.stop();
  assert.deepEqual(same.story, ['continuous']);
});

test('a day that the calendar does not know refuses to start', () => {
  const { driver } = driverAt('2029-01-03T15:00:00Z', 1);
  assert.throws(
    () => driver.start(null),
    (error) => error instanceof CodedError && error.code === 'HF-7254',
  );
});
