import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { FactsBuilder, NOW } from '../../test/builders/facts.ts';
import { epoch, instanceId } from '../core/base/ids.ts';
import { exposition } from '../core/metrics/exposition.ts';
import { METRICS } from '../core/metrics/metric-list.ts';
import { GROUP } from '../sim/build-topology.ts';
import type { CommandOutcome } from './messages.ts';
import { projectMetrics } from './project-metrics.ts';

function told(controller: ControllerUnderTest) {
  const samples = projectMetrics(controller.core, {
    now: controller.now,
    wall: NOW,
    evidence: { chain: 'controller/bravo', sequence: 41 },
  });
  const of = (metric: string, labels: Readonly<Record<string, string>> = {}) =>
    samples
      .filter((each) => each.metric === metric)
      .filter((each) => Object.entries(labels).every(([name, value]) => each.labels[name] === value));
  const value = (metric: string, labels: Readonly<Record<string, string>> = {}) => {
    const found = of(metric, labels);
    assert.ok(found.length <= 1, `${metric} ${JSON.stringify(labels)}: ${found.length}`);
    return found[0]?.value ?? null;
  };
  /** Of a metric that has a series for each word of a list: the words that hold. */
  const holding = (metric: string, labels: Readonly<Record<string, string>>, word: string) =>
    of(metric, labels)
      .filter((each) => each.value === 1)
      .map((each) => each.labels[word]);
  return { samples, value, of, holding };
}

test('a controller that leads tells who leads, the epoch, holders, sites, leases and its evidence', () => {
  const controller = new ControllerUnderTest().leads();
  const { value, holding } = told(controller);
  assert.equal(value('holdfast_controller_leading'), 1);
  assert.deepEqual(holding('holdfast_leader', {}, 'controller'), ['bravo']);
  assert.equal(value('holdfast_leader_term'), controller.core.leadership.term);
  assert.equal(value('holdfast_group_epoch', { group: GROUP }), controller.record!.epoch);
  assert.deepEqual(holding('holdfast_group_active_site', {}, 'site'), ['alfa']);
  assert.deepEqual(holding('holdfast_component_holder', { component: 'engine' }, 'instance'), ['alfa-eng1']);
  assert.deepEqual(holding('holdfast_component_durability', { component: 'engine' }, 'mode'), ['strict']);
  assert.deepEqual(holding('holdfast_instance_role', { instance: 'alfa-eng1' }, 'role'), ['primary']);
  assert.equal(value('holdfast_evidence_sequence', { chain: 'controller/bravo' }), 41);
  assert.equal(value('holdfast_group_run_open'), 0);
  assert.equal(value('holdfast_authority_incarnation_matches'), 1);
});

test('times are told in seconds, and a lease that nobody renews runs down to nothing and not below', () => {
  const controller = new ControllerUnderTest().leads();
  controller.now += 250;
  const { value } = told(controller);
  const silence = value('holdfast_lease_silence_seconds', { component: 'engine' })!;
  const remaining = value('holdfast_lease_remaining_seconds', { component: 'engine' })!;
  assert.ok(silence >= 0.25 && silence < 1, String(silence));
  assert.ok(remaining > 0 && remaining < 2, String(remaining));
  assert.equal(value('holdfast_instance_observation_age_seconds', { instance: 'alfa-eng1' }), 0.25);
  controller.now += 60_000;
  assert.equal(told(controller).value('holdfast_lease_remaining_seconds', { component: 'engine' }), 0);
});

test('what is not known has no sample, and its state is "unknown"', () => {
  const controller = new ControllerUnderTest().reads();
  const { value, of, holding } = told(controller);
  assert.equal(value('holdfast_controller_leading'), 0);
  assert.equal(of('holdfast_leader').length, 0, 'nobody was heard to lead');
  assert.equal(value('holdfast_leader_term'), null, 'its own term, of which it has none, is nobody else\u2019s');
  assert.equal(of('holdfast_instance_observation_age_seconds').length, 0);
  assert.equal(of('holdfast_replication_lag_seconds').length, 0);
  assert.equal(of('holdfast_replication_lag_counted').length, 0);
  assert.deepEqual(holding('holdfast_instance_role', { instance: 'alfa-eng1' }, 'role'), ['unknown']);
  assert.deepEqual(holding('holdfast_replication_state', { instance: 'bravo-eng1' }, 'state'), ['unknown']);
});

