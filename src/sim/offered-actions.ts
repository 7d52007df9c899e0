import type { ComponentKind } from '../core/topology/topology.ts';

/** Recovery actions that simulated components offer, in the order in which they are taken. Nobody else has any. */
const OFFERED: Partial<Record<ComponentKind, readonly string[]>> = {
  'order-management': ['stop-accepting', 'snapshot-open-orders', 'reconcile', 'reload', 'resume'],
  'risk-engine': [
    'fail-safe',
    'restore-limits',
    'recompute-positions',
    'recompute-exposures',
    'verify',
    'leave-fail-safe',
  ],
  'position-keeper': ['recompute', 'recompute-pnl', 'reconcile', 'verify', 'resume'],
};

export const offers = (kind: ComponentKind, action: string): boolean => OFFERED[kind]?.includes(action) === true;

/** A recovery behind which a component is not believed, or approves nothing, until its last step. */
export interface OrderedRecovery {
  /** Of the grant; a newer one ends it. */
  readonly epoch: number;
  readonly done: string;
}

/** What an action leaves of a recovery, or that it comes before its turn. Order management's actions stand each for itself. */
export function afterAction(
  kind: ComponentKind,
  before: OrderedRecovery | null,
  asked: OrderedRecovery,
): OrderedRecovery | null | 'before-its-turn' {
  const steps = OFFERED[kind] ?? [];
  if (kind === 'order-management') return null;
  const known = before?.epoch === asked.epoch ? steps.indexOf(before.done) : -1;
  const at = steps.indexOf(asked.done);
  const last = at === steps.length - 1;
  if (last && known === -1) return null;
  if (at > known + 1) return 'before-its-turn';
  return last ? null : asked;
}
