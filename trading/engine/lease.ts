import { monoNowNs } from '../base/mono-clock.ts';

/** The time-bounded right to release, checked before every release against this host's monotonic clock. */
export class Lease {
  #untilNs = 0n;

  /** The deadline becomes exactly this, earlier ones included. */
  set(untilNs: bigint): void {
    this.#untilNs = untilNs;
  }

  clear(): void {
    this.#untilNs = 0n;
  }

  get untilNs(): bigint {
    return this.#untilNs;
  }

  get valid(): boolean {
    return monoNowNs() < this.#untilNs;
  }
}
