import { type GroupRecord, holdersOfEverything } from '../core/authority/group-record.ts';
import { stepId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import { type RunState, type StepState, wasDrained } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { epochOfEngine, forEngine } from './engine-order.ts';
import { resumeActions } from './recovery-orders.ts';
import type { StepOrder } from './step-order.ts';
import type { StepVerdict } from './step-verdicts.ts';
import type { StepWork } from './step-work.ts';

/** What the orders of an abandoned run are given under: none of them belongs to a step of its plan. */
export const RESUME = stepId('resume');

/** How long a run that was given up waits until trading is confirmed to have resumed. */
export const RESUME_WITHIN_MS = 5000;

/**
 * Asked before anything is revoked, in this order: the engine refuses new risk and settles what it took in, then order management
 * brings the rest into the database. Asked again until each says that it is done.
 */
export function drainOrders(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { component, instance } = indexOf(facts.topology);
  return run.plan.moves
    .flatMap(({ component: id }): StepOrder[] => {
      const kind = component.get(id)?.kind;
      const grant = record.grants[id];
      const host = grant?.holder == null ? undefined : instance.get(grant.holder)?.host;
      if ((kind !== 'trading-engine' && kind !== 'order-management') || grant?.holder == null || host === undefined)
        return [];
      const action = { kind: 'drain', epoch: grant.epoch } as const;
      const order = { kind: 'perform', instance: grant.holder, action, since: facts.recordRevision } as const;
      return [{ target: grant.holder, host, order, required: true, confirm: null, inSequence: true }];
    })
    .toSorted((a, b) => rank(facts, a) - rank(facts, b));
}

const rank = (facts: Facts, { target }: StepOrder): number =>
  facts.topology.components.find(({ instances }) => instances.some(({ id }) => id === target))?.kind ===
  'trading-engine'
    ? 0
    : 1;

/** Everybody has settled what was in flight, and the target of each durable component has it. */
export function drained(run: RunState, facts: Facts, work: StepWork): StepVerdict {
  if (facts.record === null || !work.doneWith(drainOrders(run, facts, facts.record))) return 'working';
  return behind(run, facts).length + outside(run, facts).length > 0 ? 'working' : { outcome: 'ok', detail: work.notes };
}

/**
 * Targets that need not have everything acknowledged, by the record as it is now (I9). The plan was made before the drain; what is
 * revoked next compares this same record, so nobody leaves the set unseen in between.
 */
function outside(run: RunState, facts: Facts): readonly string[] {
  const { component } = indexOf(facts.topology);
  return run.plan.moves.flatMap(({ component: id, to }) => {
    const grant = facts.record?.grants[id];
    if (component.get(id)?.durability == null || grant === undefined) return [];
    return holdersOfEverything(grant).includes(to) ? [] : [`${to} is not in the acknowledgement set any more`];
  });
}

/** A target that is known not to run: nothing is waited for then, and clients are served where they were. */
export function targetGone(run: RunState, facts: Facts): string | null {
  for (const { from, to } of run.plan.moves) {
    const known = facts.instances.get(to);
    const process = known?.observation?.process ?? null;
    if (from === to || !known?.fresh || process === null) continue;
    if (process !== 'running' || known.verdict.state === 'failed') return `${to} is ${process}, and cannot take over`;
  }
  return null;
}

/** Targets that nobody has heard of lately, or that the holder does not see in step. */
function behind(run: RunState, facts: Facts): readonly string[] {
  const { component } = indexOf(facts.topology);
  return run.plan.moves.flatMap(({ component: id, to }) => {
    const holder = facts.record?.grants[id]?.holder ?? null;
    if (holder === to) return [];
    if (facts.instances.get(to)?.fresh !== true) return [`${to} is not heard`];
    if (component.get(id)?.durability == null || holder === null || holder === to) return [];
    const seen = facts.instances.get(holder);
    const replica = seen?.observation?.replicas.find((each) => each.instance === to);
    return seen?.fresh && replica?.state === 'in-sync' ? [] : [`${to} is not in step with ${holder}`];
  });
}

/**
 * How a drain ends that did not succeed. `lost`: who would have to be drained or to take over is not there any more.
 * Going on is the runbook's word for a drain that took too long, and for nothing else; never to who may lack something.
 */
export function drainFailed(
  { step }: StepState,
  why: { readonly late: boolean; readonly lost: string | null; readonly work: StepWork },
  run: RunState,
  facts: Facts,
): { readonly kind: 'go-on' | 'give-up'; readonly detail: string } {
  const unsafe = outside(run, facts);
  const open = [why.work.notes, ...behind(run, facts), ...unsafe].filter((each) => each !== '').join('; ');
  if (why.lost !== null) return { kind: 'give-up', detail: why.lost };
  if (!why.late) return { kind: 'give-up', detail: `refused: ${open}` };
  const detail = `${step.kind === 'drain' ? 'not drained' : `${step.id} not done`} within ${step.deadlineMs} ms: ${open}`;
  return step.onExpiry === 'go-on' && unsafe.length === 0
    ? { kind: 'go-on', detail: `${detail}; the runbook goes on` }
    : { kind: 'give-up', detail };
}

/** What the run stopped goes on: the engine takes new risk again, order management accepts again. */
export function resumeOrders(run: RunState, facts: Facts): readonly StepOrder[] {
  const { record } = facts;
  if (record === null) return [];
  const action = { kind: 'set-trading', epoch: epochOfEngine(facts, record), enabled: true } as const;
  const engine = wasDrained(run)
    ? forEngine(run, facts, record, 'resume', action, { kind: 'trading', enabled: true })
    : [];
  return [...engine, ...resumeActions(run, facts, record)];
}

/** Everybody who would have to be told is lost. That somebody else is, is no reason to leave those stopped who were told to stop. */
export const nobodyResumes = (orders: readonly StepOrder[], facts: Facts): boolean =>
  orders.every(({ order }) => 'instance' in order && facts.instances.get(order.instance)?.verdict.state === 'failed');
