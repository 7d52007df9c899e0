import type { InstanceId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Component } from '../topology/topology.ts';
import { confirmedPrimary } from './delegated-primary.ts';
import type { FencingOutlook } from './fencing.ts';
import { gateBinds } from './proof-suffices.ts';

/**
 * Where a topology has `gatePort`, clients reach a delegate's member through a gate in its host's kernel alone. It is open at the one that
 * the record names, for as long as that one's agent renews it in the authority, and closed everywhere else, also at what somebody promoted
 * and nobody has adopted. So a member that is not heard any more lets nobody in after a time that is known.
 */
export const isGated = ({ kind, served, instances }: Component): boolean =>
  kind === 'patroni' && instances.every(({ id }) => served?.servers[id]?.gatePort !== undefined);

/**
 * When all gates of a component are closed, once the record names nobody; null: it names somebody, or nothing is known of them. Renewals
 * are written only while the record is unchanged, so the newest one that was known at the change is the last, whoever's it is.
 */
export function gateOutlook(facts: Facts, component: Component): FencingOutlook | null {
  const seat = facts.record?.delegates?.[component.id];
  if (!isGated(component) || seat === undefined || seat.holder !== null || seat.left === undefined) return null;
  const { instance, leaseRevision } = seat.left;
  const lease = facts.leases.get(component.id);
  if (lease === undefined || leaseRevision === 0 || lease.revision < leaseRevision)
    return { kind: 'unattainable', reason: `the last renewal of the gate of ${instance} is not known here` };
  if (lease.gate === null || !gateBinds(component.kind, lease.gate.kind))
    return { kind: 'unattainable', reason: `no gate was closed at ${lease.holder} when it renewed last` };
  const leftMs = facts.successorWaitMs - lease.seenMsAgo;
  if (leftMs > 0) return { kind: 'in', ms: Math.ceil(leftMs), method: 'lease-expired' };
  return {
    kind: 'proved',
    proof: {
      method: 'lease-expired',
      scope: instance,
      epoch: lease.epoch,
      sticky: { heal: true, reboot: true },
      evidence: `renewal ${lease.revision} of the gate at ${lease.holder} was seen ${Math.round(lease.seenMsAgo)} ms ago; ${lease.gate.kind}, bound ${lease.gate.boundMs} ms; waited ${facts.successorWaitMs} ms or more, and the record names nobody`,
    },
  };
}

/**
 * Whom the record names, and whose gate has closed because its agent did not renew it: its clients are shut out, whether it lives or not.
 * Null where somebody is known to be primary.
 */
export function shutOutHolder(facts: Facts, component: Component): InstanceId | null {
  const holder = facts.record?.delegates?.[component.id]?.holder ?? null;
  if (holder === null || !isGated(component) || confirmedPrimary(facts, component) !== null) return null;
  const lease = facts.leases.get(component.id);
  const isShut =
    lease !== undefined &&
    lease.holder === holder &&
    lease.gate !== null &&
    gateBinds(component.kind, lease.gate.kind) &&
    lease.seenMsAgo > facts.successorWaitMs;
  return isShut ? holder : null;
}
