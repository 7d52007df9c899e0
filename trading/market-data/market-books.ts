import { BytesTable } from '../engine/bytes-table.ts';
import { FEED_PHASES, type FeedMessage } from '../venue-protocol/feed.ts';
import { PriceLevels } from './price-levels.ts';

export type MarketPhase = (typeof FEED_PHASES)[number];

const firstRoom = 64;

/** A book as a snapshot tells it; levels are `[price, lots, orders]`. */
export interface SnapshotBook {
  readonly symbol: string;
  readonly phase: MarketPhase;
  readonly lastPrice: number;
  readonly bids: readonly (readonly number[])[];
  readonly asks: readonly (readonly number[])[];
}

/**
 * What one exchange shows: price levels, last trade and phase of each symbol, in typed arrays. Symbols are numbered in the order in which
 * they were first seen, and keep their number.
 */
export class MarketBooks {
  readonly #symbols = new BytesTable();
  readonly #texts: string[] = [];
  readonly #bids: PriceLevels[] = [];
  readonly #asks: PriceLevels[] = [];
  #lastPrice = new Float64Array(firstRoom);
  #lastLots = new Float64Array(firstRoom);
  #trades = new Float64Array(firstRoom);
  #phases = new Uint8Array(firstRoom);
  /** Monotonic moment at which the last message about it came; 0 = none since the last snapshot. */
  #heardAtMs = new Float64Array(firstRoom);
  /** What the exchange as a whole is doing; null = not told yet. */
  #phase: MarketPhase | null = null;

  get count(): number {
    return this.#texts.length;
  }

  get phase(): MarketPhase | null {
    return this.#phase;
  }

  symbol(number: number): string {
    return this.#texts[number]!;
  }

  /** Number of a symbol; −1 when nothing was ever said about it. */
  find(symbol: string): number {
    const bytes = Buffer.from(symbol, 'latin1');
    return this.#symbols.find(bytes, 0, bytes.length);
  }

  bids(number: number): PriceLevels {
    return this.#bids[number]!;
  }

  asks(number: number): PriceLevels {
    return this.#asks[number]!;
  }

  /** 0 = it never traded. */
  lastPrice(number: number): number {
    return this.#lastPrice[number]!;
  }

  /** 0 = not known: it did not trade since the snapshot. */
  lastLots(number: number): number {
    return this.#lastLots[number]!;
  }

  /** Trades seen, those that only a snapshot covers not counted. */
  trades(number: number): number {
    return this.#trades[number]!;
  }

  phaseOf(number: number): MarketPhase {
    return FEED_PHASES[this.#phases[number]!]!;
  }

  heardAtMs(number: number): number {
    return this.#heardAtMs[number]!;
  }

  /** Applies a message of the feed. Returns the number of its symbol, −1 when it is about the exchange as a whole. */
  apply(message: FeedMessage, nowMs: number): number {
    const { kind, symbol: view } = message;
    if (view.length === 0) {
      if (kind === 'phase') this.#changePhase(message.phase);
      return -1;
    }
    const symbol = this.#number(view.bytes, view.at, view.length);
    this.#heardAtMs[symbol] = nowMs;
    this.#phases[symbol] = FEED_PHASES.indexOf(message.phase);
    if (kind === 'level') {
      const levels = message.side === 0 ? this.#bids[symbol]! : this.#asks[symbol]!;
      levels.set(message.price, message.volume, message.orders);
    } else if (kind === 'trade') {
      this.#lastPrice[symbol] = message.price;
      this.#lastLots[symbol] = message.volume;
      this.#trades[symbol]! += 1;
    }
    return symbol;
  }

  /** Forgets every book and takes these; numbers of symbols stay. */
  replace(books: readonly SnapshotBook[], phase: MarketPhase): void {
    for (let symbol = 0; symbol < this.count; symbol++) {
      this.#bids[symbol]!.clear();
      this.#asks[symbol]!.clear();
      this.#lastLots[symbol] = 0;
    }
    this.#phase = phase;
    for (const book of books) {
      const bytes = Buffer.from(book.symbol, 'latin1');
      const symbol = this.#number(bytes, 0, bytes.length);
      for (const [price, lots, orders] of book.bids) this.#bids[symbol]!.set(price!, lots!, orders!);
      for (const [price, lots, orders] of book.asks) this.#asks[symbol]!.set(price!, lots!, orders!);
      this.#lastPrice[symbol] = book.lastPrice;
      this.#phases[symbol] = FEED_PHASES.indexOf(book.phase);
    }
  }

  /** The market's phase is every symbol's that is not halted. */
  #changePhase(phase: MarketPhase): void {
    this.#phase = phase;
    const halted = FEED_PHASES.indexOf('halted');
    const to = FEED_PHASES.indexOf(phase);
    for (let symbol = 0; symbol < this.count; symbol++)
      if (this.#phases[symbol] !== halted || phase === 'closed') this.#phases[symbol] = to;
  }

  #number(bytes: Uint8Array, at: number, length: number): number {
    const known = this.#symbols.find(bytes, at, length);
    if (known !== -1) return known;
    const number = this.#symbols.put(bytes, at, length);
    if (number === this.#lastPrice.length) this.#grow();
    this.#texts.push(this.#symbols.text(number));
    this.#bids.push(new PriceLevels({ descending: true }));
    this.#asks.push(new PriceLevels({ descending: false }));
    return number;
  }

  #grow(): void {
    const room = this.#lastPrice.length * 2;
    const wider = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(room);
      to.set(from);
      return to;
    };
    this.#lastPrice = wider(this.#lastPrice);
    this.#lastLots = wider(this.#lastLots);
    this.#trades = wider(this.#trades);
    this.#heardAtMs = wider(this.#heardAtMs);
    const phases = new Uint8Array(room);
    phases.set(this.#phases);
    this.#phases = phases;
  }
}
