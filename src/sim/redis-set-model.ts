import type { InstanceId } from '../core/base/ids.ts';
import type { LedHistory, StreamEnd, StreamObservation } from '../core/health/instance-observation.ts';
import { isCandidate } from '../core/replication/promotion-candidate.ts';
import type { Component } from '../core/topology/topology.ts';
import type { InstanceModel } from './instance-model.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 200;
/** A quorum of sentinels promotes another one when the primary was silent for so long. */
export const SENTINEL_SILENT_MS = 1000;
/** A supervisor starts a server again that has ended; it lets nobody in. */
const RESTARTED_AFTER_MS = 2000;
/** Then it has what was on its disk, until it has copied everything anew. */
const COPIED_AFTER_MS = 1500;

/**
 * A set of Redis servers and its sentinels. A server lets writers in while its agent has it open and its process exists: one that is
 * frozen would let them in when it thaws. A byte is written every millisecond.
 */
export class RedisSetModel {
  readonly component: Component;
  readonly #world: World;
  readonly #streams = new Map<InstanceId, StreamObservation>();
  /** Whom sentinels may promote, as their agents have it. */
  readonly #candidates = new Set<InstanceId>();
  /** Has what it had on its disk, or before it froze, and has not copied everything yet. */
  readonly #stale = new Set<InstanceId>();
  /** What it led, and has no more. */
  readonly #left = new Map<InstanceId, LedHistory>();
  #primaryId: InstanceId;
  #generation = 1;
  #silentSince: number | null = null;

  constructor(component: Component, world: World) {
    this.component = component;
    this.#world = world;
    this.#primaryId = component.instances[0]!.id;
    for (const { id } of component.instances) {
      if (id !== this.#primaryId) this.#candidates.add(id);
      this.#streams.set(id, { primary: id === this.#primaryId, history: 'history-1', offset: 0, before: null });
    }
    world.queue.after(LOOK_EVERY_MS, () => this.#look());
  }

  /** As it last said: one that is silent still says what it was. */
  streamOf(id: InstanceId): StreamObservation {
    const left = this.#left.get(id);
    return { ...this.#streams.get(id)!, ...(left === undefined ? {} : { left }) };
  }

  /** Its agent opens it: where it is no primary, sentinels were asked to make it one. ADR 0023: whoever was replaced lets nobody in any more. */
  opened(instance: InstanceModel): void {
    if (instance.id !== this.#primaryId) this.#promote(instance, 'asked for it');
    for (const { id } of this.#members) if (id !== instance.id) this.#left.delete(id);
    const replaced = this.#world.record?.writers?.[this.component.id];
    if (replaced?.instance !== instance.id) return;
    this.#world.coverage.count('I1: a Redis was replaced');
    for (const other of this.#members)
      if (other !== instance && other.routed && other.process !== 'exited')
        this.#world.checkers.violated(
          'I1',
          `${instance.id} lets writers in, and ${other.id} is ${other.process}, open`,
        );
  }

  /** Sentinels that stood still take the primary, which runs, for silent. */
  promotedAnew(): void {
    const primary = this.#primary;
    const next = this.#members.find((each) => each !== primary && this.#mayBePromoted(each));
    if (primary.process !== 'running') return;
    if (next === undefined) return this.#world.say('sentinels know nobody whom they may promote');
    if (primary.routed) this.#leave(primary);
    this.#promoteAlone(next, 'they stood still');
    this.#streams.set(primary.id, { primary: false, ...this.#endOf(next), before: null });
  }

  #leave(primary: InstanceModel): void {
    this.#left.set(primary.id, { ...this.#endOf(primary), endedWithinMs: LOOK_EVERY_MS });
  }

  #endOf({ id }: Pick<InstanceModel, 'id'>): StreamEnd {
    const { history, offset } = this.#streams.get(id)!;
    return { history, offset };
  }

  #mayBePromoted({ id, process, instance }: InstanceModel): boolean {
    return process === 'running' && instance.eligible && this.#candidates.has(id);
  }

  /** What nobody asked for: it has to have what the one before had. */
  #promoteAlone(next: InstanceModel, why: string): void {
    this.#world.coverage.count('I9: sentinels promoted a Redis by themselves');
    if (this.#stale.has(next.id))
      this.#world.checkers.violated(
        'I9',
        `sentinels promote ${next.id}, which was started anew and lacks what was acknowledged since`,
      );
    this.#promote(next, why);
  }

  get #members(): readonly InstanceModel[] {
    return this.component.instances.map(({ id }) => this.#world.instances.get(id)!);
  }

  get #primary(): InstanceModel {
    return this.#world.instances.get(this.#primaryId)!;
  }

