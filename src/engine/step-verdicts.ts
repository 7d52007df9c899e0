import { haltedIn } from '../core/authority/durability-mode.ts';
import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { RunState, StepOutcome } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { validate, verdictInWords } from '../core/validation/validate.ts';
import { isBeingPromoted } from './gather.ts';
import type { StepOrder } from './step-order.ts';
import type { StepWork } from './step-work.ts';

/** What the facts say of a step that is answered by looking. */
export type StepVerdict = 'working' | { readonly outcome: StepOutcome; readonly detail: string };

export const proofsInWords = (proofs: readonly FencingProof[]): string =>
  proofs.map((proof) => `${proof.scope}: ${proof.method}`).join(', ') || 'nobody had to be fenced';

/** The chosen one failed while the run was on its way: it cannot be finished as planned. */
export function candidateLost(facts: Facts, run: RunState): string | null {
  for (const move of [...run.plan.moves, ...(run.plan.delegates ?? [])]) {
    const known = facts.instances.get(move.to);
    const host = known ? facts.hosts.get(known.instance.host) : undefined;
    if (host?.verdict.state === 'failed') return `${move.to} is lost: ${host.verdict.evidence.join('; ')}`;
  }
  return null;
}

/** A component that this run is not about to promote has lost its holder meanwhile: the next decision looks at all of it. */
export function holderLost(facts: Facts, run: RunState): string | null {
  for (const grant of Object.values(facts.record?.grants ?? {})) {
    if (grant.holder === null || isBeingPromoted(run, grant.component)) continue;
    const known = facts.instances.get(grant.holder);
    if (known?.verdict.state === 'failed')
      return `${grant.holder} failed meanwhile: ${known.verdict.evidence.join('; ')}`;
  }
  return null;
}

/** Every candidate still fits; its log end is written down. The old holder itself has no log end to read while it is stopped. */
export function frozenPositions(facts: Facts, run: RunState): StepVerdict {
  const notes: string[] = [];
  for (const move of [...run.plan.moves, ...(run.plan.delegates ?? [])]) {
    const known = facts.instances.get(move.to);
    if (!known?.fresh || known.observation === null) return 'working';
    const { position } = known.observation;
    notes.push(`${move.to} at ${position ? `${position.generation}/${position.sequence}` : 'its own log end'}`);
  }
  return { outcome: 'ok', detail: notes.join(', ') };
}

/** What a run that took every step can honestly say: what nobody offered, that it moved, and whether new risk is taken. */
export function completion({ record }: Facts, run: RunState): string {
  const absent = run.steps.filter(({ outcome }) => outcome === 'not-applicable').map(({ step }) => step.id);
  const done = absent.length === 0 ? 'every step is done' : `done, without ${absent.join(', ')}: not applicable here`;
  const halted = record === null ? [] : haltedIn(record);
  if (halted.length === 0) return done;
  return `${done}, and no new risk is taken: ${halted.join(', ')} halted, nobody confirms as the policy asks; it ends when somebody has caught up, or by approval (holdfast resume)`;
}

/** An action that nobody offers is not applicable, which is no success. */
export function acted(orders: readonly StepOrder[], work: StepWork): StepVerdict {
  if (orders.length === 0) return { outcome: 'not-applicable', detail: 'nobody is there who could do it' };
  if (!work.doneWith(orders)) return 'working';
  return { outcome: work.absentWith(orders) ? 'not-applicable' : 'ok', detail: work.notes };
}

const CHECK_WITHIN_MS = 1000;

/** The validation's verdict, once trading goes on. What was started has a moment to settle and to be seen; a pass is not waited for. */
export function checked(facts: Facts, elapsedMs: number): StepVerdict {
  const validation = validate(facts);
  if (validation.verdict !== 'pass' && elapsedMs < CHECK_WITHIN_MS) return 'working';
  const outcome = ({ pass: 'ok', fail: 'failed', inconclusive: 'unknown' } as const)[validation.verdict];
  return { outcome, detail: verdictInWords(validation) };
}

const RESIDUE_WITHIN_MS = 1000;

/** Looks for what a run leaves behind. What cannot be seen is named, not passed over. */
export function residue(facts: Facts, run: RunState, elapsedMs: number): StepVerdict {
  const { instance } = indexOf(facts.topology);
  const moved = new Set([...run.plan.moves, ...(run.plan.delegates ?? [])].map((move) => move.component));
  const left: string[] = [];
  const unseen: string[] = [];
  for (const [id, known] of facts.instances) {
    if (!moved.has(known.instance.component)) continue;
    const { component } = instance.get(id)!;
    const holder = facts.record?.grants[component]?.holder ?? facts.record?.delegates?.[component]?.holder;
    if (id === holder) continue;
    if (!known.fresh) unseen.push(id);
    else if (known.observation?.role === 'primary') left.push(id);
  }
  if (left.length > 0 && elapsedMs < RESIDUE_WITHIN_MS) return 'working';
  if (left.length > 0) return { outcome: 'failed', detail: `still primary: ${left.join(', ')}` };
  return {
    outcome: 'ok',
    detail: unseen.length > 0 ? `nothing left; could not look at ${unseen.join(', ')}` : 'nothing left',
  };
}
