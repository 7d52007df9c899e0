import { brakeHolds } from '../brakes.ts';
import { block, pass, type SafetyRule, secondsSince } from '../safety-rule.ts';

/** A person has said: do nothing by yourself. Their own commands still work. */
export const freezeRule: SafetyRule = {
  id: 'R-FREEZE',
  title: 'Automation is not frozen',
  overridable: true,
  evaluate: ({ facts, intent }) => {
    const { freeze } = facts.brakes;
    if (!brakeHolds(freeze, facts.wallMs)) return pass('not frozen');
    if (intent.requestedBy !== null) return pass(`frozen by ${freeze.by}, but ${intent.requestedBy} asks`);
    return block(
      `frozen by ${freeze.by} ${secondsSince(freeze.at, facts.wallMs)} s ago: ${freeze.reason}`,
      'holdfast freeze --lift, or act by hand',
    );
  },
};
