import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder } from '../../../test/builders/facts.ts';
import { componentId, epoch, instanceId } from '../base/ids.ts';
import type { DataMechanism } from '../topology/planning.ts';
import { atLeast, counted, estimated, unknownAmount } from './amount.ts';
import { dataClassRpo, verdictOf } from './data-class-rpo.ts';
import { looked } from './log-pace.ts';

const [PRIMARY, STANDBY, ARCHIVE] = ['alfa-db', 'bravo-db', 'wit-db'].map(instanceId) as [never, never, never];
const end = (sequence: number) => ({ position: { generation: 1, sequence } });

function judge(facts: FactsBuilder, keptBy: Partial<DataMechanism> = {}, rpoMs = 0) {
  const mechanism: DataMechanism = { kind: 'synchronous', of: [DB], everyMs: null, stated: true, ...keptBy };
  let pace = looked([], { generation: 1, sequence: 800 }, 0);
  pace = looked(pace, { generation: 1, sequence: 1000 }, 2000);
  const known = (id: string) => (facts.facts.group.components.some((each) => each === id) ? facts.facts : null);
  return dataClassRpo({ id: 'orders', rpoMs, store: DB, keptBy: mechanism }, known, new Map([[PRIMARY, pace]]));
}

/** Nobody confirms any more; the primary wrote on to 1000. */
const degraded = () =>
  new FactsBuilder()
    .grant(DB, { ackSet: [], promotable: [], mode: { kind: 'degraded', sinceEpoch: epoch(1), lost: [STANDBY] } })
    .observation(PRIMARY, { ...end(1000), replicas: [] })
    .observation(STANDBY, end(900))
    .observation(ARCHIVE, end(850));

test('while a copy elsewhere is waited for and heard, nothing is lost, and why stands beside it', () => {
  const { now, proof, verdict } = judge(new FactsBuilder());
  assert.deepEqual([now.value, verdict], [0, 'kept']);
  assert.match(proof!, /bravo-db has everything that was acknowledged/);
});

test('a copy that has everything and is not heard proves nothing', () => {
  const { now, verdict } = judge(new FactsBuilder().instance(STANDBY, { fresh: false }));
  assert.deepEqual([now.certainty, verdict], ['unknown', 'unknown']);
  assert.match(now.why!, /and is not heard/);
});

test('an authority that is not heard proves nothing: who is promotable may have changed', () => {
  const facts = new FactsBuilder();
  facts.change({ authority: { ...facts.facts.authority, silentMs: 60_000 } });
  assert.equal(judge(facts).verdict, 'unknown');
});

test('degraded: the best copy elsewhere tells what would be lost, and an RPO of 0 is missed', () => {
  const { now, proof, verdict, losses } = judge(degraded());
  assert.deepEqual(
    [losses[0]!.best, losses[0]!.amount.value, losses[0]!.amount.certainty],
    [STANDBY, 100, 'estimated'],
  );
  assert.deepEqual([now.value, proof, verdict], [1000, null, 'missed']);
  const { ageMs } = degraded().facts.instances.get(PRIMARY)!;
  assert.equal(now.atMost, 2000 + ageMs!, 'it may have gone on since it was looked at');
});

test('degraded, and no difference seen: an RPO of 0 is not proved, so unknown; a larger one is kept', () => {
  const level = degraded().observation(STANDBY, end(1000));
  assert.deepEqual(
    [judge(level).now.certainty, judge(level).now.value, judge(level).verdict],
    ['estimated', 0, 'unknown'],
  );
  assert.equal(judge(level, {}, 5000).verdict, 'kept');
});

test('a class that is kept by a cascade is judged by the cascade, also while a synchronous copy has everything', () => {
  const facts = degraded().grant(DB, { promotable: [STANDBY] });
  const { topology } = facts.facts;
  facts.change({
    topology: {
      ...topology,
      components: topology.components.map((each) => ({
        ...each,
        instances: each.instances.map((one) => ({ ...one, upstream: one.id === ARCHIVE ? STANDBY : null })),
      })),
    },
  });
  const { losses, proof } = judge(facts, { kind: 'cascade' }, 5000);
  assert.deepEqual([losses[0]!.best, losses[0]!.amount.value, proof], [ARCHIVE, 150, null]);
});

test('what the primary wrote since it was last heard is not guessed', () => {
  const { now } = judge(degraded().instance(PRIMARY, { fresh: false }));
  assert.deepEqual([now.certainty, now.value], ['unknown', null]);
});

test('a copy with a log of its own counts for nothing', () => {
  const tail = { file: 'tail', from: 880, count: 20 };
  const facts = degraded().observation(STANDBY, { divergence: tail });
  assert.equal(judge(facts).losses[0]!.best, ARCHIVE);
});

test('what is recomputed stands as its inputs do, all of them', () => {
  assert.equal(judge(new FactsBuilder(), { kind: 'recomputed', of: [DB, ENGINE] }).verdict, 'kept');
  assert.equal(judge(degraded(), { kind: 'recomputed', of: [DB, ENGINE] }).verdict, 'missed');
});

test('what nobody measures is unknown, and said why', () => {
  for (const keptBy of [
    { kind: 'outside' },
    { kind: 'backup' },
    { kind: 'recomputed', of: [] },
    { of: [componentId('crm')] },
  ] as const) {
    const { now, verdict } = judge(new FactsBuilder(), keptBy);
    assert.deepEqual([now.value, verdict], [null, 'unknown']);
    assert.notEqual(now.why, null);
  }
});

test('a verdict needs a bound: between the estimate and what can be vouched for it is unknown', () => {
  assert.equal(verdictOf(5000, estimated(1000, 'x', 4000), false), 'kept');
  assert.equal(verdictOf(5000, estimated(1000, 'x', 9000), false), 'unknown');
  assert.equal(verdictOf(5000, estimated(6000, 'x', 9000), false), 'missed');
  assert.equal(verdictOf(5000, atLeast(1000, 'x'), false), 'unknown');
  assert.equal(verdictOf(5000, atLeast(6000, 'x'), false), 'missed');
  assert.equal(verdictOf(5000, unknownAmount('x', 0), false), 'unknown');
  assert.equal(verdictOf(0, counted(0), true), 'kept');
});
