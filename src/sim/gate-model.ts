import type { EventQueue } from './event-queue.ts';
import type { InstanceModel } from './instance-model.ts';
import type { MachineClock } from './machine-clock.ts';
import type { Random } from './random.ts';

/**
 * The gate outside the agent: closes a foreign writer (kills its tree) when it is not refreshed, within `stopWithinMs`. It can be
 * frozen, too; thawed, it closes what is overdue before anything else.
 */
export class GateModel {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #clock: MachineClock;
  readonly #stopWithinMs: number;
  readonly #until = new Map<InstanceModel, number>();
  #state: 'running' | 'frozen' = 'running';

  constructor(queue: EventQueue, random: Random, clock: MachineClock, stopWithinMs: number) {
    this.#queue = queue;
    this.#random = random;
    this.#clock = clock;
    this.#stopWithinMs = stopWithinMs;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  arm(instance: InstanceModel, untilLocal: number): boolean {
    if (instance.selfGated) return true;
    if (this.#state !== 'running') return false;
    this.#until.set(instance, Math.max(untilLocal, this.#until.get(instance) ?? 0));
    this.#watch(instance);
    return true;
  }

  disarm(instance: InstanceModel): void {
    this.#until.delete(instance);
  }

  #watch(instance: InstanceModel): void {
    const until = this.#until.get(instance);
    if (until === undefined) return;
    this.#queue.at(this.#clock.world(until), () => this.#check(instance));
  }

  #check(instance: InstanceModel): void {
    const until = this.#until.get(instance);
    if (until === undefined || this.#state !== 'running') return;
    if (this.#clock.local(this.#queue.now) + 0.001 < until) return;
    this.#until.delete(instance);
    this.#queue.after(this.#random.fraction() * this.#stopWithinMs * 0.9, () => {
      if (!this.#until.has(instance)) instance.die();
    });
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    for (const instance of [...this.#until.keys()]) {
      if (this.#clock.local(this.#queue.now) >= this.#until.get(instance)!) {
        this.#until.delete(instance);
        instance.die();
      } else this.#watch(instance);
    }
  }

  /** Power off: armed gates are gone with the instances that they guarded. */
  reset(): void {
    this.#until.clear();
    this.#state = 'running';
  }
}
