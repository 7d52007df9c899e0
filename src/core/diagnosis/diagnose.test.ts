import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  drawFacts,
  ENGINE,
  FactsBuilder,
  OMS,
  seenToEnd,
  silentByQuorum,
  suspected,
} from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import type { Grant } from '../authority/group-record.ts';
import { epoch, instanceId, siteId } from '../base/ids.ts';
import type { Observer } from '../health/verdict.ts';
import { diagnose } from './diagnose.ts';
import { DIAGNOSES, type DiagnosisKind } from './diagnosis.ts';

const kindsOf = (world: FactsBuilder) => diagnose(world.facts).map((diagnosis) => diagnosis.kind);
const observers = (said: Readonly<Record<string, Observer['opinion']>>): readonly Observer[] =>
  Object.entries(said).map(([site, opinion]) => ({
    name: `controller ${site}`,
    site: siteId(site),
    opinion,
    silentMs: 400,
  }));

/** Every host of the site, as each controller hears it. */
function heard(world: FactsBuilder, site: string, said: Readonly<Record<string, Observer['opinion']>>): FactsBuilder {
  for (const host of world.facts.topology.hosts.filter((each) => each.site === site))
    world.host(host.id, { observers: observers(said), verdict: suspected });
  return world.site(site, suspected);
}

test('nothing is wrong with a platform on which all is well', () => {
  assert.deepEqual(kindsOf(new FactsBuilder()), []);
});

const CASES: readonly (readonly [claim: string, kind: DiagnosisKind, given: (world: FactsBuilder) => unknown])[] = [
  [
    'an authority that is silent for too long',
    'ControlPlaneWithoutQuorum',
    (w) => w.change({ authority: { silentMs: 1001, staleAfterMs: 1000, incarnationMatches: true } }),
  ],
  [
    'another store than the one that wrote the record',
    'AuthorityRestored',
    (w) => w.change({ authority: { silentMs: 1, staleAfterMs: 1000, incarnationMatches: false } }),
  ],
  ['a site of which every host is silent', 'SiteDown', (w) => w.lose('alfa')],
  ['the loss of a voter', 'WitnessLost', (w) => w.lose('wit')],
  [
    'a site that somebody does not hear and nobody does',
    'SiteIsolated',
    (w) => heard(w, 'alfa', { bravo: 'silent', wit: 'unknown', alfa: 'alive' }),
  ],
  [
    'a site that one hears and another does not',
    'LinkDown',
    (w) => heard(w, 'alfa', { bravo: 'silent', wit: 'alive' }),
  ],
  ['a host that is silent by quorum', 'HostSilent', (w) => w.host('bravo-e2', { verdict: silentByQuorum })],
  ['a holder that was seen to end', 'PrimaryDown', (w) => w.instance('alfa-eng1', { verdict: seenToEnd })],
  ['a component that nobody holds', 'NoPrimary', (w) => w.revoke(ENGINE)],
  ['components that are held in two sites', 'GroupSplit', (w) => w.grant(OMS, { holder: instanceId('bravo-oms') })],
  [
    'clients that are led elsewhere',
    'TakeoverUnfinished',
    (w) => w.change({ record: { ...w.record, traffic: siteId('bravo') } }),
  ],
  [
    'new risk that is not accepted',
    'TakeoverUnfinished',
    (w) => w.change({ record: { ...w.record, tradingEnabled: false } }),
  ],
  [
    'a second one that says it is primary',
    'DualPrimarySuspected',
    (w) => w.observation('bravo-eng1', { role: 'primary' }),
  ],
  ['a standby that was seen to end', 'InstanceDown', (w) => w.instance('bravo-eng1', { verdict: seenToEnd })],
  [
    'a tail that the primary does not have',
    'DataDiverged',
    (w) => w.observation('bravo-eng1', { divergence: { file: 'tail', from: 90, count: 3 } }),
  ],
  [
    'an instance that is alive and unfit',
    'Overloaded',
    (w) => w.instance('bravo-eng1', { verdict: { state: 'degraded', basis: 'fact', evidence: [] } }),
  ],
];
for (const [claim, kind, given] of CASES)
  test(`${kind} is diagnosed for ${claim}`, () => {
    const world = new FactsBuilder();
    given(world);
    assert.ok(kindsOf(world).includes(kind), kindsOf(world).join());
  });

test('a primary that cannot be reached while its lease is renewed is not called down', () => {
  const world = new FactsBuilder().instance('alfa-eng1', { verdict: suspected, heldBy: [instanceId('alfa-eng2')] });
  assert.deepEqual(kindsOf(world), ['PrimaryUnreachableButServing']);
});

test('a lost member of the acknowledgement set is a stalled replication, and of nobody’s set is nothing', () => {
  const lost = (instance: string) =>
    ({ instance: instanceId(instance), state: 'lost', acknowledgedSequence: 1, silentMs: 900 }) as const;
  const stalled = (instance: string) =>
    kindsOf(new FactsBuilder().observation('alfa-eng1', { replicas: [lost(instance)] }));
  assert.deepEqual(stalled('bravo-eng1'), ['ReplicationStalled']);
  assert.deepEqual(stalled('bravo-db'), []);
});

