import { Interner } from '../positions/interner.ts';
import { type Book, positionKey } from './book.ts';
import type { Break } from './break.ts';
import { PositionColumns } from './position-columns.ts';

/** A position that the books do not agree on. */
export interface PositionDifference {
  readonly account: string;
  readonly symbol: string;
  /** What each book says, by its name. */
  readonly lots: Readonly<Record<string, number>>;
  /** The only book that differs from all others, which agree; null when there is no such book. */
  readonly alone: string | null;
  /** Ids of the breaks that make it up. */
  readonly breaks: readonly string[];
}

/** The positions of several books side by side, those of the book that the others are compared with first. */
export class PositionGrid {
  readonly names: readonly string[];
  readonly #keys = new Interner();
  readonly #columns: PositionColumns;

  constructor(books: readonly Book[]) {
    this.names = books.map(({ name }) => name);
    const lines = books.map(({ positions }) => ({
      keys: Int32Array.from(positions, ({ account, symbol }) => this.#keys.id(positionKey(account, symbol))),
      lots: Float64Array.from(positions, ({ lots }) => lots),
    }));
    this.#columns = new PositionColumns({ books: books.length, keys: this.#keys.size });
    for (const [book, { keys, lots }] of lines.entries()) this.#columns.add(book, keys, lots);
  }

  /** Number of account × symbol pairs that any book mentions. */
  get size(): number {
    return this.#keys.size;
  }

  differing(tolerance: number): number[] {
    return this.#columns.differing(tolerance);
  }

  lots(book: string, key: number): number {
    return this.#columns.at(this.names.indexOf(book), key);
  }

  /** By how much a book is away from the first one. */
  away(book: string, key: number): number {
    return this.lots(book, key) - this.#columns.at(0, key);
  }

  place(key: number): { readonly account: string; readonly symbol: string } {
    const [account = '', symbol = ''] = this.#keys.text(key).split('\u0000');
    return { account, symbol };
  }

  /** The differing positions, each with the breaks that move it. */
  differences(keys: readonly number[], breaks: readonly Break[]): PositionDifference[] {
    const moving = new Map<string, string[]>();
    for (const { id, effects } of breaks)
      for (const { account, symbol } of effects) {
        const key = positionKey(account, symbol);
        const ids = moving.get(key);
        if (ids === undefined) moving.set(key, [id]);
        else ids.push(id);
      }
    return keys.map((key) => {
      const { account, symbol } = this.place(key);
      const lots = this.names.map((_, book) => this.#columns.at(book, key));
      const byName = Object.fromEntries(this.names.map((name, book) => [name, lots[book]!]));
      const ids = moving.get(positionKey(account, symbol)) ?? [];
      return { account, symbol, lots: byName, alone: this.#alone(lots), breaks: ids };
    });
  }

  #alone(lots: readonly number[]): string | null {
    if (lots.length < 3) return null;
    const single = lots.findIndex((own, book) => {
      const others = lots.filter((_, index) => index !== book);
      return others.every((other) => other === others[0]) && own !== others[0];
    });
    return this.names[single] ?? null;
  }
}
