import type { Facts } from '../core/decision/facts.ts';
import type { StepKind } from '../core/plan/runbook.ts';
import type { RunEvent, RunState } from '../core/run/run.ts';
import { fencingProofs, goneOrders } from './step-orders.ts';
import { checked, frozenPositions, proofsInWords } from './step-verdicts.ts';

/** How a step ends whose question the facts answer already; null while they do not. */
export function answeredByFacts(
  kind: StepKind,
  run: RunState,
  facts: Facts,
): Pick<Extract<RunEvent, { kind: 'step-finished' }>, 'outcome' | 'detail' | 'proofs'> | null {
  if (kind === 'fence') {
    const proofs = fencingProofs(run, facts, []);
    const asks = facts.record !== null && goneOrders(run, facts, facts.record).length > 0;
    return proofs === null || asks ? null : { outcome: 'ok', detail: proofsInWords(proofs), proofs };
  }
  if (kind === 'check') {
    const verdict = checked(facts, 0);
    return verdict === 'working' ? null : verdict;
  }
  if (kind !== 'freeze-positions') return null;
  const verdict = frozenPositions(facts, run);
  return verdict === 'working' ? null : verdict;
}
