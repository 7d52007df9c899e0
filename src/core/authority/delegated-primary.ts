import type { InstanceId } from '../base/ids.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import type { DelegateObservation } from '../health/instance-observation.ts';
import type { Component, FailoverGroup, Topology } from '../topology/topology.ts';
import { inDependencyOrder } from '../topology/topology-index.ts';

/**
 * Who is primary of what Holdfast does not grant. I3 for a delegate: its lock, named. Confirmed is only whom the lock names, by the
 * quorum of the delegate's store, and who says itself that it is primary; both in one fresh look.
 */
export interface SeenPrimary {
  readonly holder: InstanceId;
  /** Revision of the delegate's store at which it took the lock. */
  readonly lock: number;
}

/** Components of the group whose primary somebody else chooses, dependencies first. A Redis is told by its writer's grant where to be. */
export const delegatedComponents = (topology: Topology, group: FailoverGroup): readonly Component[] =>
  inDependencyOrder(topology, group).filter(({ authority, kind }) => authority === 'delegated' && kind === 'patroni');

interface Look {
  readonly known: InstanceFacts;
  readonly delegate: DelegateObservation;
}

const freshLooks = (facts: Facts, component: Component): readonly Look[] =>
  component.instances.flatMap(({ id }) => {
    const known = facts.instances.get(id);
    const delegate = known?.fresh === true ? known.observation?.delegate : null;
    return known !== undefined && delegate != null ? [{ known, delegate }] : [];
  });

/**
 * The newest that agents know of it; null while none has read its store of late. Its settings are the whole cluster's: beside a member that
 * has ended they cannot be read, and are then what the newest look says that has them.
 */
export function delegateView(facts: Facts, component: Component): DelegateObservation | null {
  const looks = freshLooks(facts, component).toSorted((a, b) => (a.known.ageMs ?? 0) - (b.known.ageMs ?? 0));
  const newest = looks[0]?.delegate ?? null;
  const read = looks.find(({ delegate }) => delegate.durability !== null)?.delegate;
  if (newest === null || newest.durability !== null || read === undefined) return newest;
  const { durability, lockTtlMs, paused } = read;
  const dangers = [...new Set([...newest.dangers, ...read.dangers])];
  return { ...newest, durability, lockTtlMs, paused: newest.paused || paused, dangers };
}

/** Null: nobody is known to be primary now, or the lock is known to have moved on from whoever says so. */
export function confirmedPrimary(facts: Facts, component: Component): SeenPrimary | null {
  const looks = freshLooks(facts, component);
  const newest = Math.max(...looks.map(({ delegate }) => delegate.lock?.since ?? 0));
  const found = looks.find(
    ({ known, delegate }) =>
      known.observation?.role === 'primary' &&
      known.observation.process === 'running' &&
      known.observation.health !== 'unknown' &&
      delegate.lock?.holder === known.instance.id &&
      delegate.lock.since === newest,
  );
  return found === undefined ? null : { holder: found.known.instance.id, lock: newest };
}

/** Who has the lock and, as its own agent sees, has ended on its host; null where somebody is primary, or that is not known. */
export function endedHolder(facts: Facts, component: Component): InstanceId | null {
  if (confirmedPrimary(facts, component) !== null) return null;
  const lock = delegateView(facts, component)?.lock ?? null;
  if (lock === null || lock.holder === 'elsewhere') return null;
  const own = facts.instances.get(lock.holder);
  const seen = own?.fresh === true ? own.observation : null;
  return seen?.process === 'exited' && seen.delegate?.lock?.holder === lock.holder ? lock.holder : null;
}

/** Everybody was looked at, freshly, and sees this lock: also a store that was made anew, whose revisions began again, is believed then. */
export function allSee(facts: Facts, component: Component, { holder, lock }: SeenPrimary): boolean {
  const looks = freshLooks(facts, component);
  return (
    looks.length === component.instances.length &&
    looks.every(({ delegate }) => delegate.lock?.holder === holder && delegate.lock.since === lock)
  );
}
