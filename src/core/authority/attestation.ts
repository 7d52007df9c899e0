import type { Epoch, InstanceId, Revision, WallMs } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import type { FencingOutlook } from './fencing.ts';
import type { RevokedHolder } from './group-record.ts';

/**
 * Two people say that the host of an old writer is off and stays off. It stands in for the proof that nothing else can give,
 * so it is narrow: one instance, one epoch, no renewal since, a short time, and never against what the host itself says.
 */
export interface Attestation {
  readonly instance: InstanceId;
  /** Of the grant that it speaks about; says nothing about a later one. */
  readonly epoch: Epoch;
  /** Newest renewal known when it was said; whoever renews afterwards was not off. */
  readonly leaseRevision: Revision;
  /** History of the authority in which it was said. */
  readonly incarnation: string;
  readonly reason: string;
  readonly by: string;
  readonly role: string;
  readonly at: WallMs;
  readonly until: WallMs;
  /** Somebody else than `by`; null = says nothing yet. */
  readonly confirmed: {
    readonly by: string;
    readonly role: string;
    readonly reason: string;
    readonly at: WallMs;
  } | null;
}

export const ATTESTED_FOR_MS = 30 * 60_000;

/** Its agent is heard, or a connection to it stands that no quorum calls dead: then it can be asked, and nobody's word replaces that. */
export function hostSpeaks(facts: Facts, instance: InstanceId): boolean {
  const known = facts.instances.get(instance);
  if (known === undefined) return false;
  const host = facts.hosts.get(known.instance.host);
  return known.fresh || (host?.connected === true && host.verdict.state !== 'failed');
}

/** The one that counts now for this instance: confirmed, not expired, not contradicted by the host. */
export function attestationFor(facts: Facts, instance: InstanceId): Attestation | null {
  if (hostSpeaks(facts, instance)) return null;
  return (
    facts.brakes.attestations?.find(
      (each) => each.instance === instance && each.confirmed !== null && facts.wallMs < each.until,
    ) ?? null
  );
}

/** What two people's word is worth for this holder: nothing (null), a proof, or one once its lease has run out as well. */
export function attestedOutlook(facts: Facts, component: Component, revoked: RevokedHolder): FencingOutlook | null {
  const attestation = attestationFor(facts, revoked.instance);
  const confirmed = attestation?.confirmed ?? null;
  if (attestation === null || confirmed === null || attestation.epoch < revoked.epoch) return null;
  const lease = facts.leases.get(component.id);
  if (lease && lease.revision > attestation.leaseRevision) return null;
  const silentMs = lease ? lease.seenMsAgo : facts.wallMs - confirmed.at;
  const leftMs = facts.successorWaitMs - silentMs;
  if (leftMs > 0) return { kind: 'in', ms: Math.ceil(leftMs), method: 'attested' };
  return {
    kind: 'proved',
    proof: {
      method: 'attested',
      scope: revoked.instance,
      epoch: revoked.epoch,
      sticky: { heal: true, reboot: false },
      evidence: `${attestation.by} (${attestation.role}) at ${utc(attestation.at)}: "${attestation.reason}"; confirmed by ${confirmed.by} (${confirmed.role}) at ${utc(confirmed.at)}: "${confirmed.reason}"; no renewal for ${Math.round(silentMs)} ms, waited ${facts.successorWaitMs} ms or more`,
    },
  };
}

const utc = (at: WallMs): string => new Date(at).toISOString();
