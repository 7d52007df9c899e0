import { durabilityModeOf } from '../core/authority/durability-mode.ts';
import type { Grant, GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId, MonoMs } from '../core/base/ids.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * Keeps the recorded promotable set and the real acknowledgement set in the order that I9 needs, on behalf of the holder:
 * a member leaves the record *before* the holder stops waiting for it, and enters the record only *after* the holder waits
 * for it and it has caught up. Interrupted anywhere, the holder waits for more than the record says, never for less.
 *
 * Whom the holder waits for is what it last *confirmed* to us, not what an observation says: an observation may be older than our
 * last change. A member counts as caught up only by an observation that is younger than that change and shows the same set.
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
    const members = local.component.instances
      .filter((each) => each.replication === 'sync' && each.eligible && each.id !== local.instance.id)
      .map((each) => each.id);
    const lost = grant.ackSet.filter((member) => state.get(member) === 'lost');
    const shrunk = grant.ackSet.filter((member) => !lost.includes(member));
    const caughtUp = members.filter((member) => state.get(member) === 'in-sync' && !grant.promotable.includes(member));
    if (lost.length > 0) return this.#shrink(local, record, grant, shrunk, lost, now);
    const halted = grant.mode.kind === 'halted' && grant.ackSet.every((member) => state.get(member) === 'in-sync');
    if (halted && this.#mode(local, record, grant, grant.ackSet, []).kind !== 'halted')
      return this.#grow(local, record, grant, [], now);
    const { waitsFor } = local;
    const sampledSince =
      waitsFor !== null && local.observedAfter(local.ackSetChangedAt) && sameMembers(waitsFor, observation.ackSet);
    const joining = sampledSince ? caughtUp.filter((member) => waitsFor.includes(member)) : [];
    if (joining.length > 0) return this.#grow(local, record, grant, joining, now);
    if (local.busy || (waitsFor !== null && !sampledSince)) return;
    // What the record does not name any more, the holder need not wait for; what has caught up, it must from now on.
    const wanted = [...grant.ackSet, ...caughtUp.filter((member) => !grant.ackSet.includes(member))];
    if (waitsFor === null || !sameMembers(waitsFor, wanted)) this.#ask(local, grant, wanted, now);
  }

  #shrink(
    local: LocalInstance,
    record: GroupRecord,
    grant: Grant,
    ackSet: readonly InstanceId[],
    lost: readonly InstanceId[],
    now: number,
  ): void {
    const promotable = grant.promotable.filter((member) => !lost.includes(member));
    const mode = this.#mode(local, record, grant, ackSet, lost);
    if (mode.kind === 'halted') {
      // Policy: rather stand still than acknowledge alone. The sets stay as they are, so nothing is released until all have caught up.
      if (grant.mode.kind !== 'halted') this.#write(local, record, { ...grant, mode }, now);
      return;
    }
    this.#write(local, record, { ...grant, ackSet, promotable, mode }, now);
  }

  #grow(local: LocalInstance, record: GroupRecord, grant: Grant, joined: readonly InstanceId[], now: number): void {
    const ackSet = [...grant.ackSet.filter((member) => !joined.includes(member)), ...joined];
    const promotable = [...grant.promotable, ...joined];
    this.#write(
      local,
      record,
      { ...grant, ackSet, promotable, mode: this.#mode(local, record, grant, ackSet, []) },
      now,
    );
  }

  #mode(
    local: LocalInstance,
    record: GroupRecord,
    grant: Grant,
    ackSet: readonly InstanceId[],
    lost: readonly InstanceId[],
  ) {
    const before = grant.mode.kind === 'strict' ? [] : grant.mode.lost;
    const away = [...new Set([...before, ...lost])].filter((member) => !ackSet.includes(member));
    return durabilityModeOf({
      durability: local.component.durability,
      holder: local.instance.id,
      ackSet,
      lost: away,
      epoch: record.epoch,
      index: this.#agent.index,
      previous: grant.mode,
    });
  }

  #write(local: LocalInstance, record: GroupRecord, grant: Grant, now: number): void {
    const key = keys.group(local.group.id);
    const before = record.grants[local.component.id];
    const value: GroupRecord = { ...record, grants: { ...record.grants, [local.component.id]: grant } };
    local.upkeepBusy = true;
    this.#agent.transact(
      { compare: [{ key, revision: this.#agent.mirror.revisionOf(key) }], put: [{ key, value: value as never }] },
      this.#agent.timing.stepDeadlineMs,
      now,
      (outcome, at) => {
        local.upkeepBusy = false;
        if (outcome.kind !== 'committed') return;
        this.#agent.mirror.change([{ key, value: value as never }], outcome.revision, at);
        this.#agent.evidence({
          kind: 'durability-changed',
          instance: local.instance.id,
          data: {
            from: before?.mode.kind ?? null,
            to: grant.mode.kind,
            ackSet: [...grant.ackSet],
            promotable: [...grant.promotable],
          },
        });
        this.#agent.urgent();
      },
    );
  }

  #ask(local: LocalInstance, grant: Grant, ackSet: readonly InstanceId[], now: number): void {
    local.upkeepBusy = true;
    local.waitsFor = null;
    this.#agent.perform(
      local,
      { kind: 'set-ack-set', epoch: grant.epoch, ackSet, askedAt: now as MonoMs },
      this.#agent.timing.stepDeadlineMs,
      now,
      (outcome, at) => {
        local.upkeepBusy = false;
        if (outcome.kind !== 'ok') return;
        local.waitsFor = ackSet;
        local.ackSetChangedAt = at;
      },
    );
  }
}

const sameMembers = (left: readonly InstanceId[], right: readonly InstanceId[]): boolean =>
  left.length === right.length && left.every((member) => right.includes(member));
