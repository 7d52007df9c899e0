import { assert } from '../base/assert.ts';
import type { ComponentId, GroupId, HostId, InstanceId, SiteId } from '../base/ids.ts';
import type { Component, FailoverGroup, Host, Instance, Site, Topology } from './topology.ts';
import { canServe, indexOf } from './topology-index.ts';

/**
 * Questions about a topology, each one call. Every answer comes from indexes built once per topology object; a name
 * that the topology does not have is a bug of the caller and asserts.
 */

export function siteNamed(topology: Topology, id: SiteId): Site {
  return known(indexOf(topology).site.get(id), 'site', id);
}

export function hostNamed(topology: Topology, id: HostId): Host {
  return known(indexOf(topology).host.get(id), 'host', id);
}

export function componentNamed(topology: Topology, id: ComponentId): Component {
  return known(indexOf(topology).component.get(id), 'component', id);
}

export function instanceNamed(topology: Topology, id: InstanceId): Instance {
  return known(indexOf(topology).instance.get(id), 'instance', id);
}

export function groupNamed(topology: Topology, id: GroupId): FailoverGroup {
  return known(factsOf(topology).group.get(id), 'group', id);
}

export const instancesOf = (topology: Topology, component: ComponentId): readonly Instance[] =>
  componentNamed(topology, component).instances;

export const componentOf = (topology: Topology, instance: InstanceId): Component =>
  componentNamed(topology, instanceNamed(topology, instance).component);

export const hostOf = (topology: Topology, instance: InstanceId): Host =>
  hostNamed(topology, instanceNamed(topology, instance).host);

export const siteOf = (topology: Topology, instance: InstanceId): Site =>
  siteNamed(topology, hostOf(topology, instance).site);

/** In the order of the file; empty for a site that runs nothing, such as a bare witness. */
export function hostsAt(topology: Topology, site: SiteId): readonly Host[] {
  return known(indexOf(topology).hostsOfSite.get(site), 'site', site);
}

export function instancesOn(topology: Topology, host: HostId): readonly Instance[] {
  return factsOf(topology).instancesOn.get(hostNamed(topology, host).id) ?? [];
}

export function instancesAt(topology: Topology, site: SiteId): readonly Instance[] {
  return hostsAt(topology, site).flatMap((host) => instancesOn(topology, host.id));
}

/** Null for a component that no group moves. */
export function groupOf(topology: Topology, component: ComponentId): FailoverGroup | null {
  return factsOf(topology).groupOf.get(componentNamed(topology, component).id) ?? null;
}

/** Sites that may ever be active, most preferred first. */
export const servingSites = (topology: Topology): readonly Site[] => factsOf(topology).serving;

/** Sites whose voter takes part in the authority. */
export const votersOf = (topology: Topology): readonly Site[] => indexOf(topology).voters;

/** Votes needed for any decision of the authority. */
export const quorumSize = (topology: Topology): number => Math.floor(votersOf(topology).length / 2) + 1;

/** Instances of the component at this site that may be granted the primary role. */
export const eligibleInstancesAt = (topology: Topology, component: ComponentId, site: SiteId): readonly Instance[] =>
  instancesOf(topology, component).filter(
    (each) => each.eligible && siteOf(topology, each.id).id === siteNamed(topology, site).id,
  );

/** Eligible instances that can be in an acknowledgement set while `holder` is primary. */
export function syncPeersOf(topology: Topology, holder: InstanceId): readonly Instance[] {
  return componentOf(topology, holder).instances.filter(
    (each) => each.id !== holder && each.eligible && each.replication === 'sync',
  );
}

/**
 * Round trip between two sites in milliseconds: 0 within a site, otherwise the quickest way over the links' first
 * choices, through other sites where there is no direct link. Null when no link leads there.
 */
export function rttBetweenMs(topology: Topology, from: SiteId, to: SiteId): number | null {
  siteNamed(topology, to);
  return factsOf(topology).rttFrom(siteNamed(topology, from).id).get(to) ?? null;
}

/** What one quorum write costs a client at this site: the round trip to the voter that completes the quorum. */
export function quorumRttMs(topology: Topology, from: SiteId): number | null {
  const trips = votersOf(topology)
    .map((voter) => rttBetweenMs(topology, from, voter.id))
    .filter((trip) => trip !== null)
    .toSorted((left, right) => left - right);
  return trips[quorumSize(topology) - 1] ?? null;
}

interface Facts {
  readonly group: ReadonlyMap<GroupId, FailoverGroup>;
  readonly groupOf: ReadonlyMap<ComponentId, FailoverGroup>;
  readonly instancesOn: ReadonlyMap<HostId, readonly Instance[]>;
  readonly serving: readonly Site[];
  rttFrom(site: SiteId): ReadonlyMap<SiteId, number>;
}

const remembered = new WeakMap<Topology, Facts>();

function factsOf(topology: Topology): Facts {
  const before = remembered.get(topology);
  if (before) return before;
  const rtt = new Map<SiteId, ReadonlyMap<SiteId, number>>();
  const facts: Facts = {
    group: new Map(topology.groups.map((each) => [each.id, each])),
    groupOf: new Map(topology.groups.flatMap((each) => each.components.map((id) => [id, each]))),
    instancesOn: Map.groupBy(
      topology.components.flatMap((component) => component.instances),
      (instance) => instance.host,
    ),
    serving: topology.sites.filter(canServe).toSorted((left, right) => left.preference - right.preference),
    rttFrom(site) {
      const trips = rtt.get(site) ?? shortestTrips(topology, site);
      rtt.set(site, trips);
      return trips;
    },
  };
  remembered.set(topology, facts);
  return facts;
}

/** Dijkstra over one edge per pair of sites: the link that is used first. */
function shortestTrips(topology: Topology, from: SiteId): ReadonlyMap<SiteId, number> {
  const edges = topology.links.filter(
    (link) => !topology.links.some((other) => samePair(link, other) && before(other, link)),
  );
  const settled = new Map<SiteId, number>();
  const open = new Map<SiteId, number>([[from, 0]]);
  while (open.size > 0) {
    const [site, trip] = [...open].reduce((best, each) => (each[1] < best[1] ? each : best));
    open.delete(site);
    settled.set(site, trip);
    for (const { between, rttMs } of edges) {
      if (!between.includes(site)) continue;
      const next = between[0] === site ? between[1] : between[0];
      if (!settled.has(next)) open.set(next, Math.min(open.get(next) ?? Number.POSITIVE_INFINITY, trip + rttMs));
    }
  }
  return settled;
}

type Edge = Topology['links'][number];
const samePair = (left: Edge, right: Edge) =>
  left.between.includes(right.between[0]) && left.between.includes(right.between[1]);
const before = (left: Edge, right: Edge) =>
  left.priority < right.priority || (left.priority === right.priority && left.rttMs < right.rttMs);

function known<Value>(value: Value | undefined, what: string, id: string): Value {
  assert(value !== undefined, `the topology has no ${what} ${id}`);
  return value;
}
