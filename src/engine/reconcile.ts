import type { GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId, SiteId } from '../core/base/ids.ts';
import type { ComponentKind, Topology } from '../core/topology/topology.ts';
import type { InstanceAction } from './driver-port.ts';
import type { LocalInstance } from './local-instance.ts';

/** Name under which a front offers a kind of component to clients. */
export const SERVICE_OF_KIND: Partial<Record<ComponentKind, string>> = {
  'trading-engine': 'orders',
  postgres: 'database',
};

const FROZEN_TOO_LONG_MS = 3000;

/** What ended as the holder, or while a run moves things, comes back as a standby once that is over, or after this. */
const RESTART_HOLDER_AFTER_MS = 3000;

/** A standby that does not find back to its upstream by itself is told again. */
const REFOLLOW_AFTER_MS = 3000;

/**
 * What a standby lacks to be where the record wants it: started (closed), or following the present holder. Null when
 * nothing is to be done, also while nobody holds the component: then a run is deciding.
 */
export function standbyAction(local: LocalInstance, record: GroupRecord | null, now: number): InstanceAction | null {
  const { observation, instance, component } = local;
  if (observation === null) return null;
  if (observation.process === 'frozen') return local.frozenFor(now) > FROZEN_TOO_LONG_MS ? { kind: 'kill' } : null;
  const grant = record?.grants[component.id] ?? null;
  const holder = grant?.holder ?? null;
  const ended = observation.process === 'exited' || observation.process === 'stopped';
  const follows = grant !== null && holder !== null && holder !== instance.id && instance.replication !== 'none';
  // A database that follows somebody is started by that, and made from its upstream where there is nothing yet.
  if (ended && !(follows && component.kind === 'postgres')) {
    // Starting costs the host something just when another one has to take over. Without a record that may be believed (an order of a
    // newer epoch came before it) a run may be under way, too.
    const moving =
      record === null || (grant !== null && (holder === null || holder === instance.id || record.run !== null));
    return moving && local.endedFor(now) < RESTART_HOLDER_AFTER_MS ? null : { kind: 'start' };
  }
  // Only what this agent has not promoted comes here: a primary became one by itself, also where nobody holds, also the holder.
  if (observation.role === 'primary') return { kind: 'kill' };
  if (!follows) return null;
  // A cascade is the driver's choice; either upstream is where it belongs. A new grant is followed anew: raising the epoch cut it off.
  const { upstream, role } = observation;
  const belongs = upstream !== null && (upstream.instance === holder || upstream.instance === instance.upstream);
  const settled =
    local.followed !== null &&
    local.followed.epoch === grant.epoch &&
    (upstream?.connected === true ||
      now - Math.max(local.followed.at, local.upstreamLostAt ?? now) < REFOLLOW_AFTER_MS);
  if (role === 'standby' && belongs && settled && observation.epoch >= grant.epoch) return null;
  return {
    kind: 'follow',
    epoch: grant.epoch,
    upstream: holder,
    mode: instance.replication === 'sync' ? 'sync' : 'async',
  };
}

/** Routes that this front should have; null when it has them. Closed unless this site has the traffic and somebody holds. */
export function frontRoutes(
  local: LocalInstance,
  record: GroupRecord | null,
  site: SiteId,
  topology: Topology,
  now: number,
): InstanceAction | null {
  const { observation } = local;
  if (observation === null) return null;
  if (observation.process === 'exited' || observation.process === 'stopped') return { kind: 'start' };
  if (observation.process === 'frozen') return local.frozenFor(now) > FROZEN_TOO_LONG_MS ? { kind: 'kill' } : null;
  if (record === null) return null;
  const routes = routesFor(record, site, topology, local.group.components);
  const { epoch } = record;
  const told = local.routed?.epoch === epoch && local.routed.routes === JSON.stringify(routes);
  return told ? null : { kind: 'route', epoch, routes };
}

export function routesFor(
  record: GroupRecord,
  site: SiteId,
  topology: Topology,
  components: readonly string[],
): Record<string, InstanceId | null> {
  const routes: Record<string, InstanceId | null> = {};
  for (const component of topology.components) {
    const service = SERVICE_OF_KIND[component.kind];
    if (service === undefined || !components.includes(component.id)) continue;
    routes[service] = record.traffic === site ? (record.grants[component.id]?.holder ?? null) : null;
  }
  return routes;
}
