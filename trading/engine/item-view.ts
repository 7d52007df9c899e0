import { SIDE_NUMBER } from './entry.ts';
import { ITEM_KIND, STATE_NAMES } from './order-pool.ts';
import type { OrderState } from './order-state.ts';
import type { ChangeRequest, Order } from './order-view.ts';

/** An order or a request about one as it is now, for people and text protocols. */
export const viewOf = (state: OrderState, item: number): Order | ChangeRequest => {
  const { items } = state;
  const code = items.code(item);
  const common = {
    id: state.ids.text(item),
    client: state.name(items.client(item)),
    seq: items.sequence(item),
    epoch: items.epoch(item),
    code: code === 0 ? null : state.name(code - 1),
  };
  const word = STATE_NAMES[items.state(item)]!;
  const kind = items.kind(item);
  if (kind === ITEM_KIND.order)
    return {
      kind: 'order',
      ...common,
      symbol: state.name(items.about(item)),
      side: items.side(item) === SIDE_NUMBER.B ? 'B' : 'S',
      price: state.priceOf(item),
      qty: state.quantityOf(item),
      tif: items.isGtc(item) ? 'gtc' : 'day',
      venue: state.venues.nameOf(items.venue(item)),
      state: word as Order['state'],
      filled: items.filled(item),
      withdrawn: items.withdrawn(item) === 1,
    };
  const request = { ...common, target: state.targetOf(item), state: word as ChangeRequest['state'] };
  if (kind === ITEM_KIND.cancel) return { kind: 'cancel', ...request };
  return { kind: 'replace', ...request, price: items.price(item), qty: items.quantity(item) };
};

/** The first item after a sequence; as many as there are items when there is none. */
export const firstAfter = ({ items }: OrderState, sequence: number): number => {
  let low = 0;
  let high = items.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items.sequence(middle) <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Orders after a sequence, oldest first. */
export const ordersAfter = (state: OrderState, sequence: number, limit: number): Order[] => {
  const { items } = state;
  const found: Order[] = [];
  for (let item = firstAfter(state, sequence); item < items.count && found.length < limit; item++)
    if (items.kind(item) === ITEM_KIND.order) found.push(viewOf(state, item) as Order);
  return found;
};
