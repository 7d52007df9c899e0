import type { Judgement } from './budget.ts';

/** Of one budget on one path. Moments are those of the clock that `nextAlert` is given. */
export interface Alert {
  readonly raised: boolean;
  /** When it became what it is; null = never raised. */
  readonly changedAt: number | null;
  /** Since when every judgement speaks against what it is; null = the last one did not. */
  readonly againstSince: number | null;
  /** What the last judgement over the budget said. */
  readonly reasons: readonly string[];
}

export const noAlert: Alert = { raised: false, changedAt: null, againstSince: null, reasons: [] };

export interface Hysteresis {
  readonly raiseAfterMs: number;
  readonly clearAfterMs: number;
}

/**
 * Raised after the budget was exceeded for `raiseAfterMs` without a pause, over after it was kept for `clearAfterMs`. What is unknown
 * neither raises nor ends one, and what was counted towards a change begins anew after it.
 */
export function nextAlert(before: Alert, judgement: Judgement, now: number, hysteresis: Hysteresis): Alert {
  const { outcome } = judgement;
  if (outcome === 'unknown') return before.againstSince === null ? before : { ...before, againstSince: null };
  const exceeded = outcome === 'exceeded';
  const reasons = exceeded ? judgement.reasons : before.reasons;
  if (exceeded === before.raised) return { ...before, againstSince: null, reasons };
  const againstSince = before.againstSince ?? now;
  const neededMs = exceeded ? hysteresis.raiseAfterMs : hysteresis.clearAfterMs;
  if (now - againstSince < neededMs) return { ...before, againstSince, reasons };
  return { raised: exceeded, changedAt: now, againstSince: null, reasons: exceeded ? reasons : [] };
}
