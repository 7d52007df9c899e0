import { durabilityModeOf } from '../authority/durability-mode.ts';
import { type DurabilityMode, holdersOfEverything } from '../authority/group-record.ts';
import type { Epoch, InstanceId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { indexOf } from '../topology/topology-index.ts';

export interface StartingDurability {
  /** They have everything acknowledged, are alive, and confirm from the first write on (I9). */
  readonly confirming: readonly InstanceId[];
  readonly mode: DurabilityMode;
}

/** How a component starts on `to` if it were granted now; plans name it, and the grant is made of it. */
export function startingDurability(
  facts: Facts,
  component: Component,
  to: InstanceId,
  epoch: Epoch,
): StartingDurability {
  const grant = facts.record?.grants[component.id];
  const safe = grant && component.durability !== null ? holdersOfEverything(grant) : [];
  const confirming = safe.filter((member) => member !== to && isAlive(facts, member));
  const mode = durabilityModeOf({
    component,
    holder: to,
    confirming,
    epoch,
    index: indexOf(facts.topology),
    previous: grant?.mode ?? { kind: 'strict' },
  });
  return { confirming, mode };
}

function isAlive(facts: Facts, member: InstanceId): boolean {
  const known = facts.instances.get(member);
  return known?.fresh === true && known.verdict.state === 'healthy' && known.observation?.process === 'running';
}
