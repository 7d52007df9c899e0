import { PositionBook } from '../positions/position-book.ts';
import type { Side, Trade } from '../positions/trade.ts';
import {
  type Book,
  type BookOrder,
  type ExchangeRecord,
  positionsFromFills,
  positionsFromOrders,
} from '../reconcile/book.ts';

/** One order of an invented trading day, and what the exchange did with it, each with its moment. */
export interface SampleOrder {
  readonly account: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  readonly sentAt: number;
  /** The exchange's answer and what followed, at least one moment apart. */
  readonly answer: 'accepted' | 'rejected';
  readonly fills: readonly number[];
  /** After the fills; the rest of the order is cancelled, or stays open. */
  readonly left: number;
  readonly cancelled: boolean;
  readonly startAt: number;
  readonly stepEvery: number;
}

/** A firm and its exchange as they would be at any moment: every book is a function of how far it has got. */
export class SampleFirm {
  readonly #orders: readonly SampleOrder[];

  constructor(orders: readonly SampleOrder[]) {
    this.#orders = orders;
  }

  /** After this moment nothing happens any more. */
  get endsAt(): number {
    return Math.max(0, ...this.#orders.map((order) => order.startAt + (order.fills.length + 2) * order.stepEvery));
  }

  exchangeAt(moment: number): ExchangeRecord {
    const orders: Omit<BookOrder, 'account'>[] = [];
    const fills: Omit<Trade, 'account'>[] = [];
    const rejected = new Set<string>();
    this.#orders.forEach((order, index) => {
      if (order.startAt > moment) return;
      const { account: _, ...seen } = orderAt(order, index, moment);
      if (order.answer === 'rejected') rejected.add(seen.id);
      else orders.push(seen);
      for (const { account: __, ...fill } of fillsAt(order, index, moment)) fills.push(fill);
    });
    return { name: 'exchange', orders, fills, rejected, contradictions: [] };
  }

  /** Orders with their states and no executions, as the engine answers. */
  engineAt(moment: number): Book {
    const orders = this.#ordersAt(moment);
    return { name: 'engine', orders, fills: null, positions: positionsFromOrders(orders) };
  }

  /** Executions and no order states, as the position keeper answers. */
  keeperAt(moment: number): Book {
    const fills = this.#fillsAt(moment);
    const positions = PositionBook.of(fills).positions();
    return { name: 'positions', orders: null, fills, positions };
  }

  /** Both, as order management's database answers. */
  databaseAt(moment: number): Book {
    const [orders, fills] = [this.#ordersAt(moment), this.#fillsAt(moment)];
    return { name: 'database', orders, fills, positions: positionsFromFills(fills) };
  }

  #ordersAt(moment: number): BookOrder[] {
    return this.#orders.flatMap((order, index) => (order.sentAt > moment ? [] : [orderAt(order, index, moment)]));
  }

  #fillsAt(moment: number): Trade[] {
    return this.#orders.flatMap((order, index) => fillsAt(order, index, moment));
  }
}

const fillsAt = (order: SampleOrder, index: number, moment: number): Trade[] => {
  const { account, symbol, side, price, answer } = order;
  if (answer === 'rejected') return [];
  return order.fills.flatMap((qty, at) =>
    order.startAt + (at + 1) * order.stepEvery > moment
      ? []
      : [{ exec: `x${index}-${at}`, order: `o${index}`, account, symbol, side, price, qty }],
  );
};

const orderAt = (order: SampleOrder, index: number, moment: number): BookOrder => {
  const { account, symbol, side, price, fills, left } = order;
  const qty = fills.reduce((sum, lots) => sum + lots, 0) + left;
  const filled = fillsAt(order, index, moment).reduce((sum, fill) => sum + fill.qty, 0);
  const overAt = order.startAt + (fills.length + 1) * order.stepEvery;
  const answered = order.startAt <= moment;
  const state = !answered
    ? 'pending'
    : order.answer === 'rejected'
      ? 'rejected'
      : filled === qty
        ? 'filled'
        : order.cancelled && overAt <= moment
          ? 'cancelled'
          : 'open';
  return { id: `o${index}`, account, symbol, side, price, qty, state, filled };
};
