import { canServe } from '../../topology/topology-index.ts';
import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** The site that takes over may serve, and is alive. An archive or a witness never trades (T1). */
export const targetRule: SafetyRule = {
  id: 'R-TARGET',
  title: 'The target site may serve and is alive',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    const target = facts.sites.get(intent.toSite);
    if (!target) return block(`site ${intent.toSite} is not in the topology`);
    if (!canServe(target.site))
      return block(`${intent.toSite} has capabilities ${target.site.capabilities.join(', ')}: it never serves`);
    if (target.verdict.state === 'failed')
      return block(`${intent.toSite} has failed: ${target.verdict.evidence.join('; ')}`);
    if (target.verdict.state === 'unknown') return cannotEvaluate(`nothing is known about ${intent.toSite}`);
    return pass(`${intent.toSite} is ${target.verdict.state}`);
  },
};
