import { block, pass, type SafetyRule } from '../safety-rule.ts';

/**
 * A person chose the first site. Until something has been brought to its end there the platform has never been whole: what looks like the
 * loss of a site may be a part of it that is only just coming up. It is finished where it was begun; another site is for people to choose.
 */
export const activationRule: SafetyRule = {
  id: 'R-ACTIVATION',
  title: 'To another site only once a first run was completed',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    if (intent.requestedBy !== null) return pass('a person asks');
    if (facts.record === null || facts.record.activeSite === intent.toSite) return pass('it stays at its site');
    const { history } = facts.brakes;
    const activation = history.find(({ runbook }) => runbook === 'activate-site');
    if (activation === undefined || history.some(({ result }) => result === 'completed'))
      return pass('a run was completed, or the first one is long ago');
    return block(
      `the first activation, ${activation.run}, ${activation.result === 'failed' ? 'failed' : 'was superseded'}, and nothing was completed since`,
      `holdfast failover ${intent.toSite}, after looking at why`,
    );
  },
};
