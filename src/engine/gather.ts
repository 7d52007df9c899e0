import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import { leaseBounds } from '../core/authority/lease-arithmetic.ts';
import type { ComponentId, HostId, InstanceId, SiteId, WallMs } from '../core/base/ids.ts';
import { type Brakes, noBrakes } from '../core/decision/brakes.ts';
import type { Facts, HostFacts, InstanceFacts, LeaseFacts, SiteFacts } from '../core/decision/facts.ts';
import { hostVerdict, siteVerdict, type Verdict } from '../core/health/verdict.ts';
import type { StepKind } from '../core/plan/runbook.ts';
import type { RunState } from '../core/run/run.ts';
import type { FailoverGroup, Instance, Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { keys } from './authority-keys.ts';
import type { AuthorityMirror } from './authority-mirror.ts';
import { type Dependants, dependantsOf, frozenProcess, silentHost, type Word } from './dependants.ts';
import type { Leadership } from './leadership.ts';
import type { InstanceReport } from './messages.ts';
import type { Vantage } from './vantage.ts';

export interface GatherInput {
  readonly topology: Topology;
  readonly group: FailoverGroup;
  readonly mirror: AuthorityMirror;
  readonly vantage: Vantage;
  readonly leadership: Leadership;
  readonly run: RunState | null;
  /** Since when each holder has been seen alive and not serving, outside a run. */
  readonly idleSince: Map<InstanceId, number>;
  /** Since when each member of an acknowledgement set has been seen not in step. */
  readonly laggingSince: Map<InstanceId, number>;
  readonly now: number;
  readonly wall: WallMs;
}

/** How long a living holder may be something else than primary, outside a run, before that counts as failed. */
const IDLE_GRACE_MS = 500;
/** The same while another holder is only just being looked at: a site that comes back is judged as a whole, not host by host. */
const RETURNING_GRACE_MS = 5000;

/** Turns what this controller has seen into facts about one group at one moment. No decision is taken here. */
export function gatherFacts(input: GatherInput): Facts {
  const { topology, group, mirror, leadership, now } = input;
  const record = mirror.value<GroupRecord>(keys.group(group.id));
  const hosts = gatherHosts(input);
  const instances = gatherInstances(input, record, hosts);
  const sites = new Map<SiteId, SiteFacts>();
  for (const site of topology.sites) {
    const verdicts = (indexOf(topology).hostsOfSite.get(site.id) ?? []).map((host) => hosts.get(host.id)!.verdict);
    sites.set(site.id, { site, verdict: siteVerdict(verdicts) });
  }
  return {
    topology,
    group,
    wallMs: input.wall,
    leadership: { leading: leadership.leading(mirror), term: leadership.term },
    authority: {
      silentMs: mirror.heardAt === null ? null : now - mirror.heardAt,
      staleAfterMs: topology.timing.leaderTimeoutMs,
      incarnationMatches: record === null || record.incarnation === mirror.incarnation,
    },
    record,
    recordRevision: mirror.revisionOf(keys.group(group.id)),
    brakes: mirror.value<Brakes>(keys.brakes(group.id)) ?? noBrakes,
    sites,
    hosts,
    instances,
    leases: gatherLeases(input, record),
    laggingMs: gatherLagging(input, record, instances),
    run: input.run,
    successorWaitMs: leaseBounds(topology.timing).successorWaitMs,
  };
}

function gatherHosts({ topology, vantage, now }: GatherInput): Map<HostId, HostFacts> {
  const voters = indexOf(topology).voters.length;
  const hosts = new Map<HostId, HostFacts>();
  for (const host of topology.hosts) {
    const observers = vantage.observers(host.id, now);
    hosts.set(host.id, {
      host,
      observers,
      verdict: hostVerdict(observers, voters),
      connected: vantage.connected(host.id),
    });
  }
  return hosts;
}

function gatherInstances(
  input: GatherInput,
  record: GroupRecord | null,
  hosts: ReadonlyMap<HostId, HostFacts>,
): Map<InstanceId, InstanceFacts> {
  const { topology, group, vantage, now } = input;
  const { component: components, siteOfInstance } = indexOf(topology);
  const freshMs = topology.timing.silenceCeilingMs;
  const members = group.components.flatMap((id) => components.get(id)?.instances ?? []);
  const words = new Map<InstanceId, Word>();
  for (const instance of members) {
    const last = vantage.lastReport(instance.host);
    const report = vantage.instanceReport(instance.host, instance.id);
    if (!last || !report) continue;
    const ageMs = now - last.at;
    words.set(instance.id, {
      report,
      ageMs: ageMs + report.ageMs,
      fresh: ageMs <= freshMs && hosts.get(instance.host)?.verdict.state !== 'failed',
    });
  }
  const holders = Object.values(record?.grants ?? {}).flatMap(({ holder }) => holder ?? []);
  const returning = holders.some((holder) => {
    const word = words.get(holder);
    return word?.fresh && isUnseen(word.report.observation);
  });
  const facts = new Map<InstanceId, InstanceFacts>();
  for (const instance of members) {
    const word = words.get(instance.id);
    const dependants = dependantsOf(instance.id, words);
    const base = {
      instance,
      group: group.id,
      site: siteOfInstance.get(instance.id)!,
      observation: word?.report.observation ?? null,
      ageMs: word?.ageMs ?? null,
      fresh: word?.fresh ?? false,
      silencedBy: word?.report.silencedBy ?? 'process-dead',
      provedDead: isProvedDead(input, instance, word?.report ?? null, word?.fresh ?? false),
      lostBy: dependants.lost.map(({ id }) => id),
      heldBy: dependants.held.map(({ id }) => id),
    };
    const idleGraceMs = returning ? RETURNING_GRACE_MS : IDLE_GRACE_MS;
    const host = hosts.get(instance.host)!;
    const judging = { record, input, idleGraceMs, dependants };
    facts.set(instance.id, { ...base, verdict: instanceVerdict(base, host, judging) });
  }
  return facts;
}

/** The agent vouches for its silence, freshly, and knows of every renewal that we know of. */
function isProvedDead(
  { mirror, group }: GatherInput,
  instance: Instance,
  report: InstanceReport | null,
  fresh: boolean,
): boolean {
  if (!fresh || report === null || !report.silenced) return false;
  const lease = mirror.value<LeaseRecord>(keys.lease(group.id, instance.component));
  return lease === null || lease.holder !== instance.id || report.leaseCounter >= lease.counter;
}

type Known = Omit<InstanceFacts, 'verdict'>;

/** Its agent has not looked at it yet, or it runs and has not answered yet. */
const isUnseen = (observation: InstanceReport['observation']): boolean =>
  observation === null || (observation.process === 'running' && observation.health === 'unknown');

interface Judging {
  readonly record: GroupRecord | null;
  readonly input: GatherInput;
  readonly idleGraceMs: number;
  readonly dependants: Dependants;
}

function instanceVerdict(known: Known, host: HostFacts, judging: Judging): Verdict {
  const { observation } = known;
  const { dependants } = judging;
  const overMs = () => leaseOverMs(known.instance, judging.input);
  if (host.verdict.state === 'failed') return silentHost(host.verdict, dependants, overMs());
  if (!known.fresh || observation === null)
    return { state: 'unknown', basis: null, evidence: [`nothing fresh from ${known.instance.host}`] };
  const idle = idleHolder(known, judging);
  if (observation.process === 'exited' || observation.process === 'stopped')
    return {
      state: 'failed',
      basis: 'fact',
      evidence: [`${known.instance.host}: ${observation.reason ?? `process ${observation.process}`}`],
    };
  if (observation.process === 'frozen') return frozenProcess(known.instance.host, dependants, overMs());
  if (observation.health === 'unknown')
    return {
      state: 'unknown',
      basis: null,
      evidence: [observation.reason ?? `${known.instance.host}: nothing is known of it yet`],
    };
  if (idle) return idle;
  if (observation.health === 'bad' || observation.health === 'degraded')
    return { state: 'degraded', basis: 'fact', evidence: [observation.reason ?? `health ${observation.health}`] };
  return { state: 'healthy', basis: null, evidence: [] };
}

/** How long ago the last renewal seen of it stopped giving a right, by a gate that does not ask its agent; null = it may still. */
function leaseOverMs(instance: Instance, { mirror, group, topology, now }: GatherInput): number | null {
  const key = keys.lease(group.id, instance.component);
  const lease = mirror.value<LeaseRecord>(key);
  const seenAt = mirror.seenAt(key);
  if (lease === null || seenAt === null || lease.holder !== instance.id || lease.gate === null) return null;
  const overMs = now - seenAt - leaseBounds(topology.timing).successorWaitMs;
  return overMs < 0 ? null : overMs;
}

/**
 * Named in the record, and not primary: after a cold start, when it fenced itself, or when it ended and was started again, closed.
 * A run under way is given its time.
 */
function idleHolder(known: Known, { record, input, idleGraceMs }: Judging): Verdict | null {
  const { idleSince, run, now } = input;
  const { id, component } = known.instance;
  const holds = record?.grants[component]?.holder === id;
  if (!holds || isBeingPromoted(run, component) || known.observation?.role === 'primary') {
    idleSince.delete(id);
    return null;
  }
  const since = idleSince.get(id) ?? now;
  idleSince.set(id, since);
  // What was seen of it before, for one before it was promoted, says nothing about now.
  const seenAt = known.ageMs === null ? Number.NEGATIVE_INFINITY : now - known.ageMs;
  if (now - since < idleGraceMs || seenAt < since) return null;
  return {
    state: 'failed',
    basis: 'fact',
    evidence: [`${known.instance.host}: it holds the grant and is ${known.observation?.role ?? 'unknown'}`],
  };
}

/** An open run is still on its way to promote this component. */
export function isBeingPromoted(run: RunState | null, component: ComponentId): boolean {
  if (run === null || run.result !== null || !run.plan.moves.some((move) => move.component === component)) return false;
  const waits = (kind: StepKind) => run.steps.some(({ step, state }) => step.kind === kind && state !== 'finished');
  // While it is drained it is still held.
  return waits('promote-components') && !waits('revoke');
}

/** What cannot be seen now is as it was. */
function gatherLagging(
  { laggingSince, now }: GatherInput,
  record: GroupRecord | null,
  instances: ReadonlyMap<InstanceId, InstanceFacts>,
): ReadonlyMap<InstanceId, number> {
  const members = new Set<InstanceId>();
  for (const { holder, ackSet } of Object.values(record?.grants ?? {})) {
    for (const member of ackSet) members.add(member);
    const known = holder === null ? undefined : instances.get(holder);
    if (!known?.fresh) continue;
    for (const { instance, state } of known.observation?.replicas ?? [])
      if (state === 'in-sync') laggingSince.delete(instance);
      else if (ackSet.includes(instance) && !laggingSince.has(instance)) laggingSince.set(instance, now);
  }
  for (const member of laggingSince.keys()) if (!members.has(member)) laggingSince.delete(member);
  return new Map([...laggingSince].map(([member, since]) => [member, now - since]));
}

function gatherLeases({ mirror, group, now }: GatherInput, record: GroupRecord | null): Map<ComponentId, LeaseFacts> {
  const leases = new Map<ComponentId, LeaseFacts>();
  const renewed = { ...record?.grants, ...record?.delegates };
  for (const component of Object.keys(renewed) as ComponentId[]) {
    const key = keys.lease(group.id, component);
    const lease = mirror.value<LeaseRecord>(key);
    const seenAt = mirror.seenAt(key);
    if (lease === null || seenAt === null) continue;
    leases.set(component, {
      holder: lease.holder,
      epoch: lease.epoch,
      revision: mirror.revisionOf(key),
      seenMsAgo: now - seenAt,
      gate: lease.gate,
    });
  }
  return leases;
}
