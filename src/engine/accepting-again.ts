import type { GroupRecord } from '../core/authority/group-record.ts';
import type { AgentCore } from './agent-core.ts';
import type { AgentMemory } from './agent-memory.ts';
import { keys } from './authority-keys.ts';
import type { LocalInstance } from './local-instance.ts';

export const STOP_ACCEPTING = 'stop-accepting';
const RESUME_ACTION = 'resume';

/**
 * Whether a recovery had this instance stop accepting, as its agent remembers: the last word among the orders that it carried out.
 * Orders are named RUN/STEP/ACTION/INSTANCE.
 */
export function wasStopped(memory: AgentMemory, instance: string): boolean {
  const last = memory.done.findLast(
    ({ key }) => key.endsWith(`/${STOP_ACCEPTING}/${instance}`) || key.endsWith(`/${RESUME_ACTION}/${instance}`),
  );
  return last?.key.endsWith(`/${STOP_ACCEPTING}/${instance}`) === true;
}

/**
 * A recovery that is given up tells what it had stopped to go on. Where that did not arrive, or the order to stop came after it, the
 * instance would stay stopped until a newer epoch: so once no run has the group, its agent tells it by itself (I10).
 */
export function acceptAgain(agent: AgentCore, local: LocalInstance, record: GroupRecord, now: number): void {
  const { instance, component, observation, promotion, killing, busy } = local;
  const grant = record.grants[component.id];
  if (record.run !== null || promotion !== null || killing || busy || !wasStopped(agent.memory, instance.id)) return;
  if (grant?.holder !== instance.id || observation?.role !== 'primary' || observation.epoch !== grant.epoch) return;
  const revision = agent.mirror.revisionOf(keys.group(local.group.id));
  if (revision <= local.stoppedSince || !local.observedAfter(local.acceptToldAt)) return;
  local.acceptToldAt = now;
  const action = { kind: 'act', epoch: grant.epoch, action: RESUME_ACTION } as const;
  agent.perform(local, action, agent.timing.stepDeadlineMs, now, (outcome, at) => {
    local.acceptToldAt = at;
    if (outcome.kind !== 'ok') return;
    agent.rememberDone({ key: `agent/${revision}/${RESUME_ACTION}/${instance.id}`, outcome, proof: null });
    agent.evidence({
      kind: 'reconciled',
      instance: instance.id,
      data: { action: RESUME_ACTION, epoch: grant.epoch },
    });
  });
}
