import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundTripsOf } from '../../core/network/round-trips.ts';
import { latencyExitCode, latencyScreen } from './latency-screen.ts';
import type { BudgetView, NetworkView, PathView } from './network-view.ts';

const budget: BudgetView = {
  id: 'orders',
  trafficClass: 'order-path',
  percentile: 99,
  limitMs: 12,
  outcome: 'within',
  reasons: [],
  alert: null,
};
const path: PathView = {
  from: 'nyc',
  to: 'chi',
  ageMs: 600,
  unknown: null,
  trips: roundTripsOf(Array.from({ length: 50 }, (_, sentAt) => ({ sentAt, rttMs: 8.25 }))),
  answeredMsAgo: 40,
  budgets: [budget],
};
const viewOf = (paths: readonly PathView[]): NetworkView => ({
  at: 0,
  controller: { id: 'chi', leading: true },
  measures: { everyMs: 500, answerWithinMs: 1000, windowMs: 60_000 },
  paths,
  groups: [],
});
const screenOf = (...paths: readonly PathView[]) => latencyScreen(viewOf(paths), 100).join('\n');

test('a path within its budget is one row, and all is well', () => {
  const screen = screenOf(path);
  assert.match(screen, /^LATENCY {2}1 of 1 budgets kept +00:00:00Z chi leads$/m);
  assert.match(screen, /^● nyc → chi +8\.3 +8\.3 +8\.3 +8\.3 +0\.0 +0 % +50 +p99 ≤ 12 order-path +0\.6 s$/m);
  assert.equal(latencyExitCode(viewOf([path])), 0);
});

test('over its budget is told with value and limit, as an alert once it is one', () => {
  const reasons = ['p99 14 ms, at most 12'];
  const over: PathView = { ...path, budgets: [{ ...budget, outcome: 'exceeded', reasons }] };
  assert.match(screenOf(over), /^OVER +nyc → chi orders: p99 14 ms, at most 12; no alert yet$/m);
  const alert = { sinceMsAgo: 65_000, reasons };
  const raised: PathView = { ...path, budgets: [{ ...budget, alert }] };
  assert.match(
    screenOf(raised).replaceAll(/\n +/g, ' '),
    /^ALERT .*since 1 min 5 s; kept now, not yet for long enough$/m,
  );
  assert.deepEqual([latencyExitCode(viewOf([over])), latencyExitCode(viewOf([raised]))], [1, 1]);
});

test('what is unknown has no figures but the last value and its age, and why', () => {
  const why = 'nothing was heard of the prober on nyc-1 for 42.0 s';
  const old: PathView = {
    ...path,
    ageMs: 42_000,
    unknown: why,
    budgets: [{ ...budget, outcome: 'unknown', reasons: [why] }],
  };
  const screen = screenOf(old);
  assert.match(screen, /^\? nyc → chi +\? +\? +\? +\? +\? +\? +\? /m);
  assert.match(screen.replaceAll(/\n +/g, ' '), /UNKNOWN +nyc → chi: nothing was heard .*; p50 was 8\.25 ms 42 s ago/);
  assert.equal(latencyExitCode(viewOf([old])), 5);
});

test('a pair without a budget is shown with what was measured', () => {
  assert.match(screenOf({ ...path, budgets: [] }), /none stated/);
  assert.equal(latencyExitCode(viewOf([{ ...path, budgets: [] }])), 0);
  assert.equal(latencyExitCode(viewOf([])), 5);
});
