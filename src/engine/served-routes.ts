import type { GroupRecord } from '../core/authority/group-record.ts';
import { seatOf } from '../core/authority/writer-seat.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { RunState } from '../core/run/run.ts';
import { isServedKind, type Lead, type ServedKind } from '../core/topology/served.ts';
import type { Component, Instance, Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { InstanceAction } from './driver-port.ts';
import type { LocalInstance } from './local-instance.ts';
import type { StepOrder } from './step-order.ts';

export type RouteAction = Extract<InstanceAction, { kind: 'route' }>;

/**
 * A paused pooler waits for transactions, a switch of Redis for its replica, a name server and a router for their tools, Patroni for its
 * next loop.
 */
const ANSWER_WITHIN_MS: Readonly<Record<ServedKind, number>> = {
  haproxy: 1500,
  pgbouncer: 4000,
  dns: 3000,
  redis: 6000,
  pgbackrest: 1500,
  patroni: 8000,
  frr: 3000,
  discovery: 1500,
  keepalived: 1500,
};

/** One that does not answer must not keep its agent from telling it again. */
export const servedWithinMs = (kind: ServedKind): number => ANSWER_WITHIN_MS[kind];

/**
 * Where one served instance should lead under this record; null while it is to stay as it is. Nobody is led to a holder before its
 * grant: what nobody holds has no route.
 */
export function routeUnder(
  record: GroupRecord,
  component: Component,
  instance: Instance,
  topology: Topology,
): RouteAction | null {
  const { served, kind } = component;
  if (served === undefined || !isServedKind(kind)) return null;
  const { siteOfInstance } = indexOf(topology);
  const site = siteOfInstance.get(instance.id)!;
  let { epoch } = record;
  const routes: Record<string, InstanceId | null> = {};
  for (const [name, lead] of Object.entries(served.leads)) {
    const target = targetOf(record, lead, topology);
    const at = target === null ? null : (siteOfInstance.get(target) ?? null);
    switch (kind) {
      // Proxies and routers of the site that has the traffic lead, all others are closed.
      case 'haproxy':
      case 'frr':
        routes[name] = record.traffic === site ? target : null;
        break;
      // Beside its writer; a pooler elsewhere makes clients wait. What is delegated may be put at another site than clients are led to: their
      // pooler leads there as well.
      case 'pgbouncer':
        routes[name] = at === site || (record.traffic === site && isDelegated(lead, topology)) ? target : null;
        break;
      // The former answer leads to a writer that is fenced, no answer leads nowhere for longer: it stays until there is a new one.
      case 'dns':
        if (target !== null && at === record.traffic) routes[name] = target;
        break;
      // The same at every member, and nowhere while nobody holds it: clients look again at once.
      case 'discovery':
        routes[name] = target;
        break;
      case 'redis': {
        const seat = seatOf(record, component, topology);
        routes[name] = seat.instance;
        epoch = seat.epoch;
      }
    }
  }
  if (Object.keys(routes).length === 0) return null;
  return { kind: 'route', epoch, routes, ...(isReplaced(record, component, instance) ? { silence: true } : {}) };
}

/** It was taken for lost: it has to be closed, answering or not. */
function isReplaced({ writers }: GroupRecord, { id }: Component, instance: Instance): boolean {
  const replaced = writers?.[id];
  return replaced?.former === instance.id && replaced.instance !== instance.id;
}

/** The holder of what is granted, whoever was confirmed of what is delegated; of all else the instance at the site that has the traffic. */
export function targetOf(record: GroupRecord, { to }: Lead, topology: Topology): InstanceId | null {
  const { component, siteOfInstance } = indexOf(topology);
  const target = component.get(to);
  if (target === undefined) return null;
  if (target.authority === 'owned') return record.grants[to]?.holder ?? null;
  if (target.authority === 'delegated') return record.delegates?.[to]?.holder ?? null;
  return target.instances.find(({ id }) => siteOfInstance.get(id) === record.traffic)?.id ?? null;
}

const isDelegated = ({ to }: Lead, topology: Topology): boolean =>
  indexOf(topology).component.get(to)?.authority === 'delegated';

/**
 * What a shared address weighs on this machine: by the proxy beside it, whatever the record says of sites. Null while that proxy was not
 * looked at: an agent that begins moves nothing.
 */
function addressRoute(
  record: GroupRecord,
  { component, instance }: LocalInstance,
  locals: ReadonlyMap<InstanceId, LocalInstance>,
): RouteAction | null {
  const routes: Record<string, InstanceId | null> = {};
  for (const [name, { to }] of Object.entries(component.served?.leads ?? {})) {
    const proxy = [...locals.values()].find((each) => each.component.id === to && each.instance.host === instance.host);
    if (proxy?.observation == null) return null;
    const { process, health } = proxy.observation;
    routes[name] = process === 'running' && (health === 'ok' || health === 'degraded') ? proxy.instance.id : null;
  }
  return { kind: 'route', epoch: record.epoch, routes };
}

/**
 * What a served instance has to be told; null when it is as it should be, is not heard, or the record is not known.
 *
 * @param locals everything that its agent drives
 */
export function servedAction(
  local: LocalInstance,
  record: GroupRecord | null,
  topology: Topology,
  locals: ReadonlyMap<InstanceId, LocalInstance>,
): RouteAction | null {
  const { observation } = local;
  if (record === null || observation === null) return null;
  // What does not answer would do later what it is told now.
  const isSilent = observation.process !== 'running' || observation.health === 'unknown';
  if (isSilent && !isReplaced(record, local.component, local.instance)) return null;
  const action =
    local.component.kind === 'keepalived'
      ? addressRoute(record, local, locals)
      : routeUnder(record, local.component, local.instance, topology);
  if (action === null) return null;
  if (observation.process === 'running' && observation.health === 'bad') return action;
  if (local.routed?.routes !== JSON.stringify(action.routes)) return action;
  if (local.routed.epoch === action.epoch) return null;
  // It leads where it should. A run tells it of its epoch when it moves the traffic: until then its host's processors are for those that
  // must move. At a Redis the epoch decides who may write.
  return record.run !== null && local.component.kind !== 'redis' ? null : action;
}

/**
 * Orders of `move-traffic` to what leads clients and writers from outside the fronts. At the new site one of each component has to be
 * done. Whoever answers is waited for until it was tried; what is not closed then is unproved, and no fence. A Redis that nothing of the
 * group depends on is opened when its sentinels are ready: they may need longer than the step has, and a step that fails for it keeps orders waiting.
 */
export function servedOrders(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { siteOfInstance, component } = indexOf(facts.topology);
  const moved: GroupRecord = { ...record, traffic: run.plan.toSite };
  return facts.group.components.flatMap((id) => {
    const known = component.get(id);
    if (known === undefined || !isServedKind(known.kind)) return [];
    const answerWithinMs = ANSWER_WITHIN_MS[known.kind];
    const isWaitedFor =
      known.kind !== 'redis' || facts.group.components.some((other) => component.get(other)?.dependsOn.includes(id));
    return known.instances.flatMap((instance): StepOrder[] => {
      const action = routeUnder(moved, known, instance, facts.topology);
      if (action === null) return [];
      const isAtNewSite = siteOfInstance.get(instance.id) === run.plan.toSite;
      return [
        {
          target: instance.id,
          host: instance.host,
          order: { kind: 'perform', instance: instance.id, action },
          required: false,
          awaited: (isWaitedFor || !isAtNewSite) && answers(facts, instance),
          ...(isWaitedFor && isAtNewSite ? { oneOf: id } : {}),
          confirm: {
            instance: instance.id,
            condition: { kind: 'routed', epoch: action.epoch, routes: action.routes },
          },
          inSequence: false,
          answerWithinMs,
        },
      ];
    });
  });
}

function answers(facts: Facts, { id, host }: Instance): boolean {
  const known = facts.instances.get(id);
  if (facts.hosts.get(host)?.connected !== true || known?.fresh !== true) return false;
  const { observation } = known;
  return observation?.process === 'running' && observation.health !== 'unknown';
}
