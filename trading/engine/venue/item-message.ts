import { writeU64 } from '../../base/u64.ts';
import {
  CANCEL,
  ID_BYTES,
  NEW,
  offsetsOf,
  REPLACE,
  STATUS_REQUEST,
  SYMBOL_BYTES,
} from '../../venue-protocol/layout.ts';
import { encodePositionsRequest, encodeSessionsRequest } from '../../venue-protocol/requests.ts';
import type { WireBuffer } from '../../venue-protocol/wire-buffer.ts';
import { SIDE_NUMBER } from '../entry.ts';
import { ITEM_KIND } from '../order-pool.ts';
import type { OrderState } from '../order-state.ts';

const NEW_AT = offsetsOf(NEW);
const CANCEL_AT = offsetsOf(CANCEL);
const REPLACE_AT = offsetsOf(REPLACE);
const STATUS_AT = offsetsOf(STATUS_REQUEST);

/**
 * Writes what the exchange is sent for an order or request of this state, as it was journalled: the same bytes however often. False,
 * and nothing is written, when the protocol has no room for its names.
 */
export const encodeItem = (into: WireBuffer, state: OrderState, item: number): boolean => {
  const { ids, texts, items } = state;
  if (ids.lengthOf(item) > ID_BYTES) return false;
  const kind = items.kind(item);
  const about = items.about(item);
  if (kind === ITEM_KIND.order) {
    if (texts.lengthOf(about) > SYMBOL_BYTES) return false;
    const at = into.begin(NEW);
    ids.copy(item, into.bytes, at + NEW_AT.id);
    texts.copy(about, into.bytes, at + NEW_AT.symbol);
    writeU64(into.view, at + NEW_AT.price, items.price(item));
    writeU64(into.view, at + NEW_AT.quantity, items.quantity(item));
    into.bytes[at + NEW_AT.side] = items.side(item) === SIDE_NUMBER.B ? 0 : 1;
    into.bytes[at + NEW_AT.timeInForce] = items.isGtc(item) ? 1 : 0;
    return true;
  }
  if (about === -1 || ids.lengthOf(about) > ID_BYTES) return false;
  if (kind === ITEM_KIND.cancel) {
    const at = into.begin(CANCEL);
    ids.copy(item, into.bytes, at + CANCEL_AT.id);
    ids.copy(about, into.bytes, at + CANCEL_AT.target);
    return true;
  }
  const at = into.begin(REPLACE);
  ids.copy(item, into.bytes, at + REPLACE_AT.id);
  ids.copy(about, into.bytes, at + REPLACE_AT.target);
  writeU64(into.view, at + REPLACE_AT.price, items.price(item));
  writeU64(into.view, at + REPLACE_AT.quantity, items.quantity(item));
  return true;
};

/** Asks who is connected, what became of these orders, and what was traded; the last answer is `positions-end`. */
export const encodeInquiry = (into: WireBuffer, state: OrderState, orders: readonly number[]): void => {
  encodeSessionsRequest(into);
  for (const order of orders) {
    const at = into.begin(STATUS_REQUEST);
    if (state.ids.lengthOf(order) <= ID_BYTES) state.ids.copy(order, into.bytes, at + STATUS_AT.id);
  }
  encodePositionsRequest(into);
};
