import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCondition } from '../../src/core/drill/condition.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import type { GroupView } from '../demo/status-view.ts';
import { lookFor, type StatusCondition, steadyOf } from './status-condition.ts';

const topology = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 2, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);
const holders = { db: 'alfa-db', engine: 'alfa-eng1', oms: 'alfa-oms' } as const;

/** What these tests change of a view. */
interface Draft {
  readonly record: {
    epoch: number;
    traffic: string;
    tradingEnabled: boolean;
    run: string | null;
    readonly grants: Readonly<
      Record<'db' | 'engine' | 'oms', { holder: string; mode: { kind: string }; promotable: string[] }>
    >;
  };
  readonly instances: readonly {
    readonly instance: string;
    fresh: boolean;
    readonly observation: { process: string; releasing: boolean };
  }[];
  diagnoses: readonly object[];
  decision: object | null;
}

/** The firm as it stands when nothing is wrong. */
function group(change: (view: Draft) => void = () => {}): GroupView {
  const instances = topology.components.flatMap(({ id: component, instances: all }) =>
    all.map(({ id: instance }) => {
      const holder = (holders as Record<string, string>)[component] === instance;
      const follows = { instance: 'x', connected: true, silentMs: 1 };
      return {
        instance,
        component,
        fresh: true,
        observation: {
          process: 'running',
          role: holder ? 'primary' : 'standby',
          releasing: holder,
          replicas: [],
          upstream: holder ? null : follows,
        },
      };
    }),
  );
  const promotable: Record<string, string[]> = {
    db: ['alfa-db', 'bravo-db'],
    engine: ['alfa-eng1', 'alfa-eng2', 'bravo-eng1', 'bravo-eng2'],
    oms: [],
  };
  const grants = Object.fromEntries(
    Object.entries(holders).map(([component, holder]) => [
      component,
      { component, holder, mode: { kind: 'strict' }, promotable: promotable[component], ackSet: promotable[component] },
    ]),
  );
  const view = {
    group: 'trading',
    record: { epoch: 3, activeSite: 'alfa', traffic: 'alfa', tradingEnabled: true, run: null, grants },
    hosts: topology.hosts.map(({ id }) => ({ host: id, state: 'healthy', connected: true })),
    instances,
    diagnoses: [],
    decision: null,
    run: null,
  };
  change(view as unknown as Draft);
  return view as unknown as GroupView;
}

const steady = steadyOf(group(), topology);

function look(words: string, view: GroupView) {
  const condition = parseCondition(words);
  assert.ok(condition.ok, words);
  return lookFor(condition.value as StatusCondition, view, { topology, steady });
}

const of = (view: Draft, id: string) => view.instances.find(({ instance }) => instance === id)!.observation;

test('the firm as it was holds what is true of a firm that nothing happened to', () => {
  for (const words of [
    'served',
    'whole',
    'nothing is wrong',
    'no take-over',
    'engine did not move',
    'site alfa is active',
  ])
    assert.ok(look(words, group()).holds, words);
  for (const words of [
    'degraded',
    'halted',
    '1 take-over',
    'engine moved',
    'diagnosis LinkDown',
    'run is at step barrier',
  ])
    assert.ok(!look(words, group()).holds, words);
});

/** What takes a condition away that held before. */
const against: readonly (readonly [string, string, (view: Draft) => void, RegExp])[] = [
  ['served', 'an open run', (view) => (view.record.run = 'trading-2'), /run trading-2 is open/],
  ['served', 'a holder that is not heard', (view) => (view.instances[0]!.fresh = false), /alfa-db is not heard/],
  ['served', 'a holder that does not release', (view) => (of(view, 'alfa-eng1').releasing = false), /does not release/],
  ['served', 'a holder that ended', (view) => (of(view, 'alfa-db').process = 'exited'), /alfa-db is exited/],
  ['served', 'clients that are led elsewhere', (view) => (view.record.traffic = 'bravo'), /clients are led to bravo/],
  ['served', 'new risk that is refused', (view) => (view.record.tradingEnabled = false), /new risk/],
  ['whole', 'a standby that ended', (view) => (of(view, 'bravo-db').process = 'exited'), /bravo-db is exited/],
  [
    'whole',
    'a standby that may not be promoted yet',
    (view) => (view.record.grants.engine.promotable = ['alfa-eng1', 'alfa-eng2', 'bravo-eng1']),
    /bravo-eng2 is not back/,
  ],
  ['whole', 'a weaker durability', (view) => (view.record.grants.db.mode.kind = 'degraded'), /db is degraded/],
  [
    'nothing is wrong',
    'a diagnosis',
    (view) => (view.diagnoses = [{ kind: 'LinkDown', summary: 'alfa to bravo' }]),
    /LinkDown: alfa to bravo/,
  ],
  ['no take-over', 'a higher epoch', (view) => (view.record.epoch = 4), /raised 1 times, to 4/],
  [
    'engine did not move',
    'another holder',
    (view) => (view.record.grants.engine.holder = 'alfa-eng2'),
    /now alfa-eng2/,
  ],
];

for (const [words, what, change, found] of against)
  test(`"${words}" does not hold with ${what}, and says so`, () => {
    const finding = look(words, group(change));
    assert.equal(finding.holds, false);
    assert.match(finding.found, found);
  });

test('who halts serves, although it takes nothing new', () => {
  const halted = group((view) => {
    view.record.grants.engine.mode.kind = 'halted';
    of(view, 'alfa-eng1').releasing = false;
  });
  assert.ok(look('served', halted).holds);
  assert.ok(look('halted', halted).holds);
});

test('a decision is the one that is named only with the rule that did not pass', () => {
  const held = group((view) => {
    view.decision = {
      verdict: 'hold',
      rules: [
        { rule: 'R-FREEZE', outcome: 'block' },
        { rule: 'R-COOLDOWN', outcome: 'pass' },
      ],
    };
  });
  assert.ok(look('decision is hold', held).holds);
  assert.ok(look('decision is hold because of R-FREEZE', held).holds);
  assert.ok(!look('decision is hold because of R-COOLDOWN', held).holds);
  assert.ok(!look('decision is proceed', held).holds);
});

test('of what is delegated and of a Redis the record says elsewhere who moved', () => {
  const shape = { servingSites: 2, enginesPerSite: 2, archive: false, services: false } as const;
  const policy = { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' } as const;
  const firm = topologyOf(shapeOf({ firm: { ...shape, servers: true, delegatedDatabase: true }, policy }));
  const at = (holder: string) =>
    group((view) => {
      const { engine, oms } = view.record.grants;
      Object.assign(view.record, { grants: { engine, oms }, delegates: { db: { component: 'db', holder } } });
    });
  const moved = (words: string, view: GroupView) => {
    const condition = parseCondition(words);
    assert.ok(condition.ok);
    return lookFor(condition.value as StatusCondition, view, {
      topology: firm,
      steady: steadyOf(at('alfa-db'), firm),
    }).holds;
  };
  assert.ok(moved('db moved', at('bravo-db')));
  assert.ok(moved('db did not move', at('alfa-db')));
  assert.ok(moved('cache did not move', at('bravo-db')));
  assert.ok(lookFor({ kind: 'served' }, at('alfa-db'), { topology: firm, steady }).holds);
  assert.match(lookFor({ kind: 'served' }, at('bravo-db'), { topology: firm, steady }).found, /bravo-db is led to/);
});
