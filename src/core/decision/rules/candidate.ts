import { block, pass, type SafetyRule } from '../safety-rule.ts';

/** Something must be there to take over, for every component that moves. */
export const candidateRule: SafetyRule = {
  id: 'R-CANDIDATE',
  title: 'Every component that moves has a fit candidate',
  overridable: false,
  evaluate: ({ intent }) =>
    intent.missing.length === 0
      ? pass([...intent.moves, ...(intent.delegates ?? [])].map((move) => `${move.component} → ${move.to}`).join(', '))
      : block(
          intent.missing
            .map(
              ({ component, rejected }) =>
                `${component}: ${rejected.map((each) => `${each.instance} ${each.reason}`).join('; ') || `no instance in ${intent.toSite}`}`,
            )
            .join(' · '),
          'bring a standby back, or choose another site',
        ),
};
