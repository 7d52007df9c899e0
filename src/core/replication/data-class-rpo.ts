import type { Facts } from '../decision/facts.ts';
import type { DataClass } from '../topology/planning.ts';
import { type Amount, unknownAmount } from './amount.ts';
import { type ComponentLoss, componentLoss } from './component-loss.ts';
import type { Paces } from './replication-path.ts';

/** How one class of data stands: what was promised, and what a loss of the site that writes it would cost now. */
export interface DataClassRpo {
  readonly dataClass: DataClass;
  /** The last so many milliseconds of it. */
  readonly now: Amount;
  /** Why nothing would be lost; null = that is not proved. */
  readonly proof: string | null;
  /** `unknown`: nobody can say; an RPO of 0 that nothing proves is unknown, not kept. */
  readonly verdict: 'kept' | 'missed' | 'unknown';
  readonly losses: readonly ComponentLoss[];
}

/** `factsOf`: of the group that has the component; null = none has it, as with everything that is not run here. */
export function dataClassRpo(
  dataClass: DataClass,
  factsOf: (component: DataClass['store']) => Facts | null,
  paces: Paces,
): DataClassRpo {
  const { keptBy, store } = dataClass;
  const unmeasured = (why: string): DataClassRpo => ({
    dataClass,
    now: unknownAmount(why),
    proof: null,
    verdict: 'unknown',
    losses: [],
  });
  if (keptBy.kind === 'outside') return unmeasured(`${store} is not run by Holdfast: nobody measures it here`);
  if (keptBy.kind === 'backup') return unmeasured('no controller hears of backups yet');
  if (keptBy.of.length === 0) return unmeasured('nothing says from what it is recomputed');
  const losses: ComponentLoss[] = [];
  for (const id of keptBy.of) {
    const facts = factsOf(id);
    if (facts === null) return unmeasured(`${id} is moved by no group: nobody measures it here`);
    losses.push(componentLoss(facts, paces, id, keptBy.kind === 'cascade' ? 'cascades' : 'all copies'));
  }
  const now = worstOf(losses.map(({ ms }) => ms));
  const proofs = losses.flatMap(({ proof }) => proof ?? []);
  const proof = proofs.length === losses.length ? proofs.join('; ') : null;
  return { dataClass, now, proof, verdict: verdictOf(dataClass.rpoMs, now, proof !== null), losses };
}

/** What is not known of one is not known of all; of equal ones what is only estimated speaks for both. */
const worstOf = (amounts: readonly Amount[]): Amount =>
  amounts.find(({ certainty }) => certainty === 'unknown') ??
  amounts.reduce((worst, each) => {
    const more = (each.value ?? 0) - (worst.value ?? 0);
    return more > 0 || (more === 0 && worst.certainty === 'counted') ? each : worst;
  });

export function verdictOf(
  rpoMs: number,
  { certainty, value, atMost }: Amount,
  proved: boolean,
): DataClassRpo['verdict'] {
  if (proved) return 'kept';
  if (certainty === 'unknown' || value === null) return 'unknown';
  if (value > rpoMs) return 'missed';
  if (rpoMs === 0 || certainty === 'at-least') return 'unknown';
  return (atMost ?? value) <= rpoMs ? 'kept' : 'unknown';
}
