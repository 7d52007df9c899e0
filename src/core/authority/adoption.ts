import type { ComponentId, Epoch, InstanceId, Revision } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { ownedComponents } from '../topology/topology-index.ts';
import { attestationFor } from './attestation.ts';
import type { AdoptionMark, Grant, GroupRecord } from './group-record.ts';

/**
 * What a person's word makes of the record that a restored authority shows. Nobody holds anything afterwards; the usual rules
 * and plans give the grants anew, under an epoch far above every one that was heard of.
 */
export type Adoption =
  | {
      readonly kind: 'adopted';
      readonly record: GroupRecord;
      /** Their recorded holder has everything acknowledged. */
      readonly believed: readonly ComponentId[];
      /** Nobody is known to have everything: a grant needs an accepted loss. */
      readonly doubted: readonly ComponentId[];
      /** Instances that were not heard and are attested to be off. */
      readonly attested: readonly InstanceId[];
      readonly highestHeard: Epoch;
    }
  | { readonly kind: 'refused'; readonly found: string; readonly next: string };

/** The restored record forgot an unknown number of epochs, and hosts that are off may know more than those that are heard. */
export const EPOCH_LEAP = 1000;

export interface AdoptionQuestion {
  readonly facts: Facts;
  /** The authority's present one. */
  readonly incarnation: string;
  readonly mark: AdoptionMark;
}

/**
 * I1, I3: everybody who could have been granted something that is forgotten now is heard and is no primary, or is attested
 * to be off. I4, I9: the recorded acknowledgement set may be older than the last change of it, so it is not believed; the recorded
 * holder is, if every instance was heard and none has stored a newer epoch.
 */
export function adopt({ facts, incarnation, mark }: AdoptionQuestion): Adoption {
  const { record } = facts;
  if (record === null) return refused('the group was never activated', 'holdfast activate SITE');
  if (facts.authority.incarnationMatches)
    return refused(
      `the authority is the one that wrote the record (incarnation ${record.incarnation}); there is nothing to adopt`,
      'holdfast status',
    );
  const owned = ownedComponents(facts.topology, facts.group);
  const eligible = owned.flatMap((component) => component.instances.filter((each) => each.eligible));
  const unheard = eligible.filter(({ id, host }) => {
    const known = facts.instances.get(id);
    return !(known?.fresh && known.observation !== null && facts.hosts.get(host)?.connected);
  });
  const attested = unheard.filter(({ id }) => attestationFor(facts, id)?.incarnation === incarnation);
  const silent = unheard.filter((each) => !attested.includes(each)).map((each) => each.id);
  if (silent.length > 0)
    return refused(
      `not heard: ${silent.join(', ')}; each may hold what the backup does not know of`,
      `bring their agents back, or two people for each that is off: holdfast fence ${silent[0]} --attest --reason TEXT`,
    );
  const primaries = eligible.filter(({ id }) => facts.instances.get(id)?.observation?.role === 'primary');
  if (primaries.length > 0)
    return refused(
      `${primaries.map((each) => each.id).join(', ')} still says that it is primary`,
      'its agent stops it, because it believes no record of another incarnation: try again in some seconds',
    );
  const highestHeard = Math.max(
    record.epoch,
    ...[...facts.instances.values()].map((known) => known.observation?.epoch ?? 0),
  ) as Epoch;
  const epoch = (highestHeard + EPOCH_LEAP) as Epoch;
  const believed: ComponentId[] = [];
  const doubted: ComponentId[] = [];
  const grants: Record<ComponentId, Grant> = {};
  for (const component of owned) {
    const grant = record.grants[component.id];
    if (!grant) continue;
    const trust = isBelieved(facts, component, grant, attested.length > 0) ? 'believed' : 'doubted';
    (trust === 'believed' ? believed : doubted).push(component.id);
    grants[component.id] = forgotten(grant, epoch, trust);
  }
  // Whom their locks named is as old as the rest: nobody is led there before it was seen anew.
  const delegates = Object.values(record.delegates ?? {}).map(
    ({ component, lock }) => [component, { component, holder: null, lock, epoch }] as const,
  );
  return {
    kind: 'adopted',
    record: {
      ...record,
      incarnation,
      epoch,
      grants,
      run: null,
      tradingEnabled: false,
      adopted: mark,
      ...(delegates.length === 0 ? {} : { delegates: Object.fromEntries(delegates) }),
    },
    believed,
    doubted,
    attested: attested.map((each) => each.id),
    highestHeard,
  };
}

/** An epoch names one holder: where no instance knows a newer one, the recorded holder is the last. */
function isBelieved(facts: Facts, component: Component, grant: Grant, someAreOff: boolean): boolean {
  if (grant.holder === null || someAreOff) return false;
  return component.instances.every(({ id }) => (facts.instances.get(id)?.observation?.epoch ?? 0) <= grant.epoch);
}

function forgotten(grant: Grant, epoch: Epoch, adopted: 'believed' | 'doubted'): Grant {
  const last = grant.holder ?? grant.revoked?.instance ?? null;
  return {
    ...grant,
    holder: null,
    epoch,
    ackSet: [],
    promotable: [],
    revoked:
      last === null
        ? null
        : {
            instance: last,
            epoch: grant.holder === null ? (grant.revoked?.epoch ?? grant.epoch) : grant.epoch,
            leaseRevision: 0 as Revision,
            promotable: [],
            adopted,
          },
  };
}

const refused = (found: string, next: string): Adoption => ({ kind: 'refused', found, next });
