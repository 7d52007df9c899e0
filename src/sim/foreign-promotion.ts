import type { Epoch, MonoMs } from '../core/base/ids.ts';
import type { ActionOutcome, InstanceAction } from '../engine/driver-port.ts';
import { nextPromotionStep } from '../engine/guarded-promotion.ts';
import type { EventQueue } from './event-queue.ts';
import type { GateModel } from './gate-model.ts';
import type { InstanceModel } from './instance-model.ts';
import type { MachineClock } from './machine-clock.ts';

type Promote = Omit<Extract<InstanceAction, { kind: 'promote' }>, 'kind'>;

export interface PromotionSurroundings {
  readonly queue: EventQueue;
  readonly clock: MachineClock;
  readonly gate: GateModel;
  /** The agent's process: what it drives goes on, waits, or was never heard of again. */
  agent(): 'running' | 'frozen' | 'gone';
  /** It is opened for writing now; `leaseLeft`: the lease that its agent renewed last is still ahead on this host's clock. */
  opening(instance: InstanceModel, leaseLeft: boolean): void;
  /** Its lease ran out before it was open. */
  tooLate(): void;
}

const ASK_AGAIN_MS = 20;

/** A database on its way to be primary, driven by its agent in the order that is shipped: it may take longer than a lease. */
export class ForeignPromotion {
  readonly epoch: Epoch;
  leaseUntil: number;
  readonly #around: PromotionSurroundings;
  readonly #instance: InstanceModel;
  readonly #order: Promote;
  readonly #done: (outcome: ActionOutcome) => void;
  readonly #life: number;
  #armedUntil: number | null = null;
  #over = false;

  constructor(
    instance: InstanceModel,
    order: Promote,
    around: PromotionSurroundings,
    done: (outcome: ActionOutcome) => void,
  ) {
    this.epoch = order.epoch;
    this.leaseUntil = order.leaseUntil;
    this.#around = around;
    this.#instance = instance;
    this.#order = order;
    this.#done = done;
    this.#life = instance.life;
  }

  /** It was ended, or what it was for is no more. */
  get over(): boolean {
    return this.#over || this.#instance.life !== this.#life || this.#around.agent() === 'gone';
  }

  giveUp(): void {
    this.#end({ kind: 'unknown', reason: 'given up' });
  }

  /** Goes as far as it can without waiting. */
  go(): void {
    const { queue, clock, gate } = this.#around;
    const instance = this.#instance;
    while (!this.#over) {
      if (this.#around.agent() === 'gone') return this.#end(null);
      if (instance.life !== this.#life || instance.process === 'exited') return this.#fail('not-running');
      if (this.#around.agent() === 'frozen' || instance.process === 'frozen')
        return void queue.after(ASK_AGAIN_MS, () => this.go());
      const now = clock.local(queue.now);
      const step = nextPromotionStep({
        epoch: this.epoch,
        storedEpoch: instance.epoch,
        leaseUntil: this.leaseUntil as MonoMs,
        now: now as MonoMs,
        primary: instance.role === 'primary' && instance.grantEpoch === this.epoch,
        armedUntil: this.#armedUntil as MonoMs | null,
      });
      switch (step.kind) {
        case 'refuse':
          return this.#fail(step.code);
        case 'arm-gate':
          if (!gate.arm(instance, this.leaseUntil)) return this.#fail('gate');
          this.#armedUntil = this.leaseUntil;
          break;
        case 'become-primary': {
          this.#armedUntil = null;
          const result = instance.becomePrimary(
            { ...this.#order, halted: this.#order.halted ?? false, leaseUntilLocal: this.leaseUntil },
            () => this.go(),
          );
          if (result === 'later') return;
          if (result !== 'ok') return this.#fail(result);
          break;
        }
        case 'open':
          this.#around.opening(instance, now < this.leaseUntil);
          instance.open(this.#order, this.leaseUntil);
          return this.#end({ kind: 'ok', detail: {} });
      }
    }
  }

  #fail(code: string): void {
    const { clock, queue } = this.#around;
    if (clock.local(queue.now) >= this.leaseUntil) this.#around.tooLate();
    this.#end({ kind: 'failed', code, reason: code });
  }

  #end(outcome: ActionOutcome | null): void {
    if (this.#over) return;
    this.#over = true;
    if (outcome !== null) this.#done(outcome);
  }
}
