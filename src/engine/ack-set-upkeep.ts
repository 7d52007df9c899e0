import { durabilityModeOf, haltedIn, peersOf, refusesNewRisk } from '../core/authority/durability-mode.ts';
import type { Grant, GroupRecord } from '../core/authority/group-record.ts';
import type { InstanceId, MonoMs } from '../core/base/ids.ts';
import { sameJson } from '../core/base/same-json.ts';
import type { ReplicaObservation } from '../core/health/instance-observation.ts';
import type { Component } from '../core/topology/topology.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import { durabilityEvidence } from './durability-evidence.ts';
import type { LocalInstance } from './local-instance.ts';

/**
 * Keeps the recorded promotable set and the real acknowledgement set in the order that I9 needs, on behalf of the holder:
 * a member leaves the record *before* the holder stops waiting for it, and enters the record only *after* the holder waits
 * for it and it has caught up. Interrupted anywhere, the holder waits for more than the record says, never for less.
 *
 * Whom the holder waits for is what it last *confirmed* to us, not what an observation says: an observation may be older than our
 * last change. A member counts as caught up only by an observation that is younger than that change and shows the same set.
 *
 * The same holds while it is not known whether a member entered the record, because the outcome of that write is not known: the holder
 * is asked for nothing before a later write of the record was answered, after which the earlier one cannot come about any more.
 *
 * A member that is connected and gets no further is waited for no longer than `LEAVES_AFTER_MS`; then it is as good as lost.
 *
 * It also carries the halt: an engine is told to refuse new risk in the same breath in which it may stop waiting for who is lost.
 */
export class AckSetUpkeep {
  readonly #agent: AgentCore;

  constructor(agent: AgentCore) {
    this.#agent = agent;
  }

