import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkId, siteId } from '../base/ids.ts';
import type { Link, Topology } from '../topology/topology.ts';
import { type Budget, budgetsOf, judge, type NetworkPolicy } from './budget.ts';
import { roundTripsOf } from './round-trips.ts';

const [east, west, far] = [siteId('east'), siteId('west'), siteId('far')];
const link = (id: string, between: Link['between'], rttMs: number, priority = 1): Link => ({
  id: linkId(id),
  between,
  rttMs,
  bandwidthMbps: 1000,
  provider: null,
  pathGroup: id,
  priority,
  slaPercent: null,
});
const orders: Budget = {
  id: 'orders',
  between: [west, east],
  percentile: 99,
  limitMs: 12,
  lossPercent: 1,
  jitterMs: 2,
  trafficClass: 'order-path',
};
const firm = (links: readonly Link[], budgets: readonly Budget[]): Topology =>
  ({ links, network: { budgets } as NetworkPolicy }) as unknown as Topology;
const trips = (rtts: readonly (number | null)[]) => roundTripsOf(rtts.map((rttMs, sentAt) => ({ sentAt, rttMs })));
const steady = (count: number, rttMs: number) => Array<number>(count).fill(rttMs);

test('a pair without a budget has what its preferred link promises, within a tenth and a millisecond', () => {
  const budgets = budgetsOf(firm([link('b', [east, west], 20, 2), link('a', [west, east], 8)], []));
  assert.deepEqual(
    budgets.map(({ id, percentile, limitMs }) => [id, percentile, limitMs]),
    [['link-a', 50, 9.8]],
  );
});

test('a stated budget stands in either direction and takes the place of what the link promises', () => {
  const budgets = budgetsOf(firm([link('a', [east, west], 8), link('c', [east, far], 75)], [orders]));
  assert.deepEqual(
    budgets.map(({ id }) => id),
    ['orders', 'link-c'],
  );
});

test('what exceeds its budget is named with value and limit', () => {
  assert.deepEqual(judge(orders, trips(steady(50, 8))), { outcome: 'within', reasons: [] });
  const slow = judge(orders, trips([...steady(48, 8), 14, 8]));
  assert.deepEqual([slow.outcome, slow.reasons], ['exceeded', ['p99 14 ms, at most 12']]);
  const lossy = judge(orders, trips([...steady(48, 8), null, null]));
  assert.deepEqual([lossy.outcome, lossy.reasons], ['exceeded', ['loss 4 %, at most 1']]);
});

test('what was not measured, not answered or answered too seldom is unknown, never within', () => {
  assert.equal(judge(orders, null).outcome, 'unknown');
  assert.equal(judge(orders, trips([])).outcome, 'unknown');
  const silent = judge(orders, trips([null, null, null]));
  assert.deepEqual([silent.outcome, silent.reasons], ['unknown', ['none of 3 probes was answered in time']]);
  const few = judge(orders, trips(steady(3, 8)));
  assert.equal(few.outcome, 'unknown');
  assert.match(few.reasons.join(), /p99 not known from 3 answers/);
});
