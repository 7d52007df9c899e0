import { confirmedPrimary, delegatedComponents, delegateView } from '../authority/delegated-primary.ts';
import type { ComponentId, SiteId } from '../base/ids.ts';
import type { DelegateObservation } from '../health/instance-observation.ts';
import type { Move } from '../plan/recovery-plan.ts';
import type { Component, Instance } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';
import type { Facts } from './facts.ts';
import type { Intent, Rejection } from './intent.ts';

/** What is asked of delegates so that their primaries are at a site; what cannot be asked for safely is missing, with why. */
export interface DelegateBinding {
  readonly delegates: readonly Move[];
  readonly missing: Intent['missing'];
  readonly rejected: readonly Rejection[];
}

/** `planned`: the present primary gives way in order, so it has to be known. */
export function bindDelegates(
  facts: Facts,
  site: SiteId,
  { planned, only = null }: { readonly planned: boolean; readonly only?: readonly ComponentId[] | null },
): DelegateBinding {
  const delegates: Move[] = [];
  const missing: { component: ComponentId; rejected: readonly Rejection[] }[] = [];
  const rejected: Rejection[] = [];
  for (const component of delegatedComponents(facts.topology, facts.group)) {
    if (only !== null && !only.includes(component.id)) continue;
    const choice = choose(facts, component, site, planned);
    rejected.push(...choice.rejected);
    if (choice.move === null) missing.push({ component: component.id, rejected: choice.rejected });
    else delegates.push(choice.move);
  }
  return { delegates, missing, rejected };
}

interface Choice {
  readonly move: Move | null;
  readonly rejected: readonly Rejection[];
}

function choose(facts: Facts, component: Component, site: SiteId, planned: boolean): Choice {
  const { siteOfInstance } = indexOf(facts.topology);
  const primary = confirmedPrimary(facts, component);
  const { id } = component;
  if (primary !== null && siteOfInstance.get(primary.holder) === site)
    return { move: { component: id, from: primary.holder, to: primary.holder }, rejected: [] };
  const view = delegateView(facts, component);
  const here = component.instances.filter((each) => siteOfInstance.get(each.id) === site);
  const rejected: Rejection[] = [];
  let move: Move | null = null;
  for (const instance of here) {
    const reason =
      unfitBecause(facts, instance, view) ?? unasked(view!, { planned, known: primary !== null, instance });
    if (reason !== null) rejected.push({ instance: instance.id, reason });
    else if (move !== null) rejected.push({ instance: instance.id, reason: 'fit, but another one is preferred' });
    else {
      const from = primary?.holder ?? lockHolder(view!);
      move = { component: id, from, to: instance.id };
    }
  }
  return { move, rejected };
}

const lockHolder = ({ lock }: DelegateObservation) =>
  lock === null || lock.holder === 'elsewhere' ? null : lock.holder;

function unfitBecause(facts: Facts, instance: Instance, view: DelegateObservation | null): string | null {
  if (!instance.eligible) return 'its topology entry says that it may never be primary';
  const known = facts.instances.get(instance.id);
  const host = facts.hosts.get(instance.host);
  if (known === undefined || host === undefined) return 'nothing is known about it';
  if (facts.brakes.fenced?.includes(instance.id)) return 'a person has fenced it';
  if (!host.connected) return `the agent on ${instance.host} is not connected to this controller`;
  if (host.verdict.state !== 'healthy') return `host ${instance.host} is ${host.verdict.state}`;
  if (!known.fresh || known.observation === null) return 'what is known about it is stale';
  const { health, reason } = known.observation;
  if (health === 'unknown' || health === 'bad') return `its health is ${health}: ${reason ?? 'no reason given'}`;
  return view === null ? 'who has the lock is not known: no agent has read the store of its delegate' : null;
}

interface Asking {
  readonly planned: boolean;
  /** The present primary is confirmed. */
  readonly known: boolean;
  readonly instance: Instance;
}

/** Why its delegate is not asked to promote it; null = it is. */
function unasked(view: DelegateObservation, { planned, known, instance }: Asking): string | null {
  if (view.dangers.length > 0) return `moving it is known to be dangerous: ${view.dangers.join(', ')}`;
  if (view.paused) return 'its delegate is paused';
  if (view.durability === null) return 'whether commits wait for it is not known: its settings were not read';
  if (planned && !known) return 'the present primary is not confirmed: nobody is known to give way';
  const givesWay = planned && view.durability === 'off';
  if (!view.withoutLoss.includes(instance.id) && !givesWay)
    return 'its delegate does not name it as a synchronous standby: it may lack acknowledged writes';
  if (!known && view.durability !== 'strict')
    return 'the former primary is not heard, and nothing bounds what it acknowledges: commits are not strictly synchronous';
  return null;
}
