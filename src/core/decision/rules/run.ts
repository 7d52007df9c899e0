import { isOpen } from '../../run/run.ts';
import { block, pass, type SafetyRule } from '../safety-rule.ts';

/** I7: one run per group may act. A wider one supersedes a narrower one by raising the epoch; never the other way. */
export const runRule: SafetyRule = {
  id: 'R-RUN',
  title: 'No other run holds the group',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    if (!isOpen(facts.run)) return pass('no run is open');
    const { run, plan } = facts.run;
    if (plan.scope === 'instance' && intent.scope === 'site') return pass(`wider than ${run}, which it supersedes`);
    return block(`run ${run} (${plan.runbook}) is open`, `wait for it: holdfast runs ${run}`);
  },
};
