import { type Grant, holdersOfEverything } from '../authority/group-record.ts';
import type { InstanceId, SiteId } from '../base/ids.ts';
import type { Component, Instance } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import type { Facts } from './facts.ts';
import type { Rejection } from './intent.ts';

export interface Choice {
  readonly chosen: InstanceId | null;
  /** True when the chosen one may lack acknowledged writes. */
  readonly lossy: boolean;
  readonly rejected: readonly Rejection[];
}

/**
 * Who in `site` may take the component over, best first, and why the others may not. A stateful candidate must be in the
 * promotable set recorded when the holder was last known to acknowledge (I9), or be that holder itself: membership of a
 * recorded set, never a comparison with a dead primary's position.
 */
export function chooseCandidate(facts: Facts, component: Component, site: SiteId, acceptLoss: boolean): Choice {
  const { siteOfInstance } = indexOf(facts.topology);
  const grant = facts.record?.grants[component.id] ?? null;
  const here = component.instances.filter((each) => siteOfInstance.get(each.id) === site);
  const rejected: Rejection[] = [];
  const fit: { readonly instance: InstanceId; readonly rank: number; readonly lossy: boolean }[] = [];
  for (const instance of here) {
    const reason = unfitBecause(facts, instance, grant);
    if (reason !== null) {
      rejected.push({ instance: instance.id, reason });
      continue;
    }
    const holdsAll = holdsEverything(component, grant, instance.id);
    if (!holdsAll && !acceptLoss) {
      rejected.push({
        instance: instance.id,
        reason: 'not in the recorded promotable set: it may lack acknowledged writes',
      });
      continue;
    }
    fit.push({ instance: instance.id, lossy: !holdsAll, rank: rankOf(grant, instance.id, holdsAll) });
  }
  const best = fit.reduce<(typeof fit)[number] | null>(
    (kept, each) => (kept === null || each.rank < kept.rank ? each : kept),
    null,
  );
  for (const each of fit)
    if (each !== best) rejected.push({ instance: each.instance, reason: 'fit, but another one is preferred' });
  return { chosen: best?.instance ?? null, lossy: best?.lossy ?? false, rejected };
}

/** Before the first activation nothing was ever acknowledged, so anyone holds everything. */
export function holdsEverything(component: Component, grant: Grant | null, instance: InstanceId): boolean {
  if (component.durability === null || grant === null) return true;
  const safe = holdersOfEverything(grant);
  return safe.includes(instance);
}

/** Others before the old holder; what holds everything before what may not. File order decides the rest. */
function rankOf(grant: Grant | null, instance: InstanceId, holdsAll: boolean): number {
  const old = grant?.holder ?? grant?.revoked?.instance ?? null;
  return (holdsAll ? 0 : 2) + (instance === old ? 1 : 0);
}

/**
 * Who says, freshly, that this primary's state is wrong. It holds for the reign in which it was seen, and while that process is primary:
 * an engine computes its state anew before it reigns again.
 */
function provedWrongBy(facts: Facts, { id }: Instance): InstanceId | null {
  const accused = facts.instances.get(id)?.observation;
  if (accused?.role !== 'primary' || accused.process !== 'running') return null;
  for (const { instance, observation, fresh } of facts.instances.values()) {
    const difference = fresh ? observation?.difference : null;
    if (difference?.upstream === id && difference.wrong === 'upstream' && difference.epoch === accused.epoch)
      return instance.id;
  }
  return null;
}

function unfitBecause(facts: Facts, instance: Instance, grant: Grant | null): string | null {
  if (!instance.eligible) return 'its topology entry says that it may never be primary';
  const known = facts.instances.get(instance.id);
  const host = facts.hosts.get(instance.host);
  if (!known || !host) return 'nothing is known about it';
  if (facts.brakes.fenced?.includes(instance.id)) return 'a person has fenced it';
  if (!host.connected) return `the agent on ${instance.host} is not connected to this controller`;
  if (host.verdict.state !== 'healthy') return `host ${instance.host} is ${host.verdict.state}`;
  if (!known.fresh) return 'what is known about it is stale';
  if (known.observation?.process === 'frozen') return 'its process does not answer';
  const wasHolder = instance.id === (grant?.holder ?? grant?.revoked?.instance ?? null);
  if (known.observation?.role === 'primary' && !wasHolder) return 'it says that it is primary already';
  if (known.observation?.process !== 'running' && !wasHolder)
    return `its process is ${known.observation?.process ?? 'unknown'}`;
  const difference = known.observation?.difference;
  if (difference && difference.wrong !== 'upstream')
    return `its state was not that of ${difference.upstream} at ${difference.sequence}, and no replay says that it is right`;
  const accuser = provedWrongBy(facts, instance);
  if (accuser !== null) return `${accuser} has shown by a replay that its state is wrong`;
  if (known.observation?.health === 'bad') return `its health is bad: ${known.observation.reason ?? 'no reason given'}`;
  return null;
}
