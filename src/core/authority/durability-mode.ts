import type { Epoch, InstanceId } from '../base/ids.ts';
import type { Component, ComponentKind } from '../topology/topology.ts';
import type { TopologyIndex } from '../topology/topology-index.ts';
import type { DurabilityMode, GroupRecord } from './group-record.ts';

/**
 * The mode that a holder is in while exactly these confirm what it writes. `remote-site` durability needs one of them at another
 * site, `replica` any. What it does without was decided beforehand, in `afterPeerLoss` (I4, I9): a halt stands until somebody
 * confirms again, or a person has accepted the loss of exactly those who are missing.
 */
export function durabilityModeOf(question: {
  readonly component: Component;
  readonly holder: InstanceId;
  readonly confirming: readonly InstanceId[];
  readonly epoch: Epoch;
  readonly index: TopologyIndex;
  readonly previous: DurabilityMode;
}): DurabilityMode {
  const { component, holder, confirming, epoch, index, previous } = question;
  const { durability } = component;
  if (durability === null || durability.acknowledge === 'local') return { kind: 'strict' };
  const home = index.siteOfInstance.get(holder);
  const enough =
    durability.acknowledge === 'replica'
      ? confirming.length > 0
      : confirming.some((member) => index.siteOfInstance.get(member) !== home);
  if (enough) return { kind: 'strict' };
  const lost = peersOf(component, holder).filter((peer) => !confirming.includes(peer));
  const sinceEpoch = previous.kind === 'degraded' ? previous.sinceEpoch : epoch;
  if (durability.afterPeerLoss === 'degrade') return { kind: 'degraded', sinceEpoch, lost };
  const accepted = previous.kind === 'strict' ? undefined : previous.accepted;
  if (accepted === undefined) return { kind: 'halted', lost };
  const covered = lost.every((peer) => accepted.lost.includes(peer));
  return covered ? { kind: 'degraded', sinceEpoch, lost, accepted } : { kind: 'halted', lost, accepted };
}

/** Everybody who could confirm what this holder writes: synchronous copies that may be promoted. */
export const peersOf = (component: Component, holder: InstanceId): readonly InstanceId[] =>
  component.instances
    .filter((each) => each.replication === 'sync' && each.eligible && each.id !== holder)
    .map((each) => each.id);

/**
 * How a component stands still while it is halted. A trading engine knows what new risk is: it refuses that and lets cancels pass,
 * with whoever is left. What cannot tell them apart goes on waiting for the missing peer, and so acknowledges nothing.
 */
export const refusesNewRisk = (kind: ComponentKind): boolean => kind === 'trading-engine';

/** Components that stand still; while there is one, the group's engine takes no new risk. */
export const haltedIn = (record: GroupRecord) =>
  Object.values(record.grants).flatMap((grant) => (grant.mode.kind === 'halted' ? [grant.component] : []));
