import type { GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId, SiteId } from '../core/base/ids.ts';
import type { ComponentKind, Topology } from '../core/topology/topology.ts';
import type { InstanceAction } from './driver-port.ts';
import type { LocalInstance } from './local-instance.ts';

/** Name under which a front offers a kind of component to clients. */
export const SERVICE_OF_KIND: Partial<Record<ComponentKind, string>> = { 'trading-engine': 'orders', postgres: 'database' };

/**
 * What a standby lacks to be where the record wants it: started (closed), or following the present holder. Null when
 * nothing is to be done, also while nobody holds the component: then a run is deciding.
 */
export function standbyAction(local: LocalInstance, record: GroupRecord | null): InstanceAction | null {
  const { observation, instance, component } = local;
  if (observation === null) return null;
  if (observation.process === 'frozen') return { kind: 'kill' };
  const grant = record?.grants[component.id] ?? null;
  const holder = grant?.holder ?? null;
  const ended = observation.process === 'exited' || observation.process === 'stopped';
  const follows = grant !== null && holder !== null && holder !== instance.id && instance.replication !== 'none';
  // A database that follows somebody is started by that, and made from its upstream where there is nothing yet.
  if (ended && !(follows && component.kind === 'postgres')) return { kind: 'start' };
  if (!follows) return observation.role === 'primary' && holder !== null && holder !== instance.id ? { kind: 'kill' } : null;
  if (observation.role === 'primary') return { kind: 'kill' };
  // A cascade is the driver's choice; either upstream is where it belongs.
  const upstream = observation.upstream?.instance ?? null;
  const belongs = upstream === holder || (upstream !== null && upstream === instance.upstream);
  if (observation.role === 'standby' && belongs && observation.epoch >= grant.epoch) return null;
  return { kind: 'follow', epoch: grant.epoch, upstream: holder, mode: instance.replication === 'sync' ? 'sync' : 'async' };
}

/** Routes that this front should have; null when it has them. Closed unless this site has the traffic and somebody holds. */
export function frontRoutes(local: LocalInstance, record: GroupRecord | null, site: SiteId, topology: Topology): InstanceAction | null {
  const { observation } = local;
  if (observation === null) return null;
  if (observation.process === 'exited' || observation.process === 'stopped') return { kind: 'start' };
  if (observation.process === 'frozen') return { kind: 'kill' };
  if (record === null) return null;
  const routes = routesFor(record, site, topology, local.group.components);
  const wanted = JSON.stringify([record.epoch, routes]);
  return wanted === local.routed ? null : { kind: 'route', epoch: record.epoch, routes };
}

export function routesFor(record: GroupRecord, site: SiteId, topology: Topology, components: readonly string[]): Record<string, InstanceId | null> {
  const routes: Record<string, InstanceId | null> = {};
  for (const component of topology.components) {
    const service = SERVICE_OF_KIND[component.kind];
    if (service === undefined || !components.includes(component.id)) continue;
    routes[service] = record.traffic === site ? (record.grants[component.id]?.holder ?? null) : null;
  }
  return routes;
}
