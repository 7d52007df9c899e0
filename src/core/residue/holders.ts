import type { ComponentId, InstanceId } from '../base/ids.ts';
import type { Facts, InstanceFacts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { notSeen, type ResidueFinding } from './finding.ts';

/** A component of which one instance writes, and which. */
export interface Held {
  readonly component: Component;
  readonly holder: InstanceId | null;
}

/** Everything of the group that has a grant, or a delegate's primary. */
export function heldComponents({ topology, group, record }: Facts): readonly Held[] {
  const holderOf = (id: ComponentId) => {
    const held = record?.grants[id] ?? record?.delegates?.[id];
    return held === undefined ? [] : [held.holder];
  };
  return topology.components
    .filter(({ id }) => group.components.includes(id))
    .flatMap((component) => holderOf(component.id).map((holder) => ({ component, holder })));
}

/** What is known of whoever does not hold a component: an old writer may be among them. */
export const othersOf = ({ instances }: Facts, { component, holder }: Held): readonly InstanceFacts[] =>
  component.instances.flatMap(({ id }) => {
    const known = instances.get(id);
    return known === undefined || id === holder ? [] : [known];
  });

/** It can be judged by what its agent said last. */
export const isSeen = ({ fresh, observation }: InstanceFacts): boolean =>
  fresh && observation !== null && !(observation.process === 'running' && observation.health === 'unknown');

export const unseen = ({ instance, ageMs }: InstanceFacts): ResidueFinding =>
  notSeen(
    instance.id,
    ageMs === null ? 'it was never seen' : `nothing fresh is known of it (${(ageMs / 1000).toFixed(1)} s)`,
    `bring ${instance.host} and its agent back, or fence it off for good; then ask again`,
  );
