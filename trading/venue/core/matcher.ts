import type { BookSide } from './book-side.ts';
import type { OrderBook } from './order-book.ts';
import { NONE, type OrderTable } from './order-table.ts';
import { BUY, MARKET, type Reason, SELL, type SelfTrade, type Side } from './terms.ts';
import { type AuctionPrice, auctionPrice } from './uncross.ts';

/** What matching brings about, in order. */
export interface MatchEvents {
  /** Lots changed hands. Both orders have been reduced; `taker` was not resting, or in an auction is the buyer. */
  traded(trade: { maker: number; taker: number; price: number; lots: number; auction: boolean }): void;
  /** An order ended without being asked to; it rests no more. */
  ended(order: number, reason: Reason): void;
}

/** Lets orders meet in price-time order. Pure: changes the order table and the book, and says what happened. */
export class Matcher {
  readonly #orders: OrderTable;
  readonly #events: MatchEvents;
  readonly #trade = { maker: 0, taker: 0, price: 0, lots: 0, auction: false };

  constructor(orders: OrderTable, events: MatchEvents) {
    this.#orders = orders;
    this.#events = events;
  }

  /** Lets an order that does not rest take what it can. False when meeting an own order ended it. */
  take(book: OrderBook, order: number, selfTrade: SelfTrade): boolean {
    const orders = this.#orders;
    const price = orders.price[order]!;
    const firm = orders.firm[order]!;
    const against = book.side(orders.side[order] === BUY ? SELL : BUY);
    if (selfTrade === 'pass' && against.onlyOf(firm)) return true;
    let rank = 0;
    while (orders.open[order]! > 0 && rank < against.depth && against.crosses(rank, price)) {
      const depth = against.depth;
      let maker = against.firstAt(rank);
      while (maker !== NONE && orders.open[order]! > 0) {
        const next = orders.next[maker]!;
        if (selfTrade !== 'allow' && orders.firm[maker] === firm) {
          if (selfTrade === 'cancel-oldest' || selfTrade === 'cancel-both') this.#end(against, maker, 'self-trade');
          if (selfTrade === 'cancel-newest' || selfTrade === 'cancel-both') {
            this.#events.ended(order, 'self-trade');
            return false;
          }
        } else this.#meet(book, maker, order, orders.price[maker]!, false);
        maker = next;
      }
      // A level that is still there was passed over.
      if (against.depth === depth) rank += 1;
    }
    return true;
  }

  /** Ends a call: trades what can be traded at one price; market orders that find nobody end. */
  uncross(book: OrderBook): AuctionPrice | null {
    const found = auctionPrice(book.bids, book.asks, book.lastPrice);
    for (let left = found?.volume ?? 0; left > 0; ) {
      const buyer = book.bids.firstAt(0);
      const seller = book.asks.firstAt(0);
      left -= this.#meet(book, seller, buyer, found!.price, true);
    }
    for (const side of [book.bids, book.asks])
      while (side.depth > 0 && this.#orders.type[side.firstAt(0)] === MARKET)
        this.#end(side, side.firstAt(0), 'no-liquidity');
    return found;
  }

  /** Both orders lose what they trade; who has nothing left leaves the book. Returns the lots. */
  #meet(book: OrderBook, maker: number, taker: number, price: number, auction: boolean): number {
    const lots = Math.min(this.#orders.open[maker]!, this.#orders.open[taker]!);
    this.#take(book, maker, lots);
    this.#take(book, taker, lots);
    book.lastPrice = price;
    const trade = this.#trade;
    trade.maker = maker;
    trade.taker = taker;
    trade.price = price;
    trade.lots = lots;
    trade.auction = auction;
    this.#events.traded(trade);
    return lots;
  }

  #take(book: OrderBook, order: number, lots: number): void {
    const orders = this.#orders;
    const side = book.side(orders.side[order] as Side);
    if (orders.level[order] === NONE) orders.open[order]! -= lots;
    else if (orders.open[order]! > lots) side.reduce(order, lots);
    else {
      side.remove(order);
      orders.open[order] = 0;
    }
  }

  #end(side: BookSide, order: number, reason: Reason): void {
    side.remove(order);
    this.#events.ended(order, reason);
  }
}
