import { nextBeat } from '../core/base/beat.ts';
import type { Timing } from '../core/topology/topology.ts';

/**
 * A lease from its holder's side, on the host's monotonic clock. The deadline counts from when the renewal that
 * succeeded was *sent*, so it is never later than what the authority could have granted ("nobody late").
 */
export class HeldLease {
  readonly #timing: Timing;
  #deadline: number;
  #nextAt: number;
  #counter = 0;
  #inFlight: number | null = null;
  readonly #sentAt = new Map<number, number>();

  constructor(timing: Timing, now: number) {
    this.#timing = timing;
    // Nothing has been renewed by us; what an earlier life of this agent got runs out on the instance's own clock.
    this.#deadline = now + timing.selfFenceAfterMs;
    this.#nextAt = now;
    this.#counter = Math.floor(now);
  }

  get deadline(): number {
    return this.#deadline;
  }
  get nextAt(): number {
    return this.#inFlight === null ? Math.min(this.#nextAt, this.#deadline) : this.#deadline;
  }

  due(now: number): boolean {
    return this.#inFlight === null && now >= this.#nextAt;
  }

  /** @returns the number of this renewal. Numbers grow over restarts of the agent, too: they start at its clock. */
  sending(now: number): number {
    this.#counter += 1;
    this.#inFlight = this.#counter;
    this.#sentAt.set(this.#counter, now);
    this.#nextAt = nextBeat(now, this.#timing.leaseRenewEveryMs);
    return this.#counter;
  }

  answered(counter: number): void {
    if (this.#inFlight === counter) this.#inFlight = null;
  }

  retryAt(at: number): void {
    this.#nextAt = Math.min(this.#nextAt, at);
  }

  knows(counter: number): boolean {
    return this.#sentAt.has(counter);
  }

  /** The renewal was committed. @returns when it had been sent, or null if that is not known. */
  confirmed(counter: number): number | null {
    const sentAt = this.#sentAt.get(counter);
    if (sentAt === undefined) return null;
    this.#deadline = Math.max(this.#deadline, sentAt + this.#timing.selfFenceAfterMs);
    for (const older of this.#sentAt.keys()) if (older < counter) this.#sentAt.delete(older);
    return sentAt;
  }

  forget(): void {
    this.#sentAt.clear();
    this.#inFlight = null;
  }
}
