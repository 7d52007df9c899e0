import type { GroupRecord } from '../core/authority/group-record.ts';
import type { MonoMs } from '../core/base/ids.ts';
import type { AgentCore } from './agent-core.ts';
import { HeldLease } from './held-lease.ts';
import { renewLease } from './lease-renewal.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * Keeps the gate of a delegate's member open while the record names it: each renewal that the authority took extends it, until then and no
 * longer. Nobody closes it: it closes by itself, whatever became of this agent. Nothing is granted with it, and nothing is ended for it.
 */
export function keepGateOpen(agent: AgentCore, local: LocalInstance, record: GroupRecord | null, now: number): void {
  const seat = record?.delegates?.[local.component.id];
  if (seat?.holder !== local.instance.id) {
    local.lease = null;
    return;
  }
  // What ran out is closed, and is opened again by a renewal of its own.
  if (local.lease === null || now >= local.lease.deadline) local.lease = new HeldLease(agent.timing, now);
  const { lease } = local;
  const { epoch } = seat;
  if (!lease.due(now)) return;
  renewLease(agent, local, { epoch, lease, leaseRevision: null }, now, (counter, at) => {
    if (local.lease !== lease || lease.confirmed(counter) === null || at >= lease.deadline) return;
    local.leaseCounter = Math.max(local.leaseCounter, counter);
    const leaseUntil = lease.deadline as MonoMs;
    agent.perform(local, { kind: 'lease', epoch, leaseUntil }, agent.timing.selfFenceAfterMs, at, (outcome) =>
      local.gateArmed(outcome),
    );
  });
}
