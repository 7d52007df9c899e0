import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '../../src/core/drill/condition.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import type { FlowReport, Platform } from '../demo/platform.ts';
import { LabJudge } from './lab-judge.ts';
import { leaseBoundMs } from './pace.ts';
import { Story } from './story.ts';

const shaped = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 1, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);
const topology = { ...shaped, timing: { ...shaped.timing, reportEveryMs: 100 } };
const KNOWN_WITHIN_MS = 200;

const serving = {
  group: 'trading',
  record: { epoch: 1, activeSite: 'alfa', traffic: 'alfa', tradingEnabled: true, run: null, grants: {} },
  hosts: [],
  instances: [],
  diagnoses: [],
  decision: null,
  run: null,
};

interface Clients {
  /** Clients are told of one more order and commit at each look. */
  readonly served?: boolean;
  readonly flow?: Partial<FlowReport>;
  readonly verify?: () => Promise<object>;
}

async function judgeOf({ served = true, flow = {}, verify }: Clients): Promise<LabJudge> {
  let acked = 0;
  const report = () => {
    acked += served ? 1 : 0;
    const counts = { ordersSent: acked, ordersAcked: acked, cancelsSent: 0, cancelsAcked: 0, commitsAcked: acked };
    return Promise.resolve({ ...counts, resolution: { atEdgesMs: 1, longestMs: 1 }, ...flow });
  };
  const platform = {
    topology,
    group: () => Promise.resolve(serving),
    groupOfLeader: () => Promise.resolve(serving),
    mark: () => Promise.resolve(),
    flow: report,
    settledFlow: report,
    verify,
  };
  const judge = new LabJudge(platform as unknown as Platform, 1, new Story(() => {}));
  await judge.begin();
  return judge;
}

const served: Condition = { kind: 'served' };

test('what was reported before a fault says nothing of it', async () => {
  const judge = await judgeOf({});
  await judge.hurt();
  const hurtAt = performance.now();
  assert.equal((await judge.judge(served, 5000)).verdict, 'held');
  assert.ok(performance.now() - hurtAt >= KNOWN_WITHIN_MS - 5);
});

test('a firm that says that it serves does not while clients are told of nothing', async () => {
  const judge = await judgeOf({ served: false });
  const { verdict, found } = await judge.judge(served, 500);
  assert.equal(verdict, 'failed');
  assert.match(found, /no new order/);
});

test('while no controller answers nothing is known of it', async () => {
  const judge = await judgeOf({});
  judge.look = () => Promise.resolve(null);
  assert.equal((await judge.judge(served, 0)).verdict, 'inconclusive');
});

const bound = leaseBoundMs(topology);
const outages: readonly (readonly [string, Partial<FlowReport>, string])[] = [
  ['below the limit', { outageMs: bound - 10 }, 'held'],
  ['above it', { outageMs: bound + 50 }, 'failed'],
  [
    'above it by less than the sender was late',
    { outageMs: bound + 50, resolution: { atEdgesMs: 60, longestMs: 60 } },
    'inconclusive',
  ],
  ['that is not settled', { outageMs: null, state: 'settling', lastSuccessAt: null }, 'inconclusive'],
  [
    'that goes on for longer than the limit',
    { outageMs: null, state: 'ongoing', lastSuccessAt: new Date(Date.now() - 60_000).toISOString() },
    'failed',
  ],
];

for (const [what, flow, verdict] of outages)
  test(`an outage ${what} is ${verdict}`, async () => {
    const judge = await judgeOf({ flow });
    await judge.hurt();
    assert.equal((await judge.judge({ kind: 'outage-below', ms: 600 }, 0)).verdict, verdict);
  });

test('where nothing was broken no outage was measured', async () => {
  const judge = await judgeOf({ flow: { outageMs: 1 } });
  assert.equal((await judge.judge({ kind: 'outage-below', ms: 600 }, 0)).verdict, 'inconclusive');
});

test('nothing is known of cancels where none was sent', async () => {
  const judge = await judgeOf({});
  const passing = (what: 'orders' | 'cancels') => judge.judge({ kind: 'passing', what, passing: true }, 0);
  assert.equal((await passing('cancels')).verdict, 'inconclusive');
  assert.equal((await passing('orders')).verdict, 'held');
});

for (const [verdict, judged] of [
  ['met', 'held'],
  ['missed', 'failed'],
  ['inconclusive', 'inconclusive'],
] as const)
  test(`a count that is ${verdict} is ${judged}`, async () => {
    const count = { verdict, reasons: [], ordersAcked: 1, commitsAcked: 1, staleWritesAccepted: 0 };
    const judge = await judgeOf({ verify: () => Promise.resolve(count) });
    assert.equal((await judge.judge({ kind: 'nothing-lost' }, 0)).verdict, judged);
  });

test('a count that could not be made is no verdict', async () => {
  const judge = await judgeOf({ verify: () => Promise.reject(new Error('not in time')) });
  assert.deepEqual(await judge.judge({ kind: 'nothing-lost' }, 0), {
    verdict: 'inconclusive',
    found: 'not in time',
    counted: null,
  });
});
