import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** I3: no promotion without the authority's quorum. Its silence is not permission. */
export const quorumRule: SafetyRule = {
  id: 'R-QUORUM',
  title: 'The authority answers with quorum',
  overridable: false,
  evaluate: ({ facts: { authority } }) => {
    if (authority.silentMs === null)
      return cannotEvaluate('the authority was never heard', 'check the authority and the path to it');
    if (authority.silentMs <= authority.staleAfterMs) return pass(`heard ${Math.round(authority.silentMs)} ms ago`);
    return block(
      `silent for ${Math.round(authority.silentMs)} ms, more than ${authority.staleAfterMs} ms`,
      'restore a majority of the voters',
    );
  },
};
