/** Every so many entries the hash of the state is noted, so that two instances can compare theirs at one sequence. A power of two. */
export const HASH_EVERY = 1024;
const LOWEST_BITS = HASH_EVERY - 1;
const KEPT = 256;

/** The hashes of one state at the last multiples of `HASH_EVERY`. */
export class StateHashes {
  readonly #sequences = new Float64Array(KEPT);
  readonly #content = new Uint32Array(KEPT);
  readonly #counters = new Uint32Array(KEPT);
  #newest = 0;

  due(sequence: number): boolean {
    // The lowest bits of a sequence are exact whatever it has grown to.
    return (sequence & LOWEST_BITS) === 0;
  }

  note(sequence: number, content: number, counters: number): void {
    const at = (sequence / HASH_EVERY) % KEPT;
    this.#sequences[at] = sequence;
    this.#content[at] = content;
    this.#counters[at] = counters;
    this.#newest = sequence;
  }

  /** The newest one; null when there is none yet. */
  get newest(): { readonly sequence: number; readonly hash: string } | null {
    const hash = this.at(this.#newest);
    return hash === null ? null : { sequence: this.#newest, hash };
  }

  /** The hash as it was right after this sequence; null when it was not noted or is no longer kept. */
  at(sequence: number): string | null {
    const place = (sequence / HASH_EVERY) % KEPT;
    if (sequence === 0 || this.#sequences[place] !== sequence) return null;
    const hex = (value: number) => value.toString(16).padStart(8, '0');
    return hex(this.#content[place]!) + hex(this.#counters[place]!);
  }
}