test('agents, which listen nowhere, are told of: the age of the last report, starts, refused orders and proofs, each once', () => {
  const silent = told(new ControllerUnderTest().reads());
  assert.equal(silent.of('holdfast_agent_report_age_seconds').length + silent.of('holdfast_agent_starts').length, 0);
  const controller = new ControllerUnderTest().leads();
  const [host, other] = controller.world.facts.topology.hosts.map(({ id }) => id);
  const answered = (about: Partial<CommandOutcome>) =>
    controller.step({
      kind: 'command-outcome',
      outcome: {
        key: 'run/step/1',
        attempt: 1,
        host: host!,
        outcome: { kind: 'ok', detail: {} },
        proof: null,
        repeated: false,
        ...about,
      },
    });
  const refused = { kind: 'refused', code: 'stale-term', reason: 'term 1 is over' } as const;
  const proof = {
    method: 'process-dead',
    scope: instanceId('alfa-eng1'),
    epoch: epoch(1),
    sticky: { heal: true, reboot: false },
    evidence: 'reaped',
  } as const;
  for (const repeated of [false, true]) answered({ outcome: refused, repeated });
  for (const repeated of [false, true]) answered({ proof, repeated });
  controller.now += 1500;
  const { value } = told(controller);
  assert.equal(value('holdfast_agent_report_age_seconds', { host: host! }), 1.5);
  assert.equal(value('holdfast_agent_starts', { host: host! }), 1);
  const counts = (of: string) => [
    value('holdfast_agent_orders_refused_total', { host: of }),
    value('holdfast_agent_fencing_proofs_total', { host: of }),
  ];
  assert.deepEqual(
    [counts(host!), counts(other!)],
    [
      [1, 1],
      [0, 0],
    ],
  );
});

test('a group that was never activated has no epoch, no holder and no active site', () => {
  const controller = new ControllerUnderTest(new FactsBuilder().change({ record: null })).leads();
  const { value, of } = told(controller);
  assert.equal(value('holdfast_group_activated'), 0);
  for (const metric of ['holdfast_group_epoch', 'holdfast_group_active_site', 'holdfast_component_holder'])
    assert.deepEqual(of(metric), [], metric);
});

test('what is seen to be wrong is counted by diagnosis, by a controller that does not lead as well', () => {
  const controller = new ControllerUnderTest(
    new FactsBuilder().observation('bravo-oms', { process: 'exited', role: 'closed', health: 'bad' }),
  ).reads();
  controller.hears();
  const { value, of } = told(controller);
  assert.equal(value('holdfast_group_diagnoses', { diagnosis: 'InstanceDown' }), 1);
  assert.ok(of('holdfast_group_diagnoses').length > 15);
});

test('of each list of words exactly one holds, there is no series twice, and the text is whole', () => {
  const controller = new ControllerUnderTest().leads();
  const { samples } = told(controller);
  const words = { state: 'unknown', role: 'unknown', mode: 'strict' };
  for (const [name, { labels }] of Object.entries(METRICS)) {
    const word = Object.keys(words).find((each) => labels.some((label: string) => label === each));
    if (word === undefined) continue;
    const sums = Map.groupBy(
      samples.filter(({ metric }) => metric === name),
      (each) => JSON.stringify({ ...each.labels, [word]: null }),
    );
    for (const [key, group] of sums)
      assert.equal(
        group.reduce((sum, { value }) => sum + value, 0),
        1,
        `${name} ${key}`,
      );
  }
  const text = exposition(samples);
  assert.equal(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length, samples.length);
});
