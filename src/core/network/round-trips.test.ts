import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fewestAnswers, inWindow, roundTripsOf, type Sample } from './round-trips.ts';

const sampled = (rtts: readonly (number | null)[]): readonly Sample[] =>
  rtts.map((rttMs, index) => ({ sentAt: index * 500, rttMs }));

test('percentiles are values that were measured, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  const { p50Ms, p95Ms, p99Ms, maxMs, lossPercent } = roundTripsOf(sampled(hundred));
  assert.deepEqual(
    { p50Ms, p95Ms, p99Ms, maxMs, lossPercent },
    { p50Ms: 50, p95Ms: 95, p99Ms: 99, maxMs: 100, lossPercent: 0 },
  );
});

test('what was not answered in time counts as lost and in no percentile', () => {
  const trips = roundTripsOf(sampled([...Array<number>(15).fill(8), ...Array<null>(5).fill(null)]));
  assert.deepEqual([trips.sent, trips.answered, trips.lossPercent, trips.maxMs], [20, 15, 25, 8]);
  assert.equal(trips.lostInARow, 5);
});

test('nothing sent is no loss of zero, and nothing answered no round trip of zero', () => {
  const none = roundTripsOf([]);
  assert.deepEqual(
    [none.lossPercent, none.p50Ms, none.maxMs, none.jitterMs, none.lostInARow],
    [null, null, null, null, 0],
  );
  const silent = roundTripsOf(sampled([null, null]));
  assert.deepEqual([silent.lossPercent, silent.p50Ms, silent.maxMs, silent.lostInARow], [100, null, null, 2]);
});

test('too few answers say nothing of percentiles', () => {
  assert.equal(roundTripsOf(sampled(Array<number>(fewestAnswers - 1).fill(8))).p50Ms, null);
  assert.equal(roundTripsOf(sampled(Array<number>(fewestAnswers).fill(8))).p50Ms, 8);
});

test('jitter is the mean difference of one answer to the next, in the order of sending', () => {
  const trips = roundTripsOf(sampled([8, 10, 8, 10, null, 8, 10, 8, 10, 8, 10]));
  assert.equal(trips.jitterMs, 2);
});

test('a window holds what was sent within it', () => {
  assert.deepEqual(
    inWindow(sampled([1, 2, 3, 4]), 1500, 1000).map(({ rttMs }) => rttMs),
    [2, 3, 4],
  );
});
