import type { InstanceId } from '../core/base/ids.ts';
import type { StreamObservation } from '../core/health/instance-observation.ts';
import type { Component } from '../core/topology/topology.ts';
import type { InstanceModel } from './instance-model.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 200;
/** A quorum of sentinels promotes another one when the primary was silent for so long. */
export const SENTINEL_SILENT_MS = 1000;
/** A supervisor starts a server again that has ended; it lets nobody in. */
const RESTARTED_AFTER_MS = 2000;

/**
 * A set of Redis servers and its sentinels. A server lets writers in while its agent has it open and its process exists: one that is
 * frozen would let them in when it thaws. A byte is written every millisecond.
 */
export class RedisSetModel {
  readonly component: Component;
  readonly #world: World;
  readonly #streams = new Map<InstanceId, StreamObservation>();
  #primaryId: InstanceId;
  #generation = 1;
  #silentSince: number | null = null;

  constructor(component: Component, world: World) {
    this.component = component;
    this.#world = world;
    this.#primaryId = component.instances[0]!.id;
    for (const { id } of component.instances)
      this.#streams.set(id, { primary: id === this.#primaryId, history: 'history-1', offset: 0, before: null });
    world.queue.after(LOOK_EVERY_MS, () => this.#look());
  }

  /** As it last said: one that is silent still says what it was. */
  streamOf(id: InstanceId): StreamObservation {
    return this.#streams.get(id)!;
  }

  /** Its agent opens it: where it is no primary, sentinels were asked to make it one. ADR 0023: whoever was replaced lets nobody in any more. */
  opened(instance: InstanceModel): void {
    if (instance.id !== this.#primaryId) this.#promote(instance, 'asked for it');
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

  get #members(): readonly InstanceModel[] {
    return this.component.instances.map(({ id }) => this.#world.instances.get(id)!);
  }

  get #primary(): InstanceModel {
    return this.#world.instances.get(this.#primaryId)!;
  }

  #promote(to: InstanceModel, why: string): void {
    this.#generation += 1;
    this.#primaryId = to.id;
    const { history, offset } = this.streamOf(to.id);
    const promoted = { primary: true, history: `history-${this.#generation}`, offset, before: { history, offset } };
    this.#streams.set(to.id, promoted);
    this.#silentSince = null;
    this.#world.say(`${to.id} is promoted by sentinels: ${why}`);
  }

  #look(): void {
    const { queue, hosts } = this.#world;
    for (const member of this.#members) {
      const isPowered = hosts.find(({ id }) => id === member.place.host)?.agent.alive() === true;
      if (member.process === 'exited' && isPowered && queue.now - member.changedAt >= RESTARTED_AFTER_MS)
        member.start();
    }
    const primary = this.#primary;
    if (primary.process === 'running') {
      this.#silentSince = null;
      this.#replicate(primary);
    } else {
      this.#silentSince ??= queue.now;
      const next = this.#members.find((each) => each.process === 'running' && each.instance.eligible);
      if (queue.now - this.#silentSince >= SENTINEL_SILENT_MS && next !== undefined)
        this.#promote(next, 'nobody heard the primary');
    }
    queue.after(LOOK_EVERY_MS, () => this.#look());
  }

  #replicate(primary: InstanceModel): void {
    const { history, before } = this.streamOf(primary.id);
    const offset = Math.floor(this.#world.queue.now);
    for (const { id, process } of this.#members)
      if (process === 'running') this.#streams.set(id, { primary: id === primary.id, history, offset, before });
  }
}

export function buildRedisSets(world: World): void {
  for (const component of world.topology.components) {
    if (component.kind !== 'redis') continue;
    const set = new RedisSetModel(component, world);
    for (const { id } of component.instances) world.instances.get(id)!.redis = set;
  }
}
