import type { Grant, GroupRecord, RevokedHolder } from '../../src/core/authority/group-record.ts';
import { leaseBounds } from '../../src/core/authority/lease-arithmetic.ts';
import {
  type ComponentId,
  componentId,
  epoch,
  hostId,
  type InstanceId,
  instanceId,
  planDigest,
  revision,
  runId,
  type SiteId,
  siteId,
  term,
  wallMs,
} from '../../src/core/base/ids.ts';
import { type Approval, type Brake, type FinishedRun, noBrakes } from '../../src/core/decision/brakes.ts';
import type { Facts, HostFacts, InstanceFacts, LeaseFacts, SiteFacts } from '../../src/core/decision/facts.ts';
import type { DelegateObservation, InstanceObservation } from '../../src/core/health/instance-observation.ts';
import { siteVerdict, type Verdict } from '../../src/core/health/verdict.ts';
import type { FailoverGroup, Topology } from '../../src/core/topology/topology.ts';
import { indexOf, ownedComponents } from '../../src/core/topology/topology-index.ts';
import { type Shape, topologyOf } from '../../src/sim/build-topology.ts';
import type { Random } from '../../src/sim/random.ts';

/** Two trading sites, alfa active and bravo standing by, and the witness wit with an archive copy of the database. */
export const plainShape: Shape = {
  servingSites: 2,
  enginesPerSite: 2,
  archive: true,
  services: false,
  sitePolicy: 'automatic',
  instancePolicy: 'automatic',
  afterPeerLoss: 'degrade',
  coolDownMs: 20_000,
  maxRunsPerCoolDown: 2,
  rttMs: 8,
  plannedMove: { approval: false, ticket: false, noticeMs: 0, watchMs: 60_000, outsideMarketHours: false },
  loneDatabase: false,
  mixedVersions: false,
  timing: {
    leaseRenewEveryMs: 100,
    selfFenceAfterMs: 500,
    stopWithinMs: 100,
    clockRatePpm: 1000,
    leaseMarginMs: 50,
    reportEveryMs: 100,
    silenceFloorMs: 250,
    silenceCeilingMs: 500,
    leaderRenewEveryMs: 100,
    leaderTimeoutMs: 1000,
    stepDeadlineMs: 1000,
  },
};

export const NOW = wallMs(1_000_000_000);
export const [DB, ENGINE, OMS] = [componentId('db'), componentId('engine'), componentId('oms')];

export const healthy: Verdict = { state: 'healthy', basis: null, evidence: [] };
export const suspected: Verdict = { state: 'suspect', basis: null, evidence: ['controller bravo: silent for 300 ms'] };
export const unheardOf: Verdict = { state: 'unknown', basis: null, evidence: ['nothing fresh'] };
export const silentByQuorum: Verdict = { state: 'failed', basis: 'quorum', evidence: ['controller bravo: silent'] };
export const seenToEnd: Verdict = { state: 'failed', basis: 'fact', evidence: ['exited with SIGSEGV'] };

/** Mutable twin of `Facts`, for a test to change before it asks. */
export type Draft = {
  -readonly [Key in keyof Facts]: Facts[Key] extends ReadonlyMap<infer Name, infer Value>
    ? Map<Name, Value>
    : Facts[Key];
};

/** Facts of a platform on which all is well, and small changes to them. Everything that is not changed stays well. */
export class FactsBuilder {
  readonly facts: Draft;

  constructor(shape: Partial<Shape> = {}) {
    const topology = topologyOf({ ...plainShape, ...shape });
    this.facts = wellFacts(topology, topology.groups[0]!);
  }

  get record(): GroupRecord {
    return this.facts.record!;
  }

  change(change: Partial<Draft>): this {
    Object.assign(this.facts, change);
    return this;
  }

  group(change: Partial<FailoverGroup>): this {
    return this.change({ group: { ...this.facts.group, ...change } });
  }

  grant(component: ComponentId, change: Partial<Grant>): this {
    const grants = { ...this.record.grants, [component]: { ...this.record.grants[component]!, ...change } };
    return this.change({ record: { ...this.record, grants } });
  }

  /** Nobody holds it any more; the epoch was raised for that. */
  revoke(component: ComponentId, change: Partial<RevokedHolder> = {}): this {
    const grant = this.record.grants[component]!;
    const revoked: RevokedHolder = {
      instance: grant.holder!,
      epoch: grant.epoch,
      leaseRevision: this.facts.leases.get(component)?.revision ?? revision(0),
      promotable: grant.promotable,
      ...change,
    };
    const raised = epoch(this.record.epoch + 1);
    this.change({ record: { ...this.record, epoch: raised } });
    return this.grant(component, { holder: null, epoch: raised, ackSet: [], promotable: [], revoked });
  }

