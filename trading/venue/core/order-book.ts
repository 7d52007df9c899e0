import { BookSide, type LevelListener } from './book-side.ts';
import { NONE, type OrderTable } from './order-table.ts';
import { BUY, type Phase, SELL, type SelfTrade, type Side } from './terms.ts';

/** One symbol: two sides, its phase, and what it traded at last. */
export class OrderBook {
  readonly #orders: OrderTable;
  readonly bids: BookSide;
  readonly asks: BookSide;
  phase: Phase;
  lastPrice = 0;
  /** Orders accepted so far. */
  accepted = 0;

  constructor(options: { readonly orders: OrderTable; readonly phase: Phase; readonly onLevel: LevelListener }) {
    const { orders, onLevel } = options;
    this.#orders = orders;
    this.phase = options.phase;
    this.bids = new BookSide({ side: BUY, orders, onLevel });
    this.asks = new BookSide({ side: SELL, orders, onLevel });
  }

  side(side: Side): BookSide {
    return side === BUY ? this.bids : this.asks;
  }

  /** Lots that an order could trade now, up to `wanted`; a meeting that would cancel the order itself ends the count. */
  fillable(options: {
    readonly side: Side;
    readonly price: number;
    readonly wanted: number;
    readonly firm: number;
    readonly selfTrade: SelfTrade;
  }): number {
    const against = this.side(options.side === BUY ? SELL : BUY);
    let found = 0;
    for (let rank = 0; rank < against.depth && against.crosses(rank, options.price); rank++) {
      for (let order = against.firstAt(rank); order !== NONE; order = this.#orders.next[order]!) {
        if (options.selfTrade !== 'allow' && this.#orders.firm[order] === options.firm) {
          if (options.selfTrade === 'cancel-newest' || options.selfTrade === 'cancel-both') return found;
          continue;
        }
        found += this.#orders.open[order]!;
        if (found >= options.wanted) return options.wanted;
      }
    }
    return found;
  }

  /** Every resting order in order of entry. Allocates. */
  resting(): number[] {
    const found: number[] = [];
    for (const side of [this.bids, this.asks])
      for (let rank = 0; rank < side.depth; rank++)
        for (let order = side.firstAt(rank); order !== NONE; order = this.#orders.next[order]!) found.push(order);
    return found.sort((left, right) => left - right);
  }
}
