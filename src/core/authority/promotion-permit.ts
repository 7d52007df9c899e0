import type { InstanceId } from '../base/ids.ts';
import type { Brakes } from '../decision/brakes.ts';
import type { Component } from '../topology/topology.ts';
import type { GroupRecord } from './group-record.ts';

/**
 * What Patroni is answered when it asks, between its lock and the promotion (`pre_promote`). It goes on deciding who is primary: refused is
 * only what a run of Holdfast or a person has forbidden, and what nobody could look up (I6).
 */
export type PromotionPermit =
  | { readonly kind: 'granted'; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: PermitRefusal; readonly reason: string };

/** Each means the same for good: they are in logs of Patroni, and in evidence. */
export const permitRefusals = {
  'not-eligible': 'The topology never lets this member be primary.',
  fenced: 'A person has fenced it.',
  'moved-elsewhere': 'A run is moving the database, and names another member.',
  'target-unknown': 'A run is moving the database, and the record does not say where to.',
  'other-incarnation':
    'The record is of another incarnation of the authority: it was restored, and nobody has adopted it.',
  unread: 'The authority was not read in time.',
} as const;
export type PermitRefusal = keyof typeof permitRefusals;

/** One linearizable read, begun after the question was asked. */
export interface PermitFacts {
  /** Null: the group was never activated. */
  readonly record: GroupRecord | null;
  readonly brakes: Brakes | null;
  /** The authority's own. */
  readonly incarnation: string;
}

/** Where a topology has `grantSocket`, every member's Patroni asks before it promotes. */
export const asksBeforePromotion = ({ kind, served, instances }: Component): boolean =>
  kind === 'patroni' && instances.every(({ id }) => served?.servers[id]?.grantSocket !== undefined);

/** A freeze and a maintenance hold what Holdfast begins by itself. They name no member, and forbid none. */
export function promotionPermit(facts: PermitFacts, component: Component, member: InstanceId): PromotionPermit {
  const { record, brakes, incarnation } = facts;
  if (component.instances.find(({ id }) => id === member)?.eligible !== true)
    return refused('not-eligible', `${member} may never be primary of ${component.id}`);
  if (brakes?.fenced?.includes(member) === true) return refused('fenced', `${member} is fenced by a person`);
  if (record === null) return granted('the group was never activated');
  if (record.incarnation !== incarnation)
    return refused(
      'other-incarnation',
      `the record is of incarnation ${record.incarnation}, and nobody has adopted it`,
    );
  const seat = record.delegates?.[component.id];
  if (record.run === null || seat === undefined || seat.holder !== null)
    return granted(`no run is moving ${component.id}`);
  if (seat.moving === undefined)
    return refused('target-unknown', `${record.run} is under way, and where ${component.id} goes is not said`);
  const { run, to } = seat.moving;
  if (run !== record.run) return granted(`${record.run} does not move ${component.id}`);
  return to === member
    ? granted(`${run} moves ${component.id} here`)
    : refused('moved-elsewhere', `${run} moves ${component.id} to ${to}`);
}

/** What could not be read in time blocks. */
export const notRead = (why: string): PromotionPermit => refused('unread', `the authority was not read: ${why}`);

const granted = (reason: string): PromotionPermit => ({ kind: 'granted', reason });
const refused = (code: PermitRefusal, reason: string): PromotionPermit => ({ kind: 'refused', code, reason });
