import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type ClientReport, firstSuccessMs, longestPauseMs, missingWrites, staleWrites } from './client-report.ts';

const report = (
  ...acknowledged: readonly [id: number, place: string, sentAtMs: number, atMs: number][]
): ClientReport => ({
  sent: acknowledged.length,
  acknowledged: acknowledged.map(([id, place, sentAtMs, atMs]) => ({ id, place, sentAtMs, atMs })),
  unknown: [],
});

const failover = report([1, 'a', 0, 1], [2, 'a', 10, 12], [3, 'a', 14, 16], [4, 'b', 900, 910], [5, 'b', 911, 912]);

it('the first success is the first one at somebody else, counted from the fault or from what was acknowledged after it last', () => {
  assert.equal(firstSuccessMs(failover, { atMs: 13, former: 'a' }), 894);
  assert.equal(firstSuccessMs(failover, { atMs: 20, former: 'a' }), 890);
});

it('without a former one it is the end of the longest gap after the fault', () => {
  assert.equal(firstSuccessMs(failover, { atMs: 13, former: null }), 894);
  const before = report([1, 'a', 0, 1], [2, 'a', 700, 800], [3, 'a', 801, 802], [4, 'a', 890, 900]);
  assert.equal(firstSuccessMs(before, { atMs: 801.5, former: null }), 98);
});

it('where nobody else answered there is no first success, and no figure', () => {
  assert.equal(firstSuccessMs(report([1, 'a', 0, 1], [2, 'a', 20, 30]), { atMs: 10, former: 'a' }), null);
  assert.equal(firstSuccessMs(report([1, 'a', 0, 1]), { atMs: 10, former: null }), null);
  assert.equal(longestPauseMs(report([1, 'a', 0, 1]), 10), null);
});

it('a pause that ended before it was asked about is not counted', () => {
  assert.equal(longestPauseMs(failover, 0), 894);
  assert.equal(longestPauseMs(failover, 910), 2);
});

it('a write is stale when it was sent after the successor’s first one and acknowledged by the one before', () => {
  const inside = report([101, 'a', 905, 911], [102, 'a', 911, 915], [103, 'a', 950, 960]);
  assert.equal(staleWrites([failover, inside], { atMs: 13, former: 'a' }), 2);
  assert.equal(staleWrites([report([1, 'a', 0, 1], [2, 'a', 20, 30])], { atMs: 10, former: 'a' }), 0);
  assert.equal(staleWrites([failover, inside], { atMs: 13, former: null }), null);
});

it('what was acknowledged by anybody and is not there is missing', () => {
  assert.equal(missingWrites([failover, report([9, 'a', 1, 2])], new Set([1, 2, 4, 5])), 2);
});
