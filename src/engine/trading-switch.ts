import { refusesNewRisk } from '../core/authority/durability-mode.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * Whether new risk is accepted is said by the group record; the engine mirrors it. While a run has the group its own steps say it; once
 * none has, an engine that does otherwise is told (a run that failed before it had validated leaves the record at no).
 */
export function switchTrading(agent: AgentCore, local: LocalInstance, record: GroupRecord, now: number): void {
  const { observation, component, promotion, killing, busy } = local;
  const grant = record.grants[component.id];
  if (record.run !== null || promotion !== null || killing || busy || !refusesNewRisk(component.kind)) return;
  if (grant?.holder !== local.instance.id || observation?.role !== 'primary' || observation.epoch !== grant.epoch)
    return;
  if (agent.mirror.revisionOf(keys.group(local.group.id)) < local.tradingSince) return;
  if (observation.tradingEnabled === record.tradingEnabled || !local.observedAfter(local.tradingToldAt)) return;
  local.tradingToldAt = now;
  const action = { kind: 'set-trading', epoch: grant.epoch, enabled: record.tradingEnabled } as const;
  agent.perform(local, action, agent.timing.stepDeadlineMs, now, (_outcome, at) => {
    local.tradingToldAt = at;
  });
}
