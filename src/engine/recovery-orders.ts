import type { GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { Step } from '../core/plan/recovery-plan.ts';
import type { RunState } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import { STOP_ACCEPTING } from './accepting-again.ts';
import type { StepOrder } from './step-order.ts';

/** A component answers an action within so long (component contract); asked sooner it would begin anew. */
const ACTION_WITHIN_MS = 6500;

/** One action, asked of whoever holds the component, or of every instance at the active site of one that nobody holds. */
export function actOrders(action: string, run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { component: components, siteOfInstance } = indexOf(facts.topology);
  const component = run.plan.component === undefined ? undefined : components.get(run.plan.component);
  if (!component) return [];
  const grant = record.grants[component.id];
  const held = component.authority === 'owned';
  return component.instances
    .filter(({ id }) => (held ? grant?.holder === id : siteOfInstance.get(id) === record.activeSite))
    .map(({ id, host }) => ({
      target: `${action}/${id}`,
      host,
      order: {
        kind: 'perform',
        instance: id,
        action: { kind: 'act', epoch: grant?.epoch ?? record.epoch, action },
        since: facts.recordRevision,
      },
      required: true,
      confirm: null,
      inSequence: false,
      answerWithinMs: ACTION_WITHIN_MS,
    }));
}

/** Holders that stay are ended once they are fenced, so that their promotion starts from what is on their disk. */
export function restartOrders(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const { instance } = indexOf(facts.topology);
  const staying = (id: InstanceId, from: InstanceId | null) => id === from;
  return run.plan.moves.flatMap(({ component, from, to }): StepOrder[] => {
    const host = instance.get(to)?.host;
    if (!staying(to, from) || host === undefined || record.grants[component]?.holder !== null) return [];
    const order = { kind: 'perform', instance: to, action: { kind: 'kill' } } as const;
    return [{ target: `restart/${to}`, host, order, required: true, confirm: null, inSequence: false }];
  });
}

/** What an abandoned recovery had stopped is told to go on, under the grant that it still has. */
export function resumeActions(run: RunState, facts: Facts, record: GroupRecord): readonly StepOrder[] {
  const stopped = run.plan.steps.some(({ action }) => action === STOP_ACCEPTING);
  return stopped ? actOrders('resume', run, facts, record) : [];
}

/** Steps that only stop or look, before anything is revoked: a run that fails in one of them has moved nothing. */
export const isBeforeMoving = ({ kind }: Step): boolean => kind === 'drain' || kind === 'act';
