import type { JournalEntry } from '../oms/journal-entry.ts';
import { PositionBook } from './position-book.ts';
import { type PositionSnapshot, snapshotOf } from './snapshot.ts';
import type { Side, Trade } from './trade.ts';

/** An entry that could not be booked. Kept and shown, never dropped. */
export interface UnbookedEntry {
  readonly seq: number;
  readonly order: string;
  readonly reason: string;
}

/** Orders and trades that came after some entry, up to another one. */
export interface KeptPart {
  readonly through: number;
  /** Of the last entry. */
  readonly epoch: number;
  /** Id, account, symbol and side. */
  readonly orders: readonly (readonly [string, string, string, Side])[];
  /** Sequence, execution, order, price and lots. */
  readonly trades: readonly (readonly [number, string, string, number, number])[];
  /** Of the positions after the last entry; of a part that is not the last one empty. */
  readonly hash: string;
}

interface OrderTerms {
  readonly seq: number;
  readonly account: string;
  readonly symbol: string;
  readonly side: Side;
  filled: number;
}

/**
 * What the position keeper makes of the engine's released entries: trades, and positions from them. A deterministic fold: the same
 * entries give the same book, whenever they come. The client of an order is the account that it is booked to.
 */
export class KeeperBook {
  readonly #orders = new Map<string, OrderTerms>();
  readonly #executions = new Set<string>();
  readonly #trades: Trade[] = [];
  /** In the order in which they came. */
  readonly #orderIds: string[] = [];
  /** Sequence of the entry that each trade came with. */
  readonly #sequences: number[] = [];
  readonly #lastPrices = new Map<string, number>();
  readonly #unbooked: UnbookedEntry[] = [];
  readonly #positions = new PositionBook();
  #through = 0;
  #epoch = 0;

  /** Sequence of the last entry. */
  get through(): number {
    return this.#through;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** In the order in which they were booked; only ever grows. */
  get trades(): readonly Trade[] {
    return this.#trades;
  }

  get unbooked(): readonly UnbookedEntry[] {
    return this.#unbooked;
  }

  get positions(): PositionBook {
    return this.#positions;
  }

  /** Lots executed of an order; null when it is not known. */
  filled(order: string): number | null {
    return this.#orders.get(order)?.filled ?? null;
  }

  /** Lots executed after an entry, by order. */
  filledSince(sequence: number): ReadonlyMap<string, number> {
    const since = new Map<string, number>();
    for (let at = this.#trades.length - 1; at >= 0 && this.#sequences[at]! > sequence; at--) {
      const { order, qty } = this.#trades[at]!;
      since.set(order, (since.get(order) ?? 0) + qty);
    }
    return since;
  }

  /** Price of the last trade; null before any. */
  lastPrice(symbol: string): number | null {
    return this.#lastPrices.get(symbol) ?? null;
  }

  snapshot(): PositionSnapshot {
    return snapshotOf(this.#positions, this.#through);
  }

  /** What came after an entry, in parts of at most so many rows; the last one goes as far as the book. */
  partsAfter(sequence: number, mostRows: number): readonly KeptPart[] {
    const orderAt = firstAfter(this.#orderIds, sequence, (id) => this.#orders.get(id)!.seq);
    const tradeAt = firstAfter(this.#sequences, sequence, (seq) => seq);
    const orders = this.#orderIds.slice(orderAt).map((id) => {
      const { account, symbol, side } = this.#orders.get(id)!;
      return [id, account, symbol, side] as const;
    });
    const trades = this.#trades.slice(tradeAt).map(({ exec, order, price, qty }, at) => {
      return [this.#sequences[tradeAt + at]!, exec, order, price, qty] as const;
    });
    const { through, epoch } = this;
    const part = { through, epoch, hash: '' };
    // Orders first, so that the trades of every part find theirs.
    const parts: KeptPart[] = [
      ...chunks(orders, mostRows).map((rows) => ({ ...part, orders: rows, trades: [] })),
      ...chunks(trades, mostRows).map((rows) => ({ ...part, orders: [], trades: rows })),
    ];
    return [...parts, { ...part, orders: [], trades: [], hash: this.snapshot().hash }];
  }

  /** Takes a part in; parts must come as they were given out. */
  restore({ through, epoch, orders, trades }: KeptPart): void {
    for (const [id, account, symbol, side] of orders) this.#add(id, { seq: through, account, symbol, side, filled: 0 });
    for (const [seq, exec, orderId, price, qty] of trades) this.#book({ seq, exec, orderId, price, qty });
    this.#through = through;
    this.#epoch = epoch;
  }

  /** Entries must come in sequence, each once. */
  apply(entry: JournalEntry): void {
    if (entry.seq !== this.#through + 1) throw new Error(`entry ${entry.seq} applied after ${this.#through}`);
    this.#through = entry.seq;
    this.#epoch = entry.epoch;
    if (entry.kind === 'order') {
      const { client: account, symbol, side } = entry;
      this.#add(entry.id, { seq: entry.seq, account, symbol, side, filled: 0 });
    } else if (entry.kind === 'fill') this.#book(entry);
  }

  #add(id: string, terms: OrderTerms): void {
    if (!this.#orders.has(id)) this.#orderIds.push(id);
    this.#orders.set(id, terms);
  }

  #book(entry: Pick<Extract<JournalEntry, { kind: 'fill' }>, 'seq' | 'orderId' | 'exec' | 'price' | 'qty'>): void {
    const { orderId: order, exec, price, qty } = entry;
    const terms = this.#orders.get(order);
    const key = `${order}\u0000${exec}`;
    const refusal =
      terms === undefined ? 'the order is not known' : this.#executions.has(key) ? `${exec} is booked` : null;
    if (terms === undefined || refusal !== null) {
      this.#unbooked.push({ seq: entry.seq, order, reason: refusal ?? '' });
      return;
    }
    const { account, symbol, side } = terms;
    const trade: Trade = { exec, order, account, symbol, side, price, qty };
    try {
      this.#positions.apply(trade);
    } catch (error) {
      this.#unbooked.push({ seq: entry.seq, order, reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#executions.add(key);
    this.#trades.push(trade);
    this.#sequences.push(entry.seq);
    this.#lastPrices.set(symbol, price);
    terms.filled += qty;
  }
}

const chunks = <Each>(rows: readonly Each[], most: number): readonly (readonly Each[])[] =>
  Array.from({ length: Math.ceil(rows.length / most) }, (_, at) => rows.slice(at * most, (at + 1) * most));

/** Index of the first one beyond a sequence, of rows in order of it. */
const firstAfter = <Each>(rows: readonly Each[], sequence: number, of: (row: Each) => number): number => {
  let at = rows.length;
  while (at > 0 && of(rows[at - 1]!) > sequence) at -= 1;
  return at;
};
