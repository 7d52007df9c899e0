import type { WallMs } from '../base/ids.ts';
import type { RecoveryPlan } from '../plan/recovery-plan.ts';
import type { Facts } from './facts.ts';
import type { Intent } from './intent.ts';

/**
 * One reason not to act, as a pure predicate with an id that people can quote. Three answers: what cannot be evaluated
 * does not pass (I6). A rule never touches anything and never stops the other rules from being asked.
 */
export interface SafetyRule {
  readonly id: RuleId;
  readonly title: string;
  /** May a person with authority act in spite of it, with a reason? Rules that protect data or fencing: never. */
  readonly overridable: boolean;
  evaluate(question: RuleQuestion): RuleAnswer;
}

export interface RuleQuestion {
  readonly facts: Facts;
  readonly intent: Intent;
  /** The intent bound to a runbook; what an acceptance of a loss has to name. */
  readonly plan: RecoveryPlan;
}

export interface RuleAnswer {
  readonly outcome: 'pass' | 'block' | 'cannot-evaluate';
  readonly reason: string;
  /** What would unblock it, for people. */
  readonly next?: string;
  /** It will pass by itself, if nothing else changes. */
  readonly passesInMs?: number;
}

export interface RuleResult extends RuleAnswer {
  readonly rule: RuleId;
}

export const RULE_IDS = [
  'R-LEADER',
  'R-QUORUM',
  'R-INCARNATION',
  'R-RUN',
  'R-VERDICT',
  'R-LEASE',
  'R-FENCE',
  'R-CANDIDATE',
  'R-DATA',
  'R-TARGET',
  'R-ACTIVATION',
  'R-DEPENDENCY',
  'R-DUAL',
  'R-FREEZE',
  'R-MAINTENANCE',
  'R-COOLDOWN',
  'R-FLAPPING',
  'R-SYNC',
] as const;

export type RuleId = (typeof RULE_IDS)[number];

export const pass = (reason: string): RuleAnswer => ({ outcome: 'pass', reason });
export const block = (reason: string, next?: string, passesInMs?: number): RuleAnswer => ({
  outcome: 'block',
  reason,
  ...(next === undefined ? {} : { next }),
  ...(passesInMs === undefined ? {} : { passesInMs }),
});
export const cannotEvaluate = (reason: string, next?: string): RuleAnswer => ({
  outcome: 'cannot-evaluate',
  reason,
  ...(next === undefined ? {} : { next }),
});

/** How long ago, in whole seconds, for reasons that people read. */
export const secondsSince = (then: WallMs, now: WallMs): number => Math.max(0, Math.round((now - then) / 1000));