  work(local: LocalInstance, record: GroupRecord, grant: Grant, now: number): void {
    const { observation, component } = local;
    if (grant.holder !== local.instance.id || local.promotion !== null || local.killing || local.upkeepBusy) return;
    if (observation === null || observation.role !== 'primary' || observation.epoch !== grant.epoch) return;
    const halt = mustHalt(component, record);
    if (component.durability === null) return this.#tellHalt(local, grant, halt, now);
    const told = local.toldMode.next(grant);
    if (told !== 'same') this.#agent.evidence(durabilityEvidence(local, record, grant, told));
    const state = new Map(observation.replicas.map((replica) => [replica.instance, replica.state]));
    const members = peersOf(component, local.instance.id);
    const lost = grant.ackSet.filter((member) => isGone(local, state, member));
    const caughtUp = members.filter((member) => state.get(member) === 'in-sync' && !grant.promotable.includes(member));
    if (lost.length > 0 && this.#shrink(local, record, grant, state, now)) return;
    const halted = grant.mode.kind === 'halted' && grant.ackSet.every((member) => state.get(member) === 'in-sync');
    if (halted && this.#modeWith(local, record, grant, grant.promotable).kind !== 'halted')
      return this.#grow(local, record, grant, [], state, now);
    const { waitsFor } = local;
    const sampledSince =
      waitsFor !== null && local.observedAfter(local.ackSetChangedAt) && sameMembers(waitsFor, observation.ackSet);
    const joining = sampledSince ? caughtUp.filter((member) => waitsFor.includes(member)) : [];
    if (joining.length > 0) return this.#grow(local, record, grant, joining, state, now);
    if (local.busy || (waitsFor !== null && !sampledSince && local.toldHalt === halt)) return;
    // What the record does not name any more, the holder need not wait for; what has caught up, it must from now on. It had gone on
    // until it was asked for that, so for a moment there may be something that the new one lacks.
    const recently = now - local.ackSetChangedAt < JOINS_WITHIN_REPORTS * this.#agent.timing.reportEveryMs;
    const arriving = members.filter(
      (member) => recently && waitsFor?.includes(member) && state.get(member) === 'catching-up',
    );
    const wanted = [...new Set([...grant.ackSet, ...caughtUp, ...arriving])];
    if (waitsFor !== null && local.toldHalt === halt && sameMembers(waitsFor, wanted)) return;
    // The record may name more than is known here: it is written once more as it is known, and the answer settles it.
    if (local.recordUnsettled) return this.#write(local, record, grant, now);
    this.#ask(local, grant, wanted, halt, now);
  }

  /** It keeps no copies that anybody waits for; whether new risk is accepted is all that it is told. */
  #tellHalt(local: LocalInstance, grant: Grant, halt: boolean, now: number): void {
    if (refusesNewRisk(local.component.kind) && local.toldHalt !== halt && !local.busy)
      this.#ask(local, grant, grant.ackSet, halt, now);
  }

  /** False: the record says already what follows from who is lost. */
  #shrink(local: LocalInstance, record: GroupRecord, grant: Grant, state: States, now: number): boolean {
    const isLost = (member: InstanceId) => isGone(local, state, member);
    const kept = {
      ackSet: grant.ackSet.filter((member) => !isLost(member)),
      promotable: grant.promotable.filter((member) => !isLost(member)),
    };
    const mode = this.#modeWith(
      local,
      record,
      grant,
      kept.ackSet.filter((member) => state.get(member) === 'in-sync' || kept.promotable.includes(member)),
    );
    // Policy: rather stand still than acknowledge alone. Unless it refuses new risk by itself the sets stay as they are, so nothing is
    // released until all have caught up.
    const waits = mode.kind === 'halted' && !refusesNewRisk(local.component.kind);
    const next: Grant = waits ? { ...grant, mode } : { ...grant, ...kept, mode };
    if (sameJson(next, grant)) return false;
    this.#write(local, record, next, now);
    return true;
  }

  #grow(
    local: LocalInstance,
    record: GroupRecord,
    grant: Grant,
    joined: readonly InstanceId[],
    state: States,
    now: number,
  ): void {
    const ackSet = [...grant.ackSet.filter((member) => !joined.includes(member)), ...joined];
    const promotable = [...grant.promotable, ...joined];
    const confirming = promotable.filter((member) => state.get(member) !== 'lost');
    const mode = this.#modeWith(local, record, grant, confirming);
    this.#write(local, record, { ...grant, ackSet, promotable, mode }, now);
  }

  #modeWith(local: LocalInstance, record: GroupRecord, grant: Grant, confirming: readonly InstanceId[]) {
    return durabilityModeOf({
      component: local.component,
      holder: local.instance.id,
      confirming,
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
        if (outcome.kind === 'unknown') local.recordUnsettled = true;
        if (outcome.kind === 'committed' || outcome.kind === 'conflict') local.recordUnsettled = false;
        if (outcome.kind !== 'committed') return;
        this.#agent.mirror.change([{ key, value: value as never }], outcome.revision, at);
        if (sameJson(before, grant)) return;
        local.toldMode.next(grant);
        this.#agent.evidence(durabilityEvidence(local, record, grant, before?.mode.kind ?? null));
        this.#agent.urgent();
      },
    );
  }

  #ask(local: LocalInstance, grant: Grant, ackSet: readonly InstanceId[], halted: boolean, now: number): void {
    local.upkeepBusy = true;
    local.waitsFor = null;
    local.toldHalt = null;
    // Never the same moment twice: an instance must be able to tell which of two it was asked for last.
    local.ackSetAskedAt = Math.max(now, local.ackSetAskedAt + 0.001) as MonoMs;
    this.#agent.perform(
      local,
      { kind: 'set-ack-set', epoch: grant.epoch, ackSet, halted, askedAt: local.ackSetAskedAt },
      this.#agent.timing.stepDeadlineMs,
      now,
      (outcome, at) => {
        local.upkeepBusy = false;
        if (outcome.kind !== 'ok') return;
        local.waitsFor = ackSet;
        local.toldHalt = halted;
        local.ackSetChangedAt = at;
      },
    );
  }
}

/**
 * Whoever is behind and gets no further for so long keeps clients waiting for as long: it leaves like one that is lost, and comes
 * back when it has caught up.
 */
export const LEAVES_AFTER_MS = 5000;

const isGone = (local: LocalInstance, state: States, member: InstanceId): boolean =>
  state.get(member) === 'lost' || local.replicaProgress.stuckFor(member) >= LEAVES_AFTER_MS;

/** A member that the holder waits for and that has not got what was released before within so many reports holds it up. */
const JOINS_WITHIN_REPORTS = 2;

type States = ReadonlyMap<InstanceId, ReplicaObservation['state']>;

/** New risk is the engine's to refuse, whichever component of its group stands still. */
export const mustHalt = (component: Component, record: GroupRecord): boolean =>
  refusesNewRisk(component.kind) && haltedIn(record).length > 0;

const sameMembers = (left: readonly InstanceId[], right: readonly InstanceId[]): boolean =>
  left.length === right.length && left.every((member) => right.includes(member));
