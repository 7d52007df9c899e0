import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Epoch, HostId, InstanceId } from '../core/base/ids.ts';
import type { Facts } from '../core/decision/facts.ts';
import type { RunState } from '../core/run/run.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { Postcondition } from './driver-port.ts';
import type { AgentOrder } from './messages.ts';
import type { StepOrder } from './step-order.ts';

/** One order to whoever holds the trading engine; none while nobody does. */
export function forEngine(
  run: RunState,
  facts: Facts,
  record: GroupRecord,
  target: string,
  action: Extract<AgentOrder, { kind: 'perform' }>['action'],
  condition: Postcondition | null,
): readonly StepOrder[] {
  const engine = engineHolder(facts, record);
  if (engine === null || run.result !== null) return [];
  return [
    {
      target: `${target}/${engine.instance}`,
      host: engine.host,
      order: { kind: 'perform', instance: engine.instance, action },
      required: true,
      confirm: condition === null ? null : { instance: engine.instance, condition },
      inSequence: false,
    },
  ];
}

function engineHolder(
  facts: Facts,
  record: GroupRecord,
): { readonly instance: InstanceId; readonly host: HostId } | null {
  const { instance } = indexOf(facts.topology);
  for (const component of facts.topology.components) {
    if (component.kind !== 'trading-engine' || !facts.group.components.includes(component.id)) continue;
    const holder = record.grants[component.id]?.holder ?? null;
    const host = holder === null ? undefined : instance.get(holder)?.host;
    if (holder !== null && host !== undefined) return { instance: holder, host };
  }
  return null;
}

/** The epoch of its grant: an engine that did not move serves under an older one than the group's. */
export function epochOfEngine(facts: Facts, record: GroupRecord): Epoch {
  const engine = facts.topology.components.find(
    (component) => component.kind === 'trading-engine' && facts.group.components.includes(component.id),
  );
  return (engine && record.grants[engine.id]?.epoch) ?? record.epoch;
}