  #promote(to: InstanceModel, why: string): void {
    this.#generation += 1;
    this.#stale.add(this.#primaryId);
    this.#primaryId = to.id;
    const before = this.#endOf(to);
    const promoted = { primary: true, history: `history-${this.#generation}`, offset: before.offset, before };
    this.#streams.set(to.id, promoted);
    this.#stale.delete(to.id);
    this.#candidates.delete(to.id);
    this.#silentSince = null;
    this.#world.say(`${to.id} is promoted by sentinels: ${why}`);
  }

  #look(): void {
    const { queue, hosts } = this.#world;
    for (const member of this.#members) {
      const isPowered = hosts.find(({ id }) => id === member.place.host)?.agent.alive() === true;
      if (member.process === 'exited') this.#candidates.delete(member.id);
      if (member.process === 'exited' && isPowered && queue.now - member.changedAt >= RESTARTED_AFTER_MS) {
        member.start();
        this.#startsWithItsDisk(member);
      }
    }
    const primary = this.#primary;
    if (primary.process === 'running') {
      this.#silentSince = null;
      this.#replicate(primary);
    } else {
      this.#silentSince ??= queue.now;
      const next = this.#members.find((each) => this.#mayBePromoted(each));
      if (queue.now - this.#silentSince >= SENTINEL_SILENT_MS && next !== undefined)
        this.#promoteAlone(next, 'nobody heard the primary');
    }
    for (const member of this.#members) this.#stand(member);
    queue.after(LOOK_EVERY_MS, () => this.#look());
  }

  #startsWithItsDisk(member: InstanceModel): void {
    const { id } = member;
    const primary = id === this.#primaryId;
    if (primary) this.#leave(member);
    else this.#stale.add(id);
    this.#generation += 1;
    const { offset } = this.#endOf(member);
    this.#streams.set(id, { primary, history: `history-${this.#generation}`, offset, before: null });
  }

  /** As its agent has it, by what it sees of it and of the one that leads. */
  #stand(member: InstanceModel): void {
    if (member.process !== 'running' || member.id === this.#primaryId) return;
    const leads = this.#primary.process === 'running' ? { primary: true, ...this.#endOf(this.#primary) } : null;
    const own = { ...this.#endOf(member), primary: false, follows: !this.#stale.has(member.id) };
    const verdict = isCandidate(own, leads, this.#candidates.has(member.id));
    if (verdict === true) this.#candidates.add(member.id);
    if (verdict === false) this.#candidates.delete(member.id);
  }

  #replicate(primary: InstanceModel): void {
    const { history, before } = this.#streams.get(primary.id)!;
    const offset = Math.floor(this.#world.queue.now);
    const { now } = this.#world.queue;
    for (const member of this.#members) {
      const { id, process, changedAt } = member;
      const copies = id !== primary.id && this.#stale.has(id) && now - changedAt < COPIED_AFTER_MS;
      if (process !== 'running' || copies) continue;
      this.#stale.delete(id);
      this.#streams.set(id, { primary: id === primary.id, history, offset, before });
    }
  }
}

export function buildRedisSets(world: World): void {
  for (const component of world.topology.components) {
    if (component.kind !== 'redis') continue;
    const set = new RedisSetModel(component, world);
    for (const { id } of component.instances) world.instances.get(id)!.redis = set;
  }
}
