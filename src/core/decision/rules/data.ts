import { indexOf } from '../../topology/topology-index.ts';
import { holdsEverything } from '../candidates.ts';
import { block, cannotEvaluate, pass, type SafetyRule } from '../safety-rule.ts';

/** I4, I9: who takes over holds everything acknowledged, or a person has accepted the loss of this very plan by name. */
export const dataRule: SafetyRule = {
  id: 'R-DATA',
  title: 'No acknowledged write is lost',
  overridable: false,
  evaluate: ({ facts, intent, plan }) => {
    const { component: components } = indexOf(facts.topology);
    const lossy: string[] = [];
    for (const move of intent.moves) {
      const component = components.get(move.component);
      if (!component) return cannotEvaluate(`component ${move.component} is not in the topology`);
      if (!holdsEverything(component, facts.record?.grants[move.component] ?? null, move.to))
        lossy.push(`${move.component} on ${move.to}`);
    }
    if (lossy.length === 0) return pass('each candidate was in the recorded promotable set');
    const accepted = facts.brakes.approvals.find(
      (approval) => approval.acceptsLoss !== null && approval.digest === plan.digest && facts.wallMs < approval.until,
    );
    return accepted
      ? pass(`${accepted.by} accepted the loss: ${accepted.acceptsLoss}`)
      : block(
          `${lossy.join(', ')} may lack acknowledged writes`,
          'approve with --accept-data-loss, naming it, or bring back an instance that has them',
        );
  },
};
