const FIRST_SEQUENCES = 1024;

/** Sequences of orders and cancels that are journalled and not yet acknowledged, oldest first. */
export class Unacknowledged {
  #sequences = new Float64Array(FIRST_SEQUENCES);
  #first = 0;
  #end = 0;

  add(sequence: number): void {
    if (this.#end === this.#sequences.length) this.#makeRoom();
    this.#sequences[this.#end++] = sequence;
  }

  withdraw(taken: ReadonlySet<number>): void {
    const kept = this.#sequences.subarray(this.#first, this.#end).filter((sequence) => !taken.has(sequence));
    this.#sequences.set(kept, 0);
    this.#first = 0;
    this.#end = kept.length;
  }

  /** How many more were acknowledged by releasing up to here. */
  releasedUpTo(released: number): number {
    const sequences = this.#sequences;
    const before = this.#first;
    let first = before;
    while (first < this.#end && sequences[first]! <= released) first += 1;
    this.#first = first;
    if (first === this.#end) {
      this.#first = 0;
      this.#end = 0;
    }
    return first - before;
  }

  /** What was acknowledged makes room; when that is little, there is more of it. */
  #makeRoom(): void {
    const waiting = this.#sequences.subarray(this.#first, this.#end);
    const size = waiting.length * 2 > this.#sequences.length ? this.#sequences.length * 2 : this.#sequences.length;
    const sequences = new Float64Array(size);
    sequences.set(waiting);
    this.#sequences = sequences;
    this.#first = 0;
    this.#end = waiting.length;
  }
}
