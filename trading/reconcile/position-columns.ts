/**
 * Positions of several books in columns over one numbering of account × symbol: comparing them is one pass over typed arrays.
 * A place that a book does not mention is flat in it.
 */
export class PositionColumns {
  readonly #columns: readonly Float64Array[];

  constructor(options: { readonly books: number; readonly keys: number }) {
    this.#columns = Array.from({ length: options.books }, () => new Float64Array(options.keys));
  }

  /** Everything flat again. */
  clear(): void {
    for (const column of this.#columns) column.fill(0);
  }

  /** Adds a book's lines: the number of each account × symbol, and its lots. */
  add(book: number, keys: Int32Array, lots: Float64Array): void {
    const column = this.#columns[book]!;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!;
      column[key] = column[key]! + lots[index]!;
    }
  }

  at(book: number, key: number): number {
    return this.#columns[book]![key]!;
  }

  /** The keys where any book differs from the first one by more than the tolerance, ascending. */
  differing(tolerance: number): number[] {
    const found: number[] = [];
    const [first, ...others] = this.#columns;
    if (first === undefined || others.length === 0) return found;
    if (others.length === 2) return differingOfThree(first, others[0]!, others[1]!, tolerance);
    for (let key = 0; key < first.length; key++)
      if (others.some((other) => Math.abs(other[key]! - first[key]!) > tolerance)) found.push(key);
    return found;
  }
}

const differingOfThree = (first: Float64Array, second: Float64Array, third: Float64Array, tolerance: number) => {
  const found: number[] = [];
  for (let key = 0; key < first.length; key++) {
    const lots = first[key]!;
    if (Math.abs(second[key]! - lots) > tolerance || Math.abs(third[key]! - lots) > tolerance) found.push(key);
  }
  return found;
};
