import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firm } from '../../lab/lab-fixtures.ts';
import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import { leaseBounds } from '../core/authority/lease-arithmetic.ts';
import type { Json } from '../core/base/canonical-json.ts';
import {
  controllerId,
  epoch,
  hostId,
  type InstanceId,
  instanceId,
  revision,
  type SiteId,
  siteId,
  wallMs,
} from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import { gatherFacts } from './gather.ts';
import { Leadership } from './leadership.ts';
import type { AgentReport } from './messages.ts';
import { Vantage } from './vantage.ts';

const shape = {
  sites: { east: { hosts: 2 }, west: { hosts: 1 }, far: { hosts: 1 } },
  links: [
    ['east', 'west', 8],
    ['east', 'far', 20],
    ['west', 'far', 20],
  ] as [string, string, number][],
};
const topology = firm({
  ...shape,
  components: { engine: { kind: 'trading-engine', on: ['east-h1', 'east-h2'] } },
});
/** The same with a dependant at another site. */
const fed = firm({
  ...shape,
  components: { engine: { kind: 'trading-engine', on: ['east-h1', 'east-h2', 'west-h1'] } },
});
const group = topology.groups[0]!;
const engine = topology.components[0]!;
const holder = instanceId('engine-east-h1');
const replica = instanceId('engine-east-h2');
const { successorWaitMs } = leaseBounds(topology.timing);

const observation = (instance: typeof holder, upstream: InstanceObservation['upstream']): InstanceObservation => ({
  instance,
  process: 'running',
  role: upstream === null ? 'primary' : 'standby',
  epoch: epoch(1),
  health: 'ok',
  reason: null,
  position: null,
  releasing: upstream === null,
  tradingEnabled: true,
  ackSet: [],
  replicas: [],
  upstream,
  divergence: null,
  figures: {},
});

const report = (host: string, sequence: number, seen: InstanceObservation): AgentReport => ({
  host: hostId(host),
  site: siteId('east'),
  boot: host,
  start: 1,
  sequence,
  instances: [
    {
      instance: seen.instance,
      component: engine.id,
      observation: seen,
      ageMs: 0,
      exit: null,
      silenced: false,
      silencedBy: 'process-dead',
      leaseCounter: 1,
      leased: seen.upstream === null,
    },
  ],
});

/** The holder's agent was heard last at 0, its lease renewed then; its replica is heard until `now` and still connected to it. */
function verdictAt(now: number, gate: LeaseRecord['gate'] = { kind: 'self', boundMs: 20 }) {
  const vantage = new Vantage(topology, siteId('west'));
  vantage.report(report('east-h1', 1, observation(holder, null)), 0);
  const connected = { instance: holder, connected: true, silentMs: 10 };
  for (let at = 0; at <= now; at += 50) vantage.report(report('east-h2', 1 + at, observation(replica, connected)), at);
  const silent = (observer: string) => ({
    observer: siteId(observer) as SiteId,
    hosts: { [hostId('east-h1')]: { opinion: 'silent' as const, silentMs: now } },
  });
  for (const at of [now - 100, now]) for (const observer of ['east', 'far']) vantage.peer(silent(observer), at);
  return verdictOf(vantage, now, gate, new Map());
}

/** What is said of the holder at a moment, its grant and its one renewal being known since 0. */
function verdictOf(
  vantage: Vantage,
  now: number,
  gate: LeaseRecord['gate'],
  idleSince: Map<InstanceId, number>,
  among = topology,
) {
  const mirror = new AuthorityMirror();
  const grant = {
    component: engine.id,
    holder,
    epoch: epoch(1),
    ackSet: [replica],
    promotable: [replica],
    mode: { kind: 'strict' },
    revoked: null,
  };
  const record = {
    group: group.id,
    incarnation: 'one',
    epoch: epoch(1),
    activeSite: siteId('east'),
    traffic: siteId('east'),
    grants: { [engine.id]: grant },
    run: null,
    tradingEnabled: true,
  } as unknown as GroupRecord;
  const lease: LeaseRecord = { component: engine.id, holder, epoch: epoch(1), counter: 1, gate };
  const entries = {
    [keys.group(group.id)]: { value: record as unknown as Json, revision: revision(1) },
    [keys.lease(group.id, engine.id)]: { value: lease as unknown as Json, revision: revision(2) },
  };
  mirror.snapshot(entries, { revision: revision(2), incarnation: 'one', now: 0 });
  const leadership = new Leadership(controllerId('west'), topology.timing, 0);
  const facts = gatherFacts({
    topology: among,
    group,
    mirror,
    vantage,
    leadership,
    run: null,
    idleSince,
    laggingSince: new Map(),
    now,
    wall: wallMs(now),
  });
  return facts.instances.get(holder)!.verdict;
}

