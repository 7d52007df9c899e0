export interface StaleCounters {
  staleLogonsRefused: number;
  staleWritesRefused: number;
}

/**
 * Counts what older epochs tried, per firm, since the process started. For proving that checkers can fail, a number of stale writes may
 * be let through.
 */
export class StaleWrites {
  letThrough: number;
  readonly #firms = new Map<number, StaleCounters>();

  constructor(letThrough: number) {
    this.letThrough = letThrough;
  }

  of(firm: number): StaleCounters {
    const known = this.#firms.get(firm);
    if (known !== undefined) return known;
    const counters = { staleLogonsRefused: 0, staleWritesRefused: 0 };
    this.#firms.set(firm, counters);
    return counters;
  }

  /** Whether a write of this epoch may take effect. A refusal is counted. */
  admits(write: { readonly firm: number; readonly epoch: number; readonly highest: number }): boolean {
    if (write.epoch >= write.highest) return true;
    if (this.letThrough > 0) {
      this.letThrough -= 1;
      return true;
    }
    this.of(write.firm).staleWritesRefused += 1;
    return false;
  }
}
