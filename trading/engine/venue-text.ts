import { SIDE_NUMBER } from './entry.ts';
import type { OrderState } from './order-state.ts';

/** What the exchange is sent for an order or a cancel of this state. */
export const venueText = (state: OrderState, item: number): string => {
  const { ids, items } = state;
  const id = ids.text(item);
  if (!state.isOrder(item)) return `{"t":"cancel","id":"${id}","target":"${state.targetOf(item)}"}\n`;
  const symbol = state.name(items.about(item));
  const side = items.side(item) === SIDE_NUMBER.B ? 'B' : 'S';
  return `{"t":"new","id":"${id}","symbol":"${symbol}","side":"${side}","price":${items.price(item)},"qty":${items.quantity(item)}}\n`;
};
