import { durabilityModeOf } from '../core/authority/durability-mode.ts';
import type { Grant, GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * Keeps the recorded promotable set and the real acknowledgement set in the order that I9 needs, on behalf of the holder:
 * a member leaves the record *before* the holder stops waiting for it, and enters the record only *after* the holder waits
 * for it and it has caught up. Interrupted anywhere, the holder waits for more than the record says, never for less.
 */
export class AckSetUpkeep {
  readonly #agent: AgentCore;

  constructor(agent: AgentCore) {
    this.#agent = agent;
  }

  work(local: LocalInstance, record: GroupRecord, grant: Grant, now: number): void {
    const { observation } = local;
    if (grant.holder !== local.instance.id || local.promotion !== null || local.killing || local.upkeepBusy) return;
    if (observation === null || observation.role !== 'primary' || observation.epoch !== grant.epoch) return;
    if (local.component.durability === null) return;
    const state = new Map(observation.replicas.map((replica) => [replica.instance, replica.state]));
    const members = local.component.instances.filter((each) => each.replication === 'sync' && each.eligible && each.id !== local.instance.id).map((each) => each.id);
    const lost = grant.ackSet.filter((member) => state.get(member) === 'lost');
    const shrunk = grant.ackSet.filter((member) => !lost.includes(member));
    const caughtUp = members.filter((member) => state.get(member) === 'in-sync' && !grant.promotable.includes(member));
    if (lost.length > 0) return this.#shrink(local, record, grant, shrunk, lost, now);
    const waitedFor = caughtUp.filter((member) => observation.ackSet.includes(member));
    if (waitedFor.length > 0) return this.#grow(local, record, grant, waitedFor, now);
    const toAsk = caughtUp.filter((member) => !observation.ackSet.includes(member));
    const surplus = observation.ackSet.filter((member) => !grant.ackSet.includes(member) && !caughtUp.includes(member));
    if (toAsk.length === 0 && surplus.length === 0) return;
    if (local.busy) return;
    // What the record does not name any more, the holder need not wait for; what has caught up, it must from now on.
    const wanted = [...observation.ackSet.filter((member) => !surplus.includes(member)), ...toAsk];
    this.#ask(local, grant, wanted, now);
  }

  #shrink(local: LocalInstance, record: GroupRecord, grant: Grant, ackSet: readonly InstanceId[], lost: readonly InstanceId[], now: number): void {
    const promotable = grant.promotable.filter((member) => !lost.includes(member));
    const mode = this.#mode(local, record, grant, ackSet, lost);
    if (mode.kind === 'halted') {
      // Policy: rather stand still than acknowledge alone. The sets stay as they are, so nothing is released.
      if (grant.mode.kind !== 'halted') this.#write(local, record, { ...grant, mode }, now);
      return;
    }
    this.#write(local, record, { ...grant, ackSet, promotable, mode }, now);
  }

  #grow(local: LocalInstance, record: GroupRecord, grant: Grant, joined: readonly InstanceId[], now: number): void {
    const ackSet = [...grant.ackSet.filter((member) => !joined.includes(member)), ...joined];
    const promotable = [...grant.promotable, ...joined];
    this.#write(local, record, { ...grant, ackSet, promotable, mode: this.#mode(local, record, grant, ackSet, []) }, now);
  }

  #mode(local: LocalInstance, record: GroupRecord, grant: Grant, ackSet: readonly InstanceId[], lost: readonly InstanceId[]) {
    const before = grant.mode.kind === 'strict' ? [] : grant.mode.lost;
    const away = [...new Set([...before, ...lost])].filter((member) => !ackSet.includes(member));
    return durabilityModeOf({ durability: local.component.durability, holder: local.instance.id, ackSet, lost: away, epoch: record.epoch, index: this.#agent.index, previous: grant.mode });
  }

  #write(local: LocalInstance, record: GroupRecord, grant: Grant, now: number): void {
    const key = keys.group(local.group.id);
    const before = record.grants[local.component.id];
    const value: GroupRecord = { ...record, grants: { ...record.grants, [local.component.id]: grant } };
    local.upkeepBusy = true;
    this.#agent.transact({ compare: [{ key, revision: this.#agent.mirror.revisionOf(key) }], put: [{ key, value: value as never }] }, this.#agent.timing.stepDeadlineMs, now, (outcome, at) => {
      local.upkeepBusy = false;
      if (outcome.kind !== 'committed') return;
      this.#agent.mirror.change([{ key, value: value as never }], outcome.revision, at);
      this.#agent.evidence({ kind: 'durability-changed', instance: local.instance.id, data: { from: before?.mode.kind ?? null, to: grant.mode.kind, ackSet: [...grant.ackSet], promotable: [...grant.promotable] } });
      this.#agent.urgent();
    });
  }

  #ask(local: LocalInstance, grant: Grant, ackSet: readonly InstanceId[], now: number): void {
    local.upkeepBusy = true;
    this.#agent.perform(local, { kind: 'set-ack-set', epoch: grant.epoch, ackSet }, this.#agent.timing.stepDeadlineMs, now, () => {
      local.upkeepBusy = false;
    });
  }
}
