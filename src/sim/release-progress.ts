import type { LogEntry } from './disk-log.ts';

/** How far a primary has released its log in this reign, and what of the rest it withdrew: that is in the log, and never released. */
export class ReleaseProgress {
  readonly #withdrawn = new Set<number>();
  #to = 0;

  /** Everything in front of this index is released, withdrawn or of an earlier reign. */
  get to(): number {
    return this.#to;
  }

  /** A reign begins with a log of this length. */
  beginAt(length: number): void {
    this.#withdrawn.clear();
    this.#to = length;
  }

  /** Withdraws what was taken in and not released, cancels excepted. */
  withdraw(log: readonly LogEntry[]): void {
    for (let index = this.#to; index < log.length; index += 1) if (!log[index]!.cancel) this.#withdrawn.add(index);
  }

  /** Orders that are neither released nor withdrawn. */
  inFlight(log: readonly LogEntry[]): number {
    let count = 0;
    for (let index = this.#to; index < log.length; index += 1)
      if (!log[index]!.cancel && !this.#withdrawn.has(index)) count += 1;
    return count;
  }

  /** Index of the next entry in front of `upTo` that is to be released, which then counts as such; null when there is none. */
  next(upTo: number): number | null {
    while (this.#to < upTo) {
      const index = this.#to;
      this.#to += 1;
      if (!this.#withdrawn.delete(index)) return index;
    }
    return null;
  }
}
