import type { Json } from '../core/base/canonical-json.ts';
import type { Decision } from '../core/decision/decide.ts';

/** A receipt: what was seen, what every rule said, what was chosen and what not. */
export function receipt(decision: Decision): Json {
  const { intent, plan, rules, prerequisites, verdict, policy, reason, approval, overridden } = decision;
  return {
    verdict,
    reason,
    policy,
    digest: plan.digest,
    trigger: intent.trigger,
    scope: intent.scope,
    fromSite: intent.fromSite,
    toSite: intent.toSite,
    moves: intent.moves as unknown as Json,
    ...(intent.delegates === undefined ? {} : { delegates: intent.delegates as unknown as Json }),
    missing: intent.missing as unknown as Json,
    rejected: intent.rejected as unknown as Json,
    lossBound: plan.predicted.lossBound as unknown as Json,
    durability: plan.predicted.durability as unknown as Json,
    rules: rules as unknown as Json,
    prerequisites: prerequisites as unknown as Json,
    approval: approval as unknown as Json,
    overridden,
  };
}