test('a member that is waited for and catches up for long is a stalled replication, one that has just begun is not', () => {
  const catchingUp = {
    instance: instanceId('bravo-eng1'),
    state: 'catching-up',
    acknowledgedSequence: 1,
    silentMs: 1,
  } as const;
  const after = (ms: number) => {
    const world = new FactsBuilder().observation('alfa-eng1', { replicas: [catchingUp] });
    return diagnose(world.change({ laggingMs: new Map([[catchingUp.instance, ms]]) }).facts);
  };
  assert.deepEqual(after(500), []);
  assert.deepEqual(
    after(7000).map(({ kind, summary }) => [kind, summary]),
    [['ReplicationStalled', 'bravo-eng1 is waited for and has been catching-up for 7 s']],
  );
});

test('a diverged tail is news until its instance is in step again, or a person has looked at exactly that tail', () => {
  const tail = { file: 'tail', from: 90, count: 3 };
  const following = { instance: instanceId('alfa-eng1'), connected: true, silentMs: 5 };
  const diverged = () => new FactsBuilder().observation('bravo-eng1', { divergence: tail, upstream: following });
  const seenBy = (state: 'in-sync' | 'catching-up') => ({
    replicas: [{ instance: instanceId('bravo-eng1'), state, acknowledgedSequence: 90, silentMs: 5 }],
  });
  assert.deepEqual(kindsOf(diverged().observation('alfa-eng1', seenBy('catching-up'))), ['DataDiverged']);
  assert.deepEqual(kindsOf(diverged().observation('alfa-eng1', seenBy('in-sync'))), []);
  const looked = (count: number) => {
    const world = diverged().observation('alfa-eng1', seenBy('catching-up'));
    const tails = [{ instance: instanceId('bravo-eng1'), ...tail, count }];
    return kindsOf(world.change({ brakes: { ...world.facts.brakes, tails } }));
  };
  assert.deepEqual([looked(3), looked(4)], [[], ['DataDiverged']]);
});

test('a state that is not what its log amounts to is told of the one that is wrong, by whom the replay agrees with', () => {
  const said = (wrong: 'here' | 'upstream' | 'unknown') => {
    const difference = { sequence: 2048, upstream: instanceId('alfa-eng1'), epoch: epoch(7), wrong };
    const world = new FactsBuilder().observation('bravo-eng1', { difference, health: 'degraded' });
    return diagnose(world.facts).map(({ kind, instance, basis, summary }) => [kind, instance, basis, summary]);
  };
  assert.deepEqual(said('upstream'), [
    [
      'DataCorrupt',
      'alfa-eng1',
      'fact',
      'the state of alfa-eng1 at 2048 of epoch 7 is not what its log amounts to: a replay agrees with bravo-eng1',
    ],
  ]);
  assert.deepEqual(said('here')[0]?.slice(0, 3), ['DataCorrupt', 'bravo-eng1', 'fact']);
  assert.deepEqual(said('unknown')[0]?.slice(1), [
    'bravo-eng1',
    'observation',
    'bravo-eng1 and alfa-eng1 had different states at 2048 of epoch 7: which is wrong is not known',
  ]);
});

test('an exposure always says without whom', () => {
  const said = (mode: Grant['mode']) => diagnose(new FactsBuilder().grant(ENGINE, { mode }).facts)[0]?.summary;
  const lost = [instanceId('bravo-eng1')];
  assert.equal(
    said({ kind: 'halted', lost }),
    'engine is halted: nobody at another site confirms; without: bravo-eng1',
  );
  assert.equal(
    said({ kind: 'degraded', sinceEpoch: epoch(7), lost: [] }),
    'engine is degraded: nobody at another site confirms',
  );
});

test('what is old says nothing about an instance', () => {
  const old = new FactsBuilder()
    .observation('bravo-eng1', { role: 'primary' })
    .instance('bravo-eng1', { fresh: false });
  assert.deepEqual(kindsOf(old), []);
});

test('over generated facts every diagnosis is of the closed list, and the widest come first', () => {
  const order = new Map<DiagnosisKind, Set<DiagnosisKind>>();
  const seen = new Set<DiagnosisKind>();
  forSeeds(300, (random) => {
    const found = diagnose(drawFacts(random).facts);
    for (const [at, { kind, summary }] of found.entries()) {
      assert.ok(kind in DIAGNOSES && summary.length > 0);
      seen.add(kind);
      for (const later of found.slice(at + 1))
        if (later.kind !== kind) order.set(kind, (order.get(kind) ?? new Set()).add(later.kind));
    }
  });
  for (const [kind, later] of order)
    for (const each of later) assert.ok(!order.get(each)?.has(kind), `${kind} and ${each} come in either order`);
  assert.ok(seen.size >= 8, [...seen].join());
});
