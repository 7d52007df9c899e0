import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostId, linkId, siteId, wallMs } from '../core/base/ids.ts';
import type { NetworkReport } from '../core/network/network-report.ts';
import { roundTripsOf } from '../core/network/round-trips.ts';
import type { Topology } from '../core/topology/topology.ts';
import { NetworkWatch } from './network-watch.ts';

const [east, west, far] = [siteId('east'), siteId('west'), siteId('far')];
const firm = {
  sites: [{ id: east }, { id: west }, { id: far }],
  hosts: [
    { id: hostId('east-1'), site: east },
    { id: hostId('east-2'), site: east },
    { id: hostId('west-1'), site: west },
  ],
  links: [{ id: linkId('a'), between: [east, west], rttMs: 8, priority: 1 }],
  network: {
    everyMs: 500,
    answerWithinMs: 1000,
    windowMs: 60_000,
    raiseAfterMs: 3000,
    clearAfterMs: 10_000,
    budgets: [],
  },
} as unknown as Topology;

const says = (rttMs: number | null, host = 'east-1'): NetworkReport => ({
  host: hostId(host),
  site: east,
  sequence: 1,
  problem: null,
  paths: [
    { to: west, trips: roundTripsOf(Array.from({ length: 50 }, (_, sentAt) => ({ sentAt, rttMs }))), answeredMsAgo: 5 },
  ],
});

interface Projected {
  readonly measures: object | null;
  readonly paths: readonly {
    readonly from: string;
    readonly to: string;
    readonly unknown: string | null;
    readonly trips: { readonly p50Ms: number } | null;
    readonly budgets: readonly {
      readonly outcome: string;
      readonly reasons: readonly string[];
      readonly alert: { readonly sinceMsAgo: number } | null;
    }[];
  }[];
}

const seen = (watch: NetworkWatch, now: number) => watch.project(now, wallMs(0)) as unknown as Projected;
const toWest = (watch: NetworkWatch, now: number) =>
  seen(watch, now).paths.find(({ from, to }) => from === east && to === west)!;

test('where the topology asks for nothing, nothing is measured and nothing is taken', () => {
  const { network: _none, ...silent } = firm;
  const watch = new NetworkWatch(silent as Topology);
  watch.report(says(8), 0);
  assert.deepEqual(seen(watch, 1), { at: 0, measures: null, paths: [] });
});

test('every path is there, and one of which nothing is known says why', () => {
  const watch = new NetworkWatch(firm);
  watch.report(says(8), 0);
  const why = Object.fromEntries(seen(watch, 100).paths.map(({ from, to, unknown }) => [`${from} ${to}`, unknown]));
  assert.deepEqual(why, {
    'east west': null,
    'east far': 'far has no host that could answer',
    'west east': 'nothing was heard of the prober on west-1',
    'west far': 'far has no host that could answer',
    'far east': 'far has no host that could measure',
    'far west': 'far has no host that could measure',
  });
});

test('what was said too long ago is unknown, and the last value stays beside it', () => {
  const watch = new NetworkWatch(firm);
  watch.report(says(8), 0);
  assert.equal(toWest(watch, 4000).budgets[0]!.outcome, 'within');
  const old = toWest(watch, 9000);
  assert.deepEqual([old.budgets[0]!.outcome, old.trips?.p50Ms], ['unknown', 8]);
  assert.match(old.unknown ?? '', /for 9\.0 s/);
});

test('a slow path is an alert after its time, and while nobody answers it stays one', () => {
  const watch = new NetworkWatch(firm);
  for (const second of [0, 1, 2]) watch.report(says(14), second * 1000);
  assert.deepEqual(
    [toWest(watch, 2000).budgets[0]!.outcome, toWest(watch, 2000).budgets[0]!.alert],
    ['exceeded', null],
  );
  watch.report(says(14), 3000);
  assert.equal(toWest(watch, 5000).budgets[0]!.alert?.sinceMsAgo, 2000);
  for (const second of [4, 5, 30]) watch.report(says(null), second * 1000);
  const { outcome, alert } = toWest(watch, 30_000).budgets[0]!;
  assert.equal(outcome, 'unknown');
  assert.notEqual(alert, null);
});

test('a host that does not measure for its site is not believed', () => {
  const watch = new NetworkWatch(firm);
  watch.report(says(8, 'east-2'), 0);
  assert.match(toWest(watch, 1).unknown ?? '', /nothing was heard/);
});