  instance(name: string, change: Partial<InstanceFacts>): this {
    const id = instanceId(name);
    this.facts.instances.set(id, { ...this.facts.instances.get(id)!, ...change });
    return this;
  }

  observation(name: string, change: Partial<InstanceObservation>): this {
    const { observation } = this.facts.instances.get(instanceId(name))!;
    return this.instance(name, { observation: { ...observation!, ...change } });
  }

  host(name: string, change: Partial<HostFacts>): this {
    const id = hostId(name);
    this.facts.hosts.set(id, { ...this.facts.hosts.get(id)!, ...change });
    return this;
  }

  lease(component: ComponentId, change: Partial<LeaseFacts>): this {
    this.facts.leases.set(component, { ...this.facts.leases.get(component)!, ...change });
    return this;
  }

  site(name: string, verdict: Verdict): this {
    const id = siteId(name);
    this.facts.sites.set(id, { ...this.facts.sites.get(id)!, verdict });
    return this;
  }

  /** Every host of the site is silent by quorum, and with it every instance. */
  lose(name: string): this {
    const { topology, hosts, instances } = this.facts;
    this.site(name, siteVerdict([silentByQuorum]));
    for (const host of topology.hosts.filter((each) => each.site === name))
      hosts.set(host.id, { ...hosts.get(host.id)!, verdict: silentByQuorum, connected: false });
    for (const [id, known] of instances)
      if (known.site === name) instances.set(id, { ...known, verdict: silentByQuorum, fresh: false, ageMs: 900 });
    return this;
  }

  /** Each member of the delegated database as its agent sees it: this lock, and who would lose nothing. */
  underDelegate(holder: string | null, change: Partial<DelegateObservation> & { readonly since?: number } = {}): this {
    const { since = 20, ...rest } = change;
    const members = indexOf(this.facts.topology).component.get(DB)!.instances;
    const withoutLoss = members.filter(({ id, eligible }) => eligible && id !== holder).map(({ id }) => id);
    const lock = holder === null ? null : { holder: instanceId(holder), since };
    for (const { id } of members) {
      const delegate: DelegateObservation = {
        lock,
        withoutLoss,
        durability: 'strict',
        lockTtlMs: 10_000,
        paused: false,
        dangers: [],
        ...rest,
      };
      this.observation(id, { ...observationOf(id, id === holder), delegate, ackSet: id === holder ? withoutLoss : [] });
    }
    return this;
  }

  brake(which: 'freeze' | 'maintenance', change: Partial<Brake> = {}): this {
    const brake: Brake = { by: 'Grace', reason: 'quarter end', at: wallMs(NOW - 60_000), until: null, ...change };
    return this.change({ brakes: { ...this.facts.brakes, [which]: brake } });
  }

  approve(change: Partial<Approval>): this {
    const approval: Approval = {
      digest: planDigest('0'),
      by: 'Ada',
      role: 'approver',
      at: NOW,
      until: wallMs(NOW + 60_000),
      acceptsLoss: null,
      ...change,
    };
    return this.change({ brakes: { ...this.facts.brakes, approvals: [...this.facts.brakes.approvals, approval] } });
  }

  ran(change: Partial<FinishedRun>): this {
    const finished: FinishedRun = {
      run: runId('trading-6'),
      automatic: true,
      scope: 'instance',
      endedAt: wallMs(NOW - 5000),
      demoted: [],
      result: 'completed',
      acknowledged: false,
      ...change,
    };
    return this.change({ brakes: { ...this.facts.brakes, history: [...this.facts.brakes.history, finished] } });
  }
}

const first = (ids: readonly InstanceId[]): InstanceId => ids[0]!;