test('a primary whose agent is silent is only suspect while its replica has it and its lease may run', () => {
  assert.equal(verdictAt(successorWaitMs - 50).state, 'suspect');
});

test('once its lease has run out it has failed, although its replica still has it: connected, it releases nothing', () => {
  const verdict = verdictAt(successorWaitMs + 50);
  assert.deepEqual([verdict.state, verdict.basis], ['failed', 'quorum']);
  assert.ok(verdict.evidence.some((sentence) => sentence.includes('lease ran out')));
});

test('without a gate the end of a lease says nothing: it stays suspect', () => {
  assert.equal(verdictAt(successorWaitMs + 50, null).state, 'suspect');
});

const self = { kind: 'self', boundMs: 20 } as const;

/** Its own agent does not hear it, and its dependants say what `silentMs` says, as seen at `now`. */
function frozenVerdict(dependants: Readonly<Record<string, number>>, now: number) {
  const vantage = new Vantage(fed, siteId('west'));
  const frozen = { ...observation(holder, null), process: 'frozen', health: 'unknown' } as const;
  vantage.report(report('east-h1', 1, frozen), now);
  for (const [host, silentMs] of Object.entries(dependants)) {
    const upstream = { instance: holder, connected: true, silentMs };
    vantage.report(report(host, 1, observation(instanceId(`engine-${host}`), upstream)), now);
  }
  return verdictOf(vantage, now, self, new Map(), fed);
}

test('a frozen primary that every dependant lost has failed', () => {
  const verdict = frozenVerdict({ 'east-h2': 250, 'west-h1': 250 }, 300);
  assert.deepEqual([verdict.state, verdict.basis], ['failed', 'quorum']);
});

test('one that a dependant heard for the last time when another lost it has failed: its word is only older', () => {
  assert.equal(frozenVerdict({ 'east-h2': 220, 'west-h1': 250 }, 300).state, 'failed');
});

test('one that a dependant still has is only suspect, also where another dependant, that was cut off itself, lost it', () => {
  assert.equal(frozenVerdict({ 'east-h2': 10, 'west-h1': 20_000 }, 300).state, 'suspect');
  assert.equal(frozenVerdict({ 'east-h2': 10, 'west-h1': 10 }, 300).state, 'suspect');
});

test('and it has failed once its lease has run out', () => {
  assert.equal(frozenVerdict({ 'east-h2': 10, 'west-h1': 20_000 }, successorWaitMs + 50).state, 'failed');
});

/** The holder as its agent reports it at `at`: not primary (yet, or any more), and well. */
const standingBy = (sequence: number): AgentReport => {
  const seen = observation(holder, { instance: replica, connected: true, silentMs: 0 });
  return report('east-h1', sequence, seen);
};

/** A report counts as fresh for longer than a holder may be idle. */
const patient = { ...topology, timing: { ...topology.timing, silenceFloorMs: 1500, silenceCeilingMs: 2000 } };

test('what was reported of a holder before it was promoted deposes nobody, however long its next report takes', () => {
  const vantage = new Vantage(patient, siteId('west'));
  const idleSince = new Map<InstanceId, number>();
  const { silenceCeilingMs } = patient.timing;
  vantage.report(standingBy(1), 0);
  // The run that promoted it has just ended, and no report since has come.
  for (let now = 20; now < silenceCeilingMs; now += 20)
    assert.equal(verdictOf(vantage, now, self, idleSince, patient).state, 'healthy', `at ${now} ms`);
  vantage.report(report('east-h1', 2, observation(holder, null)), silenceCeilingMs);
  assert.equal(verdictOf(vantage, silenceCeilingMs + 10, self, idleSince, patient).state, 'healthy');
});

test('a holder that is reported not to be primary, again after it was looked at for a while, has failed', () => {
  const vantage = new Vantage(patient, siteId('west'));
  const idleSince = new Map<InstanceId, number>();
  vantage.report(standingBy(1), 0);
  assert.equal(verdictOf(vantage, 20, self, idleSince, patient).state, 'healthy');
  vantage.report(standingBy(2), 600);
  const verdict = verdictOf(vantage, 620, self, idleSince, patient);
  assert.deepEqual([verdict.state, verdict.basis], ['failed', 'fact']);
});
