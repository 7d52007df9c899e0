import { block, pass, type SafetyRule } from '../safety-rule.ts';

/** I2: only the leading controller acts; a deposed one is refused by term anyway, this stops it earlier. */
export const leaderRule: SafetyRule = {
  id: 'R-LEADER',
  title: 'This controller leads',
  overridable: false,
  evaluate: ({ facts }) =>
    facts.leadership.leading
      ? pass(`leads in term ${facts.leadership.term}`)
      : block('another controller leads', 'ask the leading controller, named by "holdfast status"'),
};
