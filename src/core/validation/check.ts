import type { Facts } from '../decision/facts.ts';

/** The checks after a recovery (S8). What is not there to be looked at is `not-applicable`, never a pass. */
export const CHECKS = {
  database: 'The database has one primary at its epoch that accepts writes',
  redis: 'Redis has one primary',
  engine: 'The trading engine is primary at its epoch, releases, and takes new risk',
  'market-data': 'Market data is younger than 5 s from at least one feed',
  'order-management': 'Order management is primary and not behind the engine',
  risk: 'The risk engine serves and is not in fail-safe',
  positions: 'Positions are reconciled: no difference is open',
  integrity: 'Journals agree, nothing diverged, no exchange report is unexplained',
  replication: 'Whoever has to hold a write holds it',
  network: 'The active site is reached, and clients are led there and nowhere else',
} as const;

export type CheckId = keyof typeof CHECKS;
export const CHECK_IDS = Object.keys(CHECKS) as readonly CheckId[];

export type CheckOutcome = 'pass' | 'fail' | 'inconclusive' | 'not-applicable';

export interface CheckResult {
  readonly check: CheckId;
  readonly outcome: CheckOutcome;
  /** What was measured, or why it could not be. */
  readonly measured: string;
}

export type CheckAnswer = Omit<CheckResult, 'check'>;
export type Check = (facts: Facts) => CheckAnswer;

export const passes = (measured: string): CheckAnswer => ({ outcome: 'pass', measured });
export const fails = (measured: string): CheckAnswer => ({ outcome: 'fail', measured });
export const inconclusive = (measured: string): CheckAnswer => ({ outcome: 'inconclusive', measured });
export const notApplicable = (measured: string): CheckAnswer => ({ outcome: 'not-applicable', measured });

/** One word for several answers: the worst, with everything that was measured for it; nothing at all is `not-applicable`. */
export function worstOf(answers: readonly CheckAnswer[], none: string): CheckAnswer {
  for (const outcome of ['fail', 'inconclusive', 'pass'] as const) {
    const those = answers.filter((each) => each.outcome === outcome);
    if (those.length > 0) return { outcome, measured: those.map(({ measured }) => measured).join(', ') };
  }
  return notApplicable(none);
}
