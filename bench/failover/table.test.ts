import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Timing } from '../../src/core/topology/topology.ts';
import { type FaultName, notSeen, type Round, type Series } from './failover-run.ts';
import { describeFault, faultRows, measurementsOf } from './table.ts';

const timing = { selfFenceAfterMs: 1000, stopWithinMs: 300, leaseMarginMs: 100, clockRatePpm: 0 } as Timing;
const row = (fault: FaultName) => faultRows(timing).find((each) => each.fault === fault)!;
const round = (seconds: number, missing = 0): Round => ({
  seconds,
  why: null,
  counts: { acknowledged: 100, missing, stale: 0 },
});
const series = (fault: FaultName, by: string, side: Series['side'], ...rounds: readonly Round[]): Series => ({
  ...{ fault, by, side, rounds },
  timers: 'as they are',
});

it('ours stands beside theirs: medians, the ratio of each round, what was counted, and the goal', () => {
  const [theirs, ours] = measurementsOf(
    row('redis-killed'),
    [
      series('redis-killed', 'sentinel', 'theirs', round(30, 2), round(32), round(31, 1)),
      series('redis-killed', 'holdfast', 'ours', round(1.5), round(1.6), round(3.1)),
    ],
    'left out',
  );
  assert.deepEqual([theirs!.value, theirs!.goal, theirs!.met, theirs!.spread], [31, null, null, [30, 32]]);
  assert.equal(theirs!.note, 'as they are; 300 acknowledged, 3 missing, 0 stale');
  assert.deepEqual([ours!.value, ours!.floor, ours!.ratio, ours!.goal], [1.6, 31, 0.05, '≤ 2 s']);
  assert.equal(ours!.met, true);
});

it('of what was measured at one side the other is inconclusive, and says why', () => {
  const peer = series('database-isolated', 'patroni', 'theirs', round(29), round(30), round(28));
  const [theirs, ours] = measurementsOf(row('database-isolated'), [peer], 'left out');
  assert.equal(theirs!.value, 29);
  assert.deepEqual([ours!.value, ours!.met], [null, 'inconclusive']);
  assert.equal(ours!.note, 'left out');
  assert.match(
    describeFault(row('database-isolated'), [theirs!, ours!]),
    /29\.00 s +inconclusive +≤ [\d.]+ s +inconclusive/,
  );
});

it('what was left out is inconclusive for that reason', () => {
  const [ours, ...others] = measurementsOf(row('engine-killed'), [], 'left out');
  assert.deepEqual([others.length, ours!.value, ours!.note, ours!.met], [0, null, 'left out', 'inconclusive']);
  const names = measurementsOf(row('redis-killed'), [], 'left out').map(({ name, note }) => `${name} ${note}`);
  assert.deepEqual(names, ['redis-killed-sentinel left out', 'redis-killed-holdfast left out']);
});

it('one round without a success makes a series inconclusive: there is no median of what was not seen', () => {
  const half = series('redis-killed', 'holdfast', 'ours', round(1), notSeen('nobody took a write'), round(1));
  const [, ours] = measurementsOf(row('redis-killed'), [half], 'left out');
  assert.deepEqual([ours!.value, ours!.met], [null, 'inconclusive']);
  assert.match(ours!.note!, /1 of 3 rounds were not measured: nobody took a write/);
  const [theirs] = measurementsOf(
    row('redis-killed'),
    [series('redis-killed', 'sentinel', 'theirs', round(1), notSeen('nobody took a write'))],
    'left out',
  );
  assert.deepEqual([theirs!.value, theirs!.met], [null, 'inconclusive']);
});

it('goals of a lost host and of an isolated site follow from the firm’s lease', () => {
  assert.equal(row('host-frozen').goalS, 2.4);
  assert.equal(row('database-isolated').goalS, 6.3);
  const uneven = faultRows({ ...timing, selfFenceAfterMs: 1500, leaseMarginMs: 154 });
  assert.equal(uneven.find(({ fault }) => fault === 'host-frozen')!.goalS, 2.954);
});
