import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import { planOf } from '../../../test/builders/plans.ts';
import { epoch, instanceId, revision } from '../base/ids.ts';
import { proposeRecovery } from '../decision/propose.ts';
import { fenceRule } from '../decision/rules/fence.ts';
import { verdictRule } from '../decision/rules/verdict.ts';
import { indexOf } from '../topology/topology-index.ts';
import { gateOutlook, isGated, shutOutHolder } from './delegate-gate.ts';
import type { AdoptedPrimary } from './group-record.ts';

const alfa = instanceId('alfa-db');
const world = () => new FactsBuilder({ delegatedDatabase: true, gatedDatabase: true }).underDelegate('alfa-db');
const componentOf = (at: FactsBuilder) => indexOf(at.facts.topology).component.get(DB)!;
const renewed = {
  holder: alfa,
  epoch: epoch(7),
  revision: revision(40),
  gate: { kind: 'nftables', boundMs: 50 },
} as const;

function named(change: Partial<AdoptedPrimary>, at = world()): FactsBuilder {
  const seat: AdoptedPrimary = { component: DB, holder: alfa, lock: 20, epoch: epoch(7), ...change };
  at.facts.leases.set(DB, { ...renewed, seenMsAgo: 10 });
  return at.change({ record: { ...at.record, delegates: { [DB]: seat } } });
}
const leftBy = (instance = alfa) => ({ instance, lock: 20, leaseRevision: revision(40) });
const left = (seenMsAgo: number) => named({ holder: null, left: leftBy() }).lease(DB, { seenMsAgo });
const outlook = (at: FactsBuilder) => gateOutlook(at.facts, componentOf(at));

test('a database is behind gates where every member says its port', () => {
  assert.ok(isGated(componentOf(world())));
  assert.ok(!isGated(componentOf(new FactsBuilder({ delegatedDatabase: true }))));
  assert.ok(!isGated(componentOf(new FactsBuilder())));
});

test('once the record names nobody all gates close after the successor’s wait since the newest renewal, whoever’s it was', () => {
  const { successorWaitMs } = world().facts;
  const early = outlook(left(successorWaitMs - 1));
  assert.deepEqual([early?.kind, early?.kind === 'in' && early.ms], ['in', 1]);
  for (const holder of ['alfa-db', 'bravo-db']) {
    const closed = outlook(left(successorWaitMs).lease(DB, { holder: instanceId(holder) }));
    assert.equal(closed?.kind, 'proved');
    assert.deepEqual(closed.kind === 'proved' && [closed.proof.method, closed.proof.scope], ['lease-expired', alfa]);
  }
});

test('while the record names somebody, and where it does not say whose gate was open last, nothing is known of gates', () => {
  assert.equal(outlook(named({}).lease(DB, { seenMsAgo: 60_000 })), null);
  assert.equal(outlook(named({ holder: null }).lease(DB, { seenMsAgo: 60_000 })), null);
});

const unknown: readonly (readonly [string, (at: FactsBuilder) => unknown])[] = [
  ['a renewal that is not known here', (at) => at.facts.leases.delete(DB)],
  ['an older renewal than the last one', (at) => at.lease(DB, { revision: revision(39) })],
  ['no gate at the last renewal', (at) => at.lease(DB, { gate: null })],
  ['a gate that does not stand before its port', (at) => at.lease(DB, { gate: { kind: 'self', boundMs: 20 } })],
];
for (const [what, change] of unknown)
  test(`${what} proves nothing, however long ago it was`, () => {
    const at = left(60_000);
    change(at);
    assert.equal(outlook(at)?.kind, 'unattainable');
  });

test('that no renewal was ever known proves nothing', () =>
  assert.equal(
    outlook(named({ holder: null, left: { ...leftBy(), leaseRevision: revision(0) } }).lease(DB, { seenMsAgo: 60_000 }))
      ?.kind,
    'unattainable',
  ));

/** The host of the primary does not answer: nobody is confirmed. */
const silent = (seenMsAgo: number) => {
  const at = named({}).lease(DB, { seenMsAgo });
  return at.instance('alfa-db', { fresh: false, ageMs: 900 });
};

test('whose gate was not renewed for the successor’s wait is replaced at the other site; everything else stays', () => {
  const at = silent(world().facts.successorWaitMs + 1);
  assert.equal(shutOutHolder(at.facts, componentOf(at)), alfa);
  const intent = proposeRecovery(at.facts)!;
  assert.deepEqual(
    [intent.runbook, intent.moves, intent.delegates?.map(({ from, to }) => `${from} → ${to}`)],
    ['failover-instance', [], ['alfa-db → bravo-db']],
  );
  const question = { facts: at.facts, intent, plan: planOf(intent, at.facts) };
  assert.match(verdictRule.evaluate(question).reason, /alfa-db: its gate was not renewed/);
  assert.match(fenceRule.evaluate(question).reason, /sooner once its gate has closed/);
});

const served: readonly (readonly [string, (at: FactsBuilder) => unknown])[] = [
  ['its gate may still be open', (at) => at.lease(DB, { seenMsAgo: at.facts.successorWaitMs })],
  ['it is known to be primary', (at) => at.instance('alfa-db', { fresh: true, ageMs: 10 })],
  ['the last renewal is another one’s', (at) => at.lease(DB, { holder: instanceId('bravo-db') })],
  ['no gate was named', (at) => at.lease(DB, { gate: null })],
];
for (const [why, change] of served)
  test(`nobody is replaced for its gate while ${why}`, () => {
    const at = silent(60_000);
    change(at);
    assert.equal(shutOutHolder(at.facts, componentOf(at)), null);
    assert.equal(proposeRecovery(at.facts), null);
  });
