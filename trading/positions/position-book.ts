import { Interner } from './interner.ts';
import { afterTrade, flat, type Position } from './position.ts';
import type { Trade } from './trade.ts';

export interface BookedPosition extends Position {
  readonly account: string;
  readonly symbol: string;
}

/** Positions per account and symbol in typed columns: a fold over trades, the same whether all at once or one by one. */
export class PositionBook {
  readonly #accounts = new Interner();
  readonly #symbols = new Interner();
  readonly #slots = new Map<number, number>();
  #keys = new Float64Array(initialSlots);
  #columns: Readonly<Record<keyof Position, Float64Array>> = columnsOf(initialSlots);
  #size = 0;
  #trades = 0;

  static of(trades: Iterable<Trade>): PositionBook {
    const book = new PositionBook();
    for (const trade of trades) book.apply(trade);
    return book;
  }

  /** Number of account × symbol pairs that ever traded. */
  get size(): number {
    return this.#size;
  }

  get tradeCount(): number {
    return this.#trades;
  }

  /** Adds a trade. Throws and changes nothing when the trade is none, or a figure would pass 2^53. */
  apply(trade: Trade): void {
    requireTrade(trade);
    const key = this.#accounts.id(trade.account) * symbolSpan + this.#symbols.id(trade.symbol);
    const slot = this.#slots.get(key);
    const next = afterTrade(slot === undefined ? flat : this.#at(slot), trade);
    this.#put(slot ?? this.#add(key), next);
    this.#trades += 1;
  }

  find(account: string, symbol: string): Position {
    const [first, second] = [this.#accounts.find(account), this.#symbols.find(symbol)];
    const slot = first === null || second === null ? undefined : this.#slots.get(first * symbolSpan + second);
    return slot === undefined ? flat : this.#at(slot);
  }

  /** Every pair that ever traded, sorted by account and symbol; also those that are flat now. */
  positions(): BookedPosition[] {
    const all: BookedPosition[] = [];
    for (let slot = 0; slot < this.#size; slot++) {
      const key = this.#keys[slot]!;
      const account = this.#accounts.text(Math.floor(key / symbolSpan));
      all.push({ account, symbol: this.#symbols.text(key % symbolSpan), ...this.#at(slot) });
    }
    return all.sort((left, right) => inOrder(left.account, right.account) || inOrder(left.symbol, right.symbol));
  }

  /** Puts a position as it was, from a snapshot. */
  static restored(positions: readonly BookedPosition[], tradeCount: number): PositionBook {
    const book = new PositionBook();
    for (const { account, symbol, ...position } of positions)
      book.#put(book.#add(book.#accounts.id(account) * symbolSpan + book.#symbols.id(symbol)), position);
    book.#trades = tradeCount;
    return book;
  }

  #at(slot: number): Position {
    const { lots, cost, realised, bought, sold } = this.#columns;
    return {
      lots: lots[slot]!,
      cost: cost[slot]!,
      realised: realised[slot]!,
      bought: bought[slot]!,
      sold: sold[slot]!,
    };
  }

  #put(slot: number, position: Position): void {
    const columns = this.#columns;
    columns.lots[slot] = position.lots;
    columns.cost[slot] = position.cost;
    columns.realised[slot] = position.realised;
    columns.bought[slot] = position.bought;
    columns.sold[slot] = position.sold;
  }

  #add(key: number): number {
    const slot = this.#size++;
    if (slot === this.#keys.length) this.#grow();
    this.#keys[slot] = key;
    this.#slots.set(key, slot);
    return slot;
  }

  #grow(): void {
    const length = this.#keys.length * 2;
    const [keys, columns] = [new Float64Array(length), columnsOf(length)];
    keys.set(this.#keys);
    for (const name of columnNames) columns[name].set(this.#columns[name]);
    this.#keys = keys;
    this.#columns = columns;
  }
}

const columnNames = ['lots', 'cost', 'realised', 'bought', 'sold'] as const;
const initialSlots = 64;
/** Symbols that fit beside an account in one exact integer. */
const symbolSpan = 2 ** 26;

const columnsOf = (length: number): Record<keyof Position, Float64Array> => ({
  lots: new Float64Array(length),
  cost: new Float64Array(length),
  realised: new Float64Array(length),
  bought: new Float64Array(length),
  sold: new Float64Array(length),
});

/** By code units, the same everywhere. */
export const inOrder = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const requireTrade = ({ exec, price, qty }: Trade): void => {
  if (!Number.isSafeInteger(price) || price < 0 || !Number.isSafeInteger(qty) || qty < 1)
    throw new RangeError(`execution ${exec}: ${qty} lots at ${price} ticks is no trade`);
};
