/** Sequences of orders and cancels that are journalled and not yet acknowledged, oldest first. */
export class Unacknowledged {
  #sequences: number[] = [];
  #first = 0;

  add(sequence: number): void {
    this.#sequences.push(sequence);
  }

  withdraw(taken: ReadonlySet<number>): void {
    this.#sequences = this.#sequences.slice(this.#first).filter((sequence) => !taken.has(sequence));
    this.#first = 0;
  }

  /** How many more were acknowledged by releasing up to here. */
  releasedUpTo(released: number): number {
    const sequences = this.#sequences;
    const before = this.#first;
    let first = before;
    while (first < sequences.length && sequences[first]! <= released) first += 1;
    this.#first = first;
    if (first === sequences.length || first >= 4096) {
      this.#sequences = sequences.slice(first);
      this.#first = 0;
    }
    return first - before;
  }
}
