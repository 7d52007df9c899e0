export type SmallestSet =
  /** The only set of its size, and there is none smaller. */
  | { readonly kind: 'found'; readonly indexes: readonly number[] }
  /** More than one set of this size, and none smaller. */
  | { readonly kind: 'ambiguous'; readonly size: number }
  /** No set of at most `maxSize`. */
  | { readonly kind: 'none' }
  /** Sets of this size and larger were not all looked at: nothing is claimed about them. */
  | { readonly kind: 'search-limit'; readonly size: number };

export interface SearchBounds {
  readonly maxSize: number;
  /** Partial sets that may be looked at. */
  readonly budget: number;
}

export const defaultBounds: SearchBounds = { maxSize: 6, budget: 200_000 };

/**
 * The smallest set of values that sums to the target. Deterministic and bounded: what it could not look at it does not claim.
 * Values and target are integers.
 */
export const smallestSet = (
  values: readonly number[],
  target: number,
  { maxSize, budget }: SearchBounds = defaultBounds,
): SmallestSet => {
  if (target === 0) return { kind: 'found', indexes: [] };
  const search = new Search(values, budget);
  const largest = Math.min(maxSize, values.length);
  for (let size = 1; size <= largest; size++) {
    const outcome = search.ofSize(size, target);
    if (outcome !== null) return outcome;
  }
  return { kind: 'none' };
};

class Search {
  readonly #values: readonly number[];
  /** Positions in `#values` of each value, ascending. */
  readonly #places = new Map<number, number[]>();
  readonly #largest: number;
  readonly #chosen: number[] = [];
  #found: readonly number[] | null = null;
  #ambiguous = false;
  #budget: number;

  constructor(values: readonly number[], budget: number) {
    this.#values = values;
    this.#budget = budget;
    this.#largest = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    values.forEach((value, index) => {
      const places = this.#places.get(value);
      if (places === undefined) this.#places.set(value, [index]);
      else places.push(index);
    });
  }

  ofSize(size: number, target: number): SmallestSet | null {
    this.#extend(0, size, target);
    if (this.#ambiguous) return { kind: 'ambiguous', size };
    if (this.#budget <= 0) return { kind: 'search-limit', size };
    return this.#found === null ? null : { kind: 'found', indexes: this.#found };
  }

  #extend(from: number, missing: number, rest: number): void {
    if (Math.abs(rest) > missing * this.#largest) return;
    if (missing === 1) {
      this.#close(from, rest);
      return;
    }
    for (let index = from; index <= this.#values.length - missing; index++) {
      if (this.#ambiguous || this.#budget <= 0) return;
      this.#budget -= 1;
      this.#chosen.push(index);
      this.#extend(index + 1, missing - 1, rest - this.#values[index]!);
      this.#chosen.pop();
    }
  }

  #close(from: number, rest: number): void {
    const places = this.#places.get(rest);
    if (places === undefined) return;
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (places[middle]! < from) low = middle + 1;
      else high = middle;
    }
    const fitting = places.length - low;
    if (fitting === 0) return;
    if (fitting > 1 || this.#found !== null) this.#ambiguous = true;
    else this.#found = [...this.#chosen, places[low]!];
  }
}
