import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import { instanceId } from '../base/ids.ts';
import type { InstanceObservation } from '../health/instance-observation.ts';
import { type LogPace, looked } from './log-pace.ts';
import { replicationPaths } from './replication-path.ts';

const [PRIMARY, STANDBY, ARCHIVE] = ['alfa-db', 'bravo-db', 'wit-db'].map(instanceId) as [never, never, never];

/** The archive copies from the standby, which copies from the primary. */
function cascade(): FactsBuilder {
  const facts = new FactsBuilder();
  const { topology } = facts.facts;
  facts.change({
    topology: {
      ...topology,
      components: topology.components.map((component) => ({
        ...component,
        instances: component.instances.map((each) => (each.id === ARCHIVE ? { ...each, upstream: STANDBY } : each)),
      })),
    },
  });
  const upstream = (instance: never) => ({ instance, connected: true, silentMs: 10 });
  return facts
    .observation(PRIMARY, {
      position: { generation: 2, sequence: 1000 },
      ackSet: [STANDBY],
      replicas: [{ instance: STANDBY, state: 'in-sync', acknowledgedSequence: 1000, silentMs: 5 }],
    })
    .observation(STANDBY, { position: { generation: 2, sequence: 1000 }, upstream: upstream(PRIMARY) })
    .observation(ARCHIVE, { position: { generation: 2, sequence: 1000 }, upstream: upstream(STANDBY) });
}

const pathTo = (facts: FactsBuilder, to: string, pace: LogPace = []) =>
  replicationPaths(facts.facts, new Map([[PRIMARY, pace]])).find((path) => path.to === to)!;

const replica = (change: Partial<InstanceObservation['replicas'][number]>): Partial<InstanceObservation> => ({
  replicas: [{ instance: STANDBY, state: 'in-sync', acknowledgedSequence: 1000, silentMs: 5, ...change }],
});

test('a standby that has everything is behind by nothing, in every unit, and is waited for', () => {
  const path = pathTo(cascade(), STANDBY);
  assert.deepEqual([path.leg, path.policy, path.state, path.acknowledging], ['primary', 'sync', 'in-sync', true]);
  assert.deepEqual([path.unit, path.fromGeneration, path.toGeneration], ['bytes', 2, 2]);
  for (const { certainty, value } of [path.behind, path.behindMs, path.transactions])
    assert.deepEqual([certainty, value], ['counted', 0]);
});

test('bytes that are missing are counted, their time is told from looks, and how many transactions they are is unknown', () => {
  const pace = looked(
    looked(looked([], { generation: 2, sequence: 600 }, 0), { generation: 2, sequence: 800 }, 1000),
    { generation: 2, sequence: 1000 },
    2000,
  );
  const path = pathTo(cascade().observation(PRIMARY, replica({ acknowledgedSequence: 900 })), STANDBY, pace);
  assert.deepEqual([path.behind.certainty, path.behind.value], ['counted', 100]);
  assert.deepEqual([path.behindMs.certainty, path.behindMs.value, path.behindMs.atMost], ['estimated', 500, 1000]);
  assert.deepEqual([path.transactions.certainty, path.transactions.value], ['unknown', null]);
});

test('without a look at a growing log the time is unknown, not zero', () => {
  const path = pathTo(cascade().observation(PRIMARY, replica({ acknowledgedSequence: 900 })), STANDBY);
  assert.deepEqual([path.behindMs.certainty, path.behindMs.value], ['unknown', null]);
});

test('a cascade goes from its upstream, nobody waits for it, and its difference is an estimate of two looks', () => {
  const level = pathTo(cascade(), ARCHIVE);
  assert.deepEqual([level.leg, level.from, level.acknowledging, level.state], ['cascade', STANDBY, false, 'in-sync']);
  assert.deepEqual([level.behind.certainty, level.behind.value], ['counted', 0]);
  const behind = pathTo(cascade().observation(ARCHIVE, { position: { generation: 2, sequence: 400 } }), ARCHIVE);
  assert.deepEqual([behind.state, behind.behind.certainty, behind.behind.value], ['following', 'estimated', 600]);
  const said = pathTo(cascade().observation(ARCHIVE, { figures: { lagBytes: 70 } }), ARCHIVE);
  assert.equal(said.behind.value, 70, 'what it heard of its upstream and has not replayed is missing too');
});

test('a cascade whose upstream is gone is lost', () => {
  const gone = { instance: STANDBY, connected: false, silentMs: 9000 };
  assert.equal(pathTo(cascade().observation(ARCHIVE, { upstream: gone }), ARCHIVE).state, 'lost');
});

test('a primary that is not heard says nothing of its copies: unknown, with the last value', () => {
  const facts = cascade().observation(PRIMARY, replica({ acknowledgedSequence: 900 }));
  const path = pathTo(facts.instance(PRIMARY, { fresh: false, ageMs: 42_000 }), STANDBY);
  assert.deepEqual([path.state, path.acknowledging], ['unknown', null]);
  assert.deepEqual([path.behind.certainty, path.behind.value, path.lookedMsAgo], ['unknown', 100, 42_000]);
  assert.match(path.behind.why!, /nothing fresh of alfa-db/);
});

test('a copy that its primary lost is measured by its own last word, unless its log is another one', () => {
  const lost = () => cascade().observation(PRIMARY, replica({ state: 'lost', acknowledgedSequence: 0 }));
  const path = pathTo(lost().observation(STANDBY, { position: { generation: 2, sequence: 700 } }), STANDBY);
  assert.deepEqual([path.state, path.behind.certainty, path.behind.value], ['lost', 'estimated', 300]);
  const tail = { file: 'tail', from: 690, count: 10 };
  const other = pathTo(lost().observation(STANDBY, { divergence: tail }), STANDBY);
  assert.deepEqual([other.behind.certainty, other.behind.value], ['unknown', null]);
});

test('one that is connecting and has said nothing yet is not behind by the whole log, nor by nothing', () => {
  const path = pathTo(
    cascade().observation(PRIMARY, replica({ state: 'connecting', acknowledgedSequence: 0 })),
    STANDBY,
  );
  assert.deepEqual([path.state, path.behind.certainty, path.behind.value], ['connecting', 'unknown', null]);
});

test('with no holder nothing is known of any copy', () => {
  const path = pathTo(cascade().revoke(DB), STANDBY);
  assert.deepEqual([path.state, path.behind.value], ['unknown', null]);
});
