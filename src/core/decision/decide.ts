import type { RecoveryPlan } from '../plan/recovery-plan.ts';
import type { AutomationPolicy } from '../topology/topology.ts';
import type { Approval } from './brakes.ts';
import type { Facts } from './facts.ts';
import type { Intent } from './intent.ts';
import { holdsUp, type PrerequisiteResult, prerequisitesOf } from './prerequisites.ts';
import { SAFETY_RULES } from './rules/index.ts';
import type { RuleQuestion, RuleResult, SafetyRule } from './safety-rule.ts';

/**
 * `stand-down`: nothing to do, or policy says that only people act. `hold`: a rule does not pass. `ask-approval`: all pass, a
 * person must say yes to this plan. `proceed`: run it. Always with every rule's result; a decision not to act is a
 * decision.
 */
export interface Decision {
  readonly verdict: 'stand-down' | 'hold' | 'ask-approval' | 'proceed';
  readonly intent: Intent;
  readonly plan: RecoveryPlan;
  readonly policy: AutomationPolicy;
  readonly rules: readonly RuleResult[];
  /** Of a planned move; empty for every other. */
  readonly prerequisites: readonly PrerequisiteResult[];
  /** The approval that this decision consumes. */
  readonly approval: Approval | null;
  readonly reason: string;
  /** Overrides that a person gave, by rule. */
  readonly overridden: readonly string[];
}

export interface DecisionQuestion {
  readonly facts: Facts;
  readonly intent: Intent;
  readonly plan: RecoveryPlan;
  /** Rules that the requesting person overrides, with reason; only those that allow it count. */
  readonly overrides?: readonly string[];
}

/** Asks every rule, no short circuit, then the policy. Pure: the same question always has the same answer. */
export function decide({ facts, intent, plan, overrides = [] }: DecisionQuestion): Decision {
  const policy = policyFor(facts, intent);
  const rules = SAFETY_RULES.map((rule) => ask(rule, { facts, intent, plan }));
  const prerequisites = prerequisitesOf({ facts, intent, plan });
  const overridden: readonly string[] =
    intent.requestedBy === null
      ? []
      : [
          ...rules.filter((result) => isOverridden(result, overrides)).map((result) => result.rule),
          ...prerequisites
            .filter((result) => holdsUp(result) && overrides.includes(result.prerequisite))
            .map((result) => result.prerequisite),
        ];
  const stopping = rules.filter((result) => result.outcome !== 'pass' && !overridden.includes(result.rule));
  const approval = findApproval(facts, plan);
  const unmet = prerequisites.filter((result) => holdsUp(result) && !overridden.includes(result.prerequisite));
  const base = { intent, plan, policy, rules, prerequisites, overridden, approval: null };
  if (stopping.length + unmet.length > 0)
    return {
      ...base,
      verdict: 'hold',
      reason: [
        ...stopping.map((result) => `${result.rule} ${result.outcome}: ${result.reason}`),
        ...unmet.map((result) => `${result.prerequisite} ${result.outcome}: ${result.reason}`),
      ].join(' · '),
    };
  if (intent.requestedBy !== null)
    return {
      ...base,
      approval: intent.planned === undefined ? null : approval,
      verdict: 'proceed',
      reason: `asked for by ${intent.requestedBy}`,
    };
  switch (policy) {
    case 'automatic':
      return plan.predicted.lossBound.kind === 'none'
        ? { ...base, verdict: 'proceed', reason: 'all rules pass and the policy is automatic' }
        : {
            ...base,
            approval,
            verdict: 'proceed',
            reason: `all rules pass, the policy is automatic, and ${approval?.by ?? 'nobody'} accepted the loss`,
          };
    case 'approval':
      return approval
        ? { ...base, approval, verdict: 'proceed', reason: `approved by ${approval.by} (${approval.role})` }
        : {
            ...base,
            verdict: 'ask-approval',
            reason: `all rules pass; policy asks for an approval of plan ${plan.digest}`,
          };
    case 'manual':
    case 'observe':
      return { ...base, verdict: 'stand-down', reason: `all rules pass; policy is ${policy}: a person acts` };
  }
}

function ask(rule: SafetyRule, question: RuleQuestion): RuleResult {
  return { rule: rule.id, ...rule.evaluate(question) };
}

function isOverridden(result: RuleResult, overrides: readonly string[]): boolean {
  const rule = SAFETY_RULES.find((each) => each.id === result.rule);
  return result.outcome !== 'pass' && rule?.overridable === true && overrides.includes(result.rule);
}

/** Ending a take-over that was begun goes on under the policy of the scope that it needs. */
export const policyFor = (facts: Facts, intent: Intent): AutomationPolicy =>
  intent.scope === 'instance' ? facts.group.instancePolicy : facts.group.sitePolicy;

/** A plan that may lose something is approved by whoever accepted that, not by somebody who only said yes. */
const findApproval = (facts: Facts, plan: RecoveryPlan): Approval | null =>
  facts.brakes.approvals.find(
    (approval) =>
      approval.digest === plan.digest &&
      facts.wallMs < approval.until &&
      (plan.predicted.lossBound.kind === 'none' || approval.acceptsLoss !== null),
  ) ?? null;
