import type { Component, ComponentKind } from '../core/topology/topology.ts';
import type { ActionOutcome } from '../engine/driver-port.ts';

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

/** One that is asked to act: its recovery, and whether it was told to stop, are changed by what it does. */
interface Acting {
  readonly component: Pick<Component, 'kind' | 'authority'>;
  readonly role: 'closed' | 'standby' | 'primary';
  readonly grantEpoch: number;
  recovery: OrderedRecovery | null;
  stopped: number;
}

/** Does what it is asked for, if it offers that and its turn has come. `changed`: there is something to see. */
export function carryOut(
  acting: Acting,
  { epoch, action }: { readonly epoch: number; readonly action: string },
): { readonly outcome: ActionOutcome; readonly changed: boolean } {
  const failed = (code: string) => ({ outcome: { kind: 'failed', code, reason: code } as const, changed: false });
  const { kind, authority } = acting.component;
  if (!offers(kind, action)) return failed('unknown-method');
  const held = authority !== 'owned' || (acting.role === 'primary' && epoch === acting.grantEpoch);
  if (!held) return failed('not-ready');
  const left = afterAction(kind, acting.recovery, { epoch, done: action });
  if (left === 'before-its-turn') return failed('not-ready');
  const outcome = { kind: 'ok', detail: {} } as const;
  if (kind === 'order-management') {
    if (action === 'stop-accepting') acting.stopped = epoch;
    if (action === 'resume') acting.stopped = 0;
    return { outcome, changed: false };
  }
  acting.recovery = left;
  return { outcome, changed: true };
}
