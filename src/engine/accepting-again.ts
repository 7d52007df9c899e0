import type { GroupRecord } from '../core/authority/group-record.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import type { ActionOutcome, InstanceAction } from './driver-port.ts';
import type { LocalInstance } from './local-instance.ts';

export const STOP_ACCEPTING = 'stop-accepting';
const RESUME_ACTION = 'resume';

/** Before it is carried out: whatever becomes of the agent then, somebody will know that the instance may stand still. */
export function beforeActing(agent: AgentCore, local: LocalInstance, action: InstanceAction): void {
  if (action.kind === 'act' && action.action === STOP_ACCEPTING) agent.rememberStopped(local, true);
}

export function afterActing(
  agent: AgentCore,
  local: LocalInstance,
  action: InstanceAction,
  outcome: ActionOutcome,
): void {
  if (action.kind === 'act' && action.action === RESUME_ACTION && outcome.kind === 'ok')
    agent.rememberStopped(local, false);
}

/**
 * A recovery that is given up tells what it had stopped to go on. Where that did not arrive, or the order to stop came after it, the
 * instance would stay stopped until a newer epoch: so once no run has the group, its agent tells it by itself (I10).
 */
export function acceptAgain(agent: AgentCore, local: LocalInstance, record: GroupRecord, now: number): void {
  const { instance, component, observation, promotion, killing, busy } = local;
  const grant = record.grants[component.id];
  if (record.run !== null || promotion !== null || killing || busy) return;
  if (agent.memory.stopped?.includes(instance.id) !== true) return;
  if (grant?.holder !== instance.id || observation?.role !== 'primary' || observation.epoch !== grant.epoch) return;
  const revision = agent.mirror.revisionOf(keys.group(local.group.id));
  if (revision <= local.stoppedSince || !local.observedAfter(local.acceptToldAt)) return;
  local.acceptToldAt = now;
  const action = { kind: 'act', epoch: grant.epoch, action: RESUME_ACTION } as const;
  agent.perform(local, action, agent.timing.stepDeadlineMs, now, (outcome, at) => {
    local.acceptToldAt = at;
    afterActing(agent, local, action, outcome);
    if (outcome.kind === 'ok')
      agent.evidence({
        kind: 'reconciled',
        instance: instance.id,
        data: { action: RESUME_ACTION, epoch: grant.epoch },
      });
  });
}
