import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** A planned move goes only to a site that is in step: strict mode, and every candidate seen following, in the promotable set. */
export const syncRule: SafetyRule = {
  id: 'R-SYNC',
  title: 'Planned: the target is in step',
  overridable: false,
  evaluate: ({ facts, intent }) => {
    if (intent.runbook !== 'switchover-site') return pass('not a planned move');
    for (const move of intent.moves) {
      const grant = facts.record?.grants[move.component];
      const known = facts.instances.get(move.to);
      if (!grant || !known?.observation || !known.fresh)
        return cannotEvaluate(`nothing fresh is known about ${move.to}`);
      if (facts.topology.components.find((component) => component.id === move.component)?.durability == null) continue;
      if (grant.holder !== move.to && !grant.promotable.includes(move.to))
        return block(
          `${move.to} is not in the acknowledgement set of ${grant.holder ?? 'nobody'}`,
          'wait until it has caught up: holdfast status',
        );
    }
    return pass('every candidate is in the acknowledgement set');
  },
};
