import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** A restored authority may have forgotten a newer epoch: nothing is promoted on its word until a person has adopted it. */
export const incarnationRule: SafetyRule = {
  id: 'R-INCARNATION',
  title: 'The authority is the one that wrote this record',
  overridable: false,
  evaluate: ({ facts }) => {
    if (facts.authority.silentMs === null) return cannotEvaluate('the authority was never read');
    return facts.authority.incarnationMatches
      ? pass(facts.record ? `incarnation ${facts.record.incarnation}` : 'no record yet')
      : block(
          'the authority was restored or rebuilt since this record was written',
          'see which backup it was, then holdfast authority adopt --reason TEXT (role admin)',
        );
  },
};
