import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder } from '../../../test/builders/facts.ts';
import { epoch, instanceId, revision } from '../base/ids.ts';
import { indexOf } from '../topology/topology-index.ts';
import { fencingOutlook, outlookForHolder, revocationOf } from './fencing.ts';
import type { FencingMethod, FencingProof } from './fencing-proof.ts';
import type { RevokedHolder } from './group-record.ts';
import { gateBinds, proofSuffices } from './proof-suffices.ts';

const engine = instanceId('alfa-eng1');
const componentOf = (world: FactsBuilder, id: typeof ENGINE) => indexOf(world.facts.topology).component.get(id)!;
const outlook = (world: FactsBuilder, id = ENGINE) =>
  fencingOutlook(world.facts, componentOf(world, id), world.record.grants[id]!.revoked!);
const proof = (change: Partial<FencingProof>): FencingProof => ({
  method: 'process-dead',
  scope: engine,
  epoch: epoch(7),
  sticky: { heal: true, reboot: true },
  evidence: '',
  ...change,
});
const revoked: RevokedHolder = { instance: engine, epoch: epoch(7), leaseRevision: revision(40), promotable: [] };

test('a fact is proof at once, and says how it is known', () => {
  const dead = outlook(new FactsBuilder().revoke(ENGINE).instance('alfa-eng1', { provedDead: true }));
  assert.ok(dead.kind === 'proved');
  assert.deepEqual([dead.proof.method, dead.proof.scope, dead.proof.epoch], ['process-dead', engine, 7]);
  assert.match(dead.proof.evidence, /alfa-e1 reaped it/);
  const demoted = new FactsBuilder().revoke(ENGINE).instance('alfa-eng1', { provedDead: true, silencedBy: 'demoted' });
  const stopped = outlook(demoted);
  assert.ok(stopped.kind === 'proved');
  assert.equal(stopped.proof.method, 'demoted');
});

test('silence alone is proof only after the whole wait, to the millisecond', () => {
  const { successorWaitMs } = new FactsBuilder().facts;
  const after = (seenMsAgo: number) => outlook(new FactsBuilder().revoke(ENGINE).lease(ENGINE, { seenMsAgo }));
  assert.deepEqual(after(successorWaitMs - 0.5), { kind: 'in', ms: 1, method: 'lease-expired' });
  assert.equal(after(successorWaitMs).kind, 'proved');
});

test('I3: the lease of a database behind a gate inside it never lapses, however long ago it was renewed', () => {
  for (const gate of [null, { kind: 'self', boundMs: 20 }])
    assert.equal(outlook(new FactsBuilder().revoke(DB).lease(DB, { gate, seenMsAgo: 1e9 }), DB).kind, 'unattainable');
});

test('the renewal of somebody else says nothing about the one that was revoked', () => {
  const other = new FactsBuilder().revoke(ENGINE).lease(ENGINE, { holder: instanceId('bravo-eng1'), seenMsAgo: 1e9 });
  assert.equal(outlook(other).kind, 'unattainable');
});

test('a renewal older than the one that was revoked says nothing: the newer one was seen later', () => {
  const older = new FactsBuilder().revoke(ENGINE).lease(ENGINE, { revision: revision(39), seenMsAgo: 1e9 });
  assert.equal(outlook(older).kind, 'unattainable');
});

test('who never renewed under the revoked grant released nothing under it', () => {
  const { facts, record } = new FactsBuilder();
  const grant = record.grants[ENGINE]!;
  const lease = facts.leases.get(ENGINE)!;
  assert.equal(revocationOf(grant, engine, lease).leaseRevision, 40);
  assert.equal(revocationOf(grant, engine, null).leaseRevision, 0);
  assert.equal(revocationOf(grant, engine, { ...lease, epoch: epoch(6) }).leaseRevision, 0);
  assert.equal(revocationOf(grant, engine, { ...lease, holder: instanceId('bravo-eng1') }).leaseRevision, 0);
});

test('nobody has to be fenced where nobody holds', () => {
  const world = new FactsBuilder().grant(ENGINE, { holder: null });
  assert.equal(outlookForHolder(world.facts, componentOf(world, ENGINE), world.record.grants[ENGINE]!), null);
});

test('a proof is about one instance and about its reign or a later one', () => {
  assert.equal(proofSuffices('trading-engine', revoked, proof({})), true);
  assert.equal(proofSuffices('trading-engine', revoked, proof({ epoch: epoch(8) })), true);
  assert.equal(proofSuffices('trading-engine', revoked, proof({ epoch: epoch(6) })), false);
  assert.equal(proofSuffices('trading-engine', revoked, proof({ scope: instanceId('alfa-eng2') })), false);
});

test('no proof is enough for what is not run', () => {
  const methods: readonly FencingMethod[] = ['process-dead', 'demoted', 'lease-expired', 'never-held', 'attested'];
  for (const method of methods) assert.equal(proofSuffices('inventory', revoked, proof({ method })), false);
});

test('a gate inside PostgreSQL binds nothing; one outside it does', () => {
  assert.deepEqual(
    ['self', 'warden', 'nftables', 'prayer'].map((gate) => gateBinds('postgres', gate)),
    [false, true, true, false],
  );
  assert.equal(gateBinds('trading-engine', 'self'), true);
});
