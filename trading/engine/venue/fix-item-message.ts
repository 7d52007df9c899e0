import { BodyWriter } from '../../fix/body-writer.ts';
import { MSG, TAG } from '../../fix/tags.ts';
import { SIDE_NUMBER } from '../entry.ts';
import { ITEM_KIND } from '../order-pool.ts';
import type { OrderState } from '../order-state.ts';

export interface FixItem {
  readonly msgType: string;
  /** Valid until the next one is made. */
  readonly fields: Buffer;
}

/** Makes the FIX messages for orders and requests of a state, as they were journalled. */
export class FixItemMessage {
  readonly #writer = new BodyWriter();
  readonly #decimals: number;

  constructor(priceDecimals: number) {
    this.#decimals = priceDecimals;
  }

  /** Null when what a request is about is no order. */
  of(state: OrderState, item: number, atMs: number): FixItem | null {
    const { ids, items } = state;
    const kind = items.kind(item);
    const about = items.about(item);
    const writer = this.#writer.begin();
    if (kind === ITEM_KIND.order) {
      writer.text(TAG.ClOrdID, ids.text(item)).text(TAG.Symbol, state.name(about)).text(TAG.Side, sideOf(state, item));
      writer.utc(TAG.TransactTime, atMs).int(TAG.OrderQty, items.quantity(item)).text(TAG.OrdType, LIMIT);
      writer.scaled(TAG.Price, items.price(item), this.#decimals).text(TAG.TimeInForce, items.isGtc(item) ? '1' : '0');
      return { msgType: MSG.NewOrderSingle, fields: writer.body() };
    }
    if (about === -1 || !state.isOrder(about)) return null;
    writer.text(TAG.OrigClOrdID, ids.text(about)).text(TAG.ClOrdID, ids.text(item));
    writer.text(TAG.Symbol, state.name(items.about(about))).text(TAG.Side, sideOf(state, about));
    writer.utc(TAG.TransactTime, atMs);
    if (kind === ITEM_KIND.cancel) return { msgType: MSG.OrderCancelRequest, fields: writer.body() };
    writer.int(TAG.OrderQty, items.quantity(item)).text(TAG.OrdType, LIMIT);
    writer.scaled(TAG.Price, items.price(item), this.#decimals);
    return { msgType: MSG.OrderCancelReplaceRequest, fields: writer.body() };
  }
}

const LIMIT = '2';

const sideOf = ({ items }: OrderState, order: number): string => (items.side(order) === SIDE_NUMBER.B ? '1' : '2');
