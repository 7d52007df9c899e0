import { monoNowNs } from '../base/mono-clock.ts';

/** The time-bounded right of a service to release, which says when it is over. */
export class EndingLease {
  readonly #onEnd: () => void;
  #untilNs: bigint | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** `onEnd` is called when the lease is no longer valid, not when it is cleared. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** Null: none was given. */
  get untilNs(): bigint | null {
    return this.#untilNs;
  }

  get valid(): boolean {
    return this.#untilNs !== null && monoNowNs() < this.#untilNs;
  }

  /** The deadline becomes exactly this, earlier ones included. */
  set(untilNs: bigint): void {
    this.#untilNs = untilNs;
    this.#awaitEnd(untilNs);
  }

  clear(): void {
    this.#untilNs = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** A timer may ring up to a millisecond early: then it is set again. */
  #awaitEnd(untilNs: bigint): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const remainingMs = Number(untilNs - monoNowNs()) / 1e6;
    const dueMs = Math.min(Math.max(0, Math.ceil(remainingMs)) + 1, maxTimerMs);
    this.#timer = setTimeout(() => (this.valid ? this.#awaitEnd(untilNs) : this.#onEnd()), dueMs);
  }
}

const maxTimerMs = 2 ** 31 - 1;
