import type { InstanceId, Revision } from '../base/ids.ts';
import type { Facts, InstanceFacts, LeaseFacts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { attestedOutlook } from './attestation.ts';
import type { FencingProof } from './fencing-proof.ts';
import type { Grant, RevokedHolder } from './group-record.ts';
import { gateBinds } from './proof-suffices.ts';

/** What can be said now about the silence of a holder: a proof, or when there will be one, or why there is none. */
export type FencingOutlook =
  | { readonly kind: 'proved'; readonly proof: FencingProof }
  | { readonly kind: 'in'; readonly ms: number; readonly method: 'lease-expired' | 'attested' }
  | { readonly kind: 'unattainable'; readonly reason: string };

/** Outlook for the present holder of a grant, before it is revoked; what the rule about fencing asks. */
export function outlookForHolder(facts: Facts, component: Component, grant: Grant): FencingOutlook | null {
  if (grant.holder === null) return null;
  return fencingOutlook(facts, component, revocationOf(grant, grant.holder, facts.leases.get(component.id) ?? null));
}

/** What a revocation of this grant records. A renewal under an older grant says nothing about this one. */
export function revocationOf(grant: Grant, holder: InstanceId, lease: LeaseFacts | null): RevokedHolder {
  const renewed = lease !== null && lease.holder === holder && lease.epoch === grant.epoch;
  return {
    instance: holder,
    epoch: grant.epoch,
    leaseRevision: renewed ? lease.revision : (0 as Revision),
    promotable: grant.promotable,
  };
}

/** Outlook for a holder that has been revoked. */
export function fencingOutlook(facts: Facts, component: Component, revoked: RevokedHolder): FencingOutlook {
  const instance = facts.instances.get(revoked.instance);
  const fact = instance ? factualProof(instance, revoked) : null;
  if (fact) return { kind: 'proved', proof: fact };
  const lease = facts.leases.get(component.id);
  const expiry: FencingOutlook =
    revoked.adopted === undefined
      ? expiryOutlook({ component, revoked, lease: lease ?? null, successorWaitMs: facts.successorWaitMs })
      : {
          kind: 'unattainable',
          reason: `the authority was restored: the last renewals of ${revoked.instance} are forgotten`,
        };
  return expiry.kind === 'unattainable' ? (attestedOutlook(facts, component, revoked) ?? expiry) : expiry;
}

function factualProof(instance: InstanceFacts, revoked: RevokedHolder): FencingProof | null {
  if (!instance.provedDead) return null;
  return {
    method: instance.silencedBy,
    scope: revoked.instance,
    epoch: revoked.epoch,
    sticky: { heal: true, reboot: true },
    evidence:
      instance.silencedBy === 'demoted'
        ? `its agent on ${instance.instance.host}: it confirmed that it stopped and stored the newer epoch`
        : `its agent on ${instance.instance.host} reaped it and found its process tree empty`,
  };
}

export interface ExpiryQuestion {
  readonly component: Component;
  readonly revoked: RevokedHolder;
  readonly lease: LeaseFacts | null;
  readonly successorWaitMs: number;
}

/**
 * Expiry is proof only if the renewal that was revoked named a gate that binds this kind of component, and only after
 * the successor's wait has passed on this controller's clock since *it* saw that very renewal (a controller that took over
 * counts from when it saw it, which is later, so safe).
 */
export function expiryOutlook({ component, revoked, lease, successorWaitMs }: ExpiryQuestion): FencingOutlook {
  if (revoked.leaseRevision === 0) return { kind: 'proved', proof: neverHeld(revoked) };
  if (lease === null || lease.holder !== revoked.instance || lease.revision < revoked.leaseRevision)
    return { kind: 'unattainable', reason: `the last renewal of ${revoked.instance} is not known here` };
  if (lease.gate === null || !gateBinds(component.kind, lease.gate.kind))
    return {
      kind: 'unattainable',
      reason: `no gate that binds ${component.kind} was armed when ${revoked.instance} last renewed: its lease running out proves nothing`,
    };
  const leftMs = successorWaitMs - lease.seenMsAgo;
  if (leftMs > 0) return { kind: 'in', ms: Math.ceil(leftMs), method: 'lease-expired' };
  return {
    kind: 'proved',
    proof: {
      method: 'lease-expired',
      scope: revoked.instance,
      epoch: revoked.epoch,
      sticky: { heal: true, reboot: true },
      evidence: `renewal ${lease.revision} was seen ${Math.round(lease.seenMsAgo)} ms ago; ${lease.gate.kind} gate, bound ${lease.gate.boundMs} ms; waited ${successorWaitMs} ms or more${restsOn[lease.gate.kind] ?? ''}`,
    },
  };
}

/** What an expiry is proof of depends on who enforces it; the receipt says so. */
const restsOn: Readonly<Record<string, string>> = {
  warden:
    '; a warden that is stopped together with what it guards acts only when it runs again: until then the acknowledgement set holds the old holder back',
};

const neverHeld = (revoked: RevokedHolder): FencingProof => ({
  method: 'never-held',
  scope: revoked.instance,
  epoch: revoked.epoch,
  sticky: { heal: true, reboot: true },
  evidence: 'no renewal was ever recorded under the revoked grant, so nothing could be released under it',
});
