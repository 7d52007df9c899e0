import { shutOutHolder } from '../../authority/delegate-gate.ts';
import { delegatedComponents, endedHolder } from '../../authority/delegated-primary.ts';
import { isRecovery } from '../../plan/runbook.ts';
import { ownedComponents } from '../../topology/topology-index.ts';
import { isFailing } from '../propose.ts';
import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/**
 * H5: an unplanned move needs a failure that is a fact, or silence by a quorum of observers. A person who asks for a
 * failover is not exempt from looking, but may act on what only they know: the rule can be overridden, with a reason.
 */
export const verdictRule: SafetyRule = {
  id: 'R-VERDICT',
  title: 'The failure is a fact or the verdict of a quorum',
  overridable: true,
  evaluate: ({ facts, intent }) => {
    if (intent.trigger === 'Activation') return pass('first activation: nothing has failed');
    if (intent.runbook === 'switchover-site') return pass('planned: nothing needs to have failed');
    if (isRecovery(intent.runbook)) return pass('a recovery in place: nothing needs to have failed');
    if (intent.trigger === 'TakeoverUnfinished')
      return pass('nothing changes hands: the last steps of a take-over are taken');
    const { record } = facts;
    if (record === null) return cannotEvaluate('the group was never activated', 'holdfast activate SITE');
    const owned = ownedComponents(facts.topology, facts.group);
    const failing = owned.filter((component) => isFailing(facts, record, component));
    if (failing.length > 0)
      return pass(
        failing
          .map((component) => {
            const holder = record.grants[component.id]?.holder ?? null;
            if (holder === null) return `${component.id}: nobody holds it`;
            return `${holder}: ${facts.instances.get(holder)?.verdict.evidence.join('; ') ?? 'unknown'}`;
          })
          .join(' · '),
      );
    const delegated = delegatedComponents(facts.topology, facts.group);
    const ended = delegated.flatMap((each) => endedHolder(facts, each) ?? []);
    if (ended.length > 0 && ended.some((holder) => intent.delegates?.some(({ from }) => from === holder)))
      return pass(`${ended.join(', ')}: its own agent saw that it has ended`);
    const shutOut = delegated.flatMap((each) => shutOutHolder(facts, each) ?? []);
    if (shutOut.some((holder) => intent.delegates?.some(({ from }) => from === holder)))
      return pass(`${shutOut.join(', ')}: its gate was not renewed, and lets no client in`);
    if (intent.trigger === 'GroupSplit') return pass('components that move together are held in different sites');
    const unknown = owned.filter((component) => {
      const holder = record.grants[component.id]?.holder ?? null;
      return (
        holder !== null && ['unknown', 'suspect'].includes(facts.instances.get(holder)?.verdict.state ?? 'unknown')
      );
    });
    if (unknown.length > 0)
      return cannotEvaluate(
        `no quorum says that ${unknown.map((component) => component.id).join(', ')} has failed`,
        'look from another site, or wait for more observers',
      );
    return block('every holder is alive', 'use switchover for a planned move');
  },
};