function wellFacts(topology: Topology, group: FailoverGroup): Draft {
  const { siteOfInstance } = indexOf(topology);
  const grants: Record<ComponentId, Grant> = {};
  const leases = new Map<ComponentId, LeaseFacts>();
  for (const component of ownedComponents(topology, group)) {
    const holder = first(component.instances.map((each) => each.id));
    const peers =
      component.durability === null
        ? []
        : component.instances.filter((each) => each.eligible && each.id !== holder).map((each) => each.id);
    grants[component.id] = {
      component: component.id,
      holder,
      epoch: epoch(7),
      ackSet: peers,
      promotable: peers,
      mode: { kind: 'strict' },
      revoked: null,
    };
    leases.set(component.id, {
      holder,
      epoch: epoch(7),
      revision: revision(40),
      seenMsAgo: 30,
      gate: { kind: component.kind === 'postgres' ? 'warden' : 'self', boundMs: 20 },
    });
  }
  const record: GroupRecord = {
    group: group.id,
    incarnation: 'one',
    epoch: epoch(7),
    activeSite: siteId('alfa'),
    traffic: siteId('alfa'),
    grants,
    run: null,
    tradingEnabled: true,
  };
  const instances = new Map<InstanceId, InstanceFacts>();
  for (const id of group.components)
    for (const instance of indexOf(topology).component.get(id)!.instances) {
      const primary = grants[id]?.holder === instance.id;
      instances.set(instance.id, {
        instance,
        group: group.id,
        site: siteOfInstance.get(instance.id)!,
        verdict: healthy,
        observation: observationOf(instance.id, primary),
        ageMs: 10,
        fresh: true,
        provedDead: false,
        silencedBy: 'process-dead',
        lostBy: [],
        heldBy: [],
      });
    }
  return {
    topology,
    group,
    wallMs: NOW,
    leadership: { leading: true, term: term(3) },
    authority: { silentMs: 20, staleAfterMs: 1000, incarnationMatches: true },
    record,
    recordRevision: revision(30),
    brakes: noBrakes,
    sites: new Map<SiteId, SiteFacts>(topology.sites.map((site) => [site.id, { site, verdict: healthy }])),
    hosts: new Map(
      topology.hosts.map((host) => [host.id, { host, verdict: healthy, observers: [], connected: true }] as const),
    ),
    instances,
    leases,
    laggingMs: new Map(),
    run: null,
    successorWaitMs: leaseBounds(topology.timing).successorWaitMs,
  };
}

export const observationOf = (instance: InstanceId, primary: boolean): InstanceObservation => ({
  instance,
  process: 'running',
  role: primary ? 'primary' : 'standby',
  epoch: epoch(7),
  health: 'ok',
  reason: null,
  position: { generation: 7, sequence: 100 },
  releasing: primary,
  tradingEnabled: primary,
  ackSet: [],
  replicas: [],
  upstream: null,
  divergence: null,
  figures: { activeOrders: 3 },
});

/** Any facts that the types allow and a controller could gather, most of them bad news. */
export function drawFacts(random: Random): FactsBuilder {
  const builder = new FactsBuilder({
    servingSites: random.whole(2, 3),
    enginesPerSite: random.whole(1, 2),
    sitePolicy: random.pick(['automatic', 'automatic', 'approval', 'manual', 'observe']),
    instancePolicy: random.pick(['automatic', 'automatic', 'approval', 'manual', 'observe']),
    afterPeerLoss: random.pick(['degrade', 'halt']),
    loneDatabase: random.chance(0.2),
  });
  const { facts } = builder;
  const trouble = random.pick([0.02, 0.1, 0.4]);
  for (const site of facts.topology.sites) if (random.chance(trouble)) builder.lose(site.id);
  for (const host of facts.topology.hosts)
    if (random.chance(trouble))
      builder.host(host.id, {
        verdict: random.pick([healthy, suspected, unheardOf, silentByQuorum]),
        connected: random.chance(0.5),
      });
  for (const [id, known] of facts.instances) {
    if (!random.chance(trouble)) continue;
    builder.instance(id, {
      verdict: random.pick([healthy, suspected, unheardOf, silentByQuorum, seenToEnd]),
      fresh: random.chance(0.7),
      provedDead: random.chance(0.4),
      silencedBy: random.pick(['process-dead', 'demoted']),
    });
    if (random.chance(0.1)) builder.instance(id, { observation: null });
    else if (known.observation !== null)
      builder.observation(id, {
        process: random.pick(['running', 'running', 'exited', 'stopped', 'frozen']),
        role: random.pick(['closed', 'standby', 'primary', 'fenced', 'unknown']),
        health: random.pick(['ok', 'ok', 'degraded', 'bad', 'unknown']),
      });
  }
  for (const component of ownedComponents(facts.topology, facts.group)) {
    const grant = builder.record.grants[component.id]!;
    const safe = grant.promotable.filter(() => random.chance(0.8));
    builder.grant(component.id, { ackSet: safe, promotable: safe });
    if (random.chance(trouble)) facts.leases.delete(component.id);
    else if (random.chance(0.5))
      builder.lease(component.id, {
        seenMsAgo: random.whole(0, 2000),
        gate: random.chance(0.3) ? null : { kind: random.pick(['self', 'warden', 'nftables']), boundMs: 20 },
      });
    if (random.chance(trouble)) builder.revoke(component.id);
  }
  if (random.chance(trouble)) builder.brake('freeze');
  if (random.chance(trouble))
    builder.change({ authority: { ...facts.authority, silentMs: random.pick([null, 5000]) } });
  if (random.chance(trouble)) builder.change({ leadership: { ...facts.leadership, leading: false } });
  return builder;
}
