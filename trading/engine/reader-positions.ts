/** How far the readers of the released entries have stored them, by name, in one reign; a reign knows only what it was told in it. */
export class ReaderPositions {
  readonly #stored = new Map<string, number>();
  readonly #expected: readonly string[];

  /** Readers whose word is waited for; what others say is not kept. */
  constructor(expected: readonly string[]) {
    this.#expected = expected;
  }

  /** Everything up to here is stored by this reader and will not be asked for again, also after it was started anew. */
  told(reader: string, sequence: number): void {
    if (this.#expected.includes(reader)) this.#stored.set(reader, sequence);
  }

  /** What all of them have stored; 0 while one of them has said nothing. */
  get all(): number {
    return Math.min(Number.MAX_SAFE_INTEGER, ...this.#expected.map((reader) => this.#stored.get(reader) ?? 0));
  }
}
