import { assert } from '../base/assert.ts';
import type { ComponentId, HostId, InstanceId, SiteId } from '../base/ids.ts';
import type { Component, FailoverGroup, Host, Instance, Link, Site, Topology } from './topology.ts';

/** The topology by name, built once per topology object; every lookup of a name that it does not know is a bug. */
export interface TopologyIndex {
  readonly site: ReadonlyMap<SiteId, Site>;
  readonly host: ReadonlyMap<HostId, Host>;
  readonly component: ReadonlyMap<ComponentId, Component>;
  readonly instance: ReadonlyMap<InstanceId, Instance>;
  readonly siteOfInstance: ReadonlyMap<InstanceId, SiteId>;
  readonly hostsOfSite: ReadonlyMap<SiteId, readonly Host[]>;
  readonly voters: readonly Site[];
}

const indexes = new WeakMap<Topology, TopologyIndex>();

export function indexOf(topology: Topology): TopologyIndex {
  const known = indexes.get(topology);
  if (known) return known;
  const host = new Map(topology.hosts.map((each) => [each.id, each]));
  const instances = topology.components.flatMap((component) => component.instances);
  const siteOfInstance = new Map<InstanceId, SiteId>();
  for (const each of instances) {
    const home = host.get(each.host);
    assert(home, `instance ${each.id} names host ${each.host}, which the topology does not have`);
    siteOfInstance.set(each.id, home.site);
  }
  const built: TopologyIndex = {
    site: new Map(topology.sites.map((each) => [each.id, each])),
    host,
    component: new Map(topology.components.map((each) => [each.id, each])),
    instance: new Map(instances.map((each) => [each.id, each])),
    siteOfInstance,
    hostsOfSite: new Map(
      topology.sites.map((site) => [site.id, topology.hosts.filter((each) => each.site === site.id)]),
    ),
    voters: topology.sites.filter((site) => site.voter),
  };
  indexes.set(topology, built);
  return built;
}

/** Components of the group that hold a lease, in dependency order (what others depend on comes first). */
export function ownedComponents(topology: Topology, group: FailoverGroup): readonly Component[] {
  return inDependencyOrder(topology, group).filter((component) => component.authority === 'owned');
}

/** Components of the group, dependencies first; ties by priority, then by the order of the file. */
export function inDependencyOrder(topology: Topology, group: FailoverGroup): readonly Component[] {
  const { component } = indexOf(topology);
  const members = group.components.map((id) => component.get(id)).filter((each) => each !== undefined);
  const placed: Component[] = [];
  let waiting = members;
  while (waiting.length > 0) {
    const ready = waiting.filter((each) =>
      each.dependsOn.every((needed) => !group.components.includes(needed) || placed.some((done) => done.id === needed)),
    );
    assert(ready.length > 0, `dependency cycle in group ${group.id}`);
    const next = ready.reduce((best, each) => (each.priority < best.priority ? each : best));
    placed.push(next);
    waiting = waiting.filter((each) => each !== next);
  }
  return placed;
}

export const linksBetween = (topology: Topology, left: SiteId, right: SiteId): readonly Link[] =>
  topology.links
    .filter((link) => link.between.includes(left) && link.between.includes(right) && left !== right)
    .toSorted((a, b) => a.priority - b.priority);

export const canServe = (site: Site): boolean =>
  site.capabilities.includes('serve') || site.capabilities.includes('standby');
