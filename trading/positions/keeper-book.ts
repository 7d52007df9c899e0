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

interface OrderTerms {
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

  /** Entries must come in sequence, each once. */
  apply(entry: JournalEntry): void {
    if (entry.seq !== this.#through + 1) throw new Error(`entry ${entry.seq} applied after ${this.#through}`);
    this.#through = entry.seq;
    this.#epoch = entry.epoch;
    if (entry.kind === 'order') {
      const { client: account, symbol, side } = entry;
      this.#orders.set(entry.id, { account, symbol, side, filled: 0 });
    } else if (entry.kind === 'fill') this.#book(entry);
  }

  #book(entry: Extract<JournalEntry, { kind: 'fill' }>): void {
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
