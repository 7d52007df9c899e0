/** What is to be done about numbers that are missing. */
export type GapStep = 'none' | 'ask' | 'closed' | 'give-up';

const TRIES = 3;

/**
 * Follows the hole between the number that is expected and those that have been seen. One ResendRequest asks for everything from
 * the expected number on, and what arrives out of order meanwhile is left aside: the answer brings it again, in order. It is asked
 * for again when messages were left aside after the answer had begun, or when nothing comes.
 */
export class InboundGap {
  #through = 0;
  /** Left aside after the answer had begun: the answer may not hold it. */
  #later = 0;
  #answering = false;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #tries = 0;

  get open(): boolean {
    return this.#through > 0;
  }

  /** Highest number that is known to exist. */
  get through(): number {
    return Math.max(this.#through, this.#later);
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** A number above the expected one was seen. */
  seen(seq: number, deadlineMs: number): GapStep {
    if (this.open) {
      if (this.#answering) this.#later = Math.max(this.#later, seq);
      else this.#through = Math.max(this.#through, seq);
      return 'none';
    }
    this.#through = seq;
    this.#answering = false;
    this.#tries = 1;
    this.#deadlineMs = deadlineMs;
    return 'ask';
  }

  /** The expected number has moved. */
  advanced(expected: number, deadlineMs: number): GapStep {
    if (!this.open) return 'none';
    this.#answering = true;
    this.#tries = 1;
    this.#deadlineMs = deadlineMs;
    if (expected <= this.#through) return 'none';
    if (this.#later < expected) {
      this.clear();
      return 'closed';
    }
    this.#through = this.#later;
    this.#later = 0;
    this.#answering = false;
    return 'ask';
  }

  /** Time has passed. */
  late(monoMs: number, nextDeadlineMs: number): GapStep {
    if (monoMs < this.#deadlineMs) return 'none';
    if (this.#tries === TRIES) return 'give-up';
    this.#tries += 1;
    this.#through = this.through;
    this.#later = 0;
    this.#answering = false;
    this.#deadlineMs = nextDeadlineMs;
    return 'ask';
  }

  clear(): void {
    this.#through = 0;
    this.#later = 0;
    this.#tries = 0;
    this.#answering = false;
    this.#deadlineMs = Number.POSITIVE_INFINITY;
  }
}
