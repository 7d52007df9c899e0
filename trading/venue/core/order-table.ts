import { grown } from './id-index.ts';
import { OPEN, type OrderType, type Side, type TimeInForce } from './terms.ts';

export const NONE = -1;

export interface OrderTerms {
  readonly firm: number;
  readonly session: number;
  readonly symbol: number;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly price: number;
  readonly quantity: number;
  readonly epoch: number;
}

/**
 * Every order that was ever accepted, in columns; its number is that of its id. `next`, `previous` and `level` are the links of the
 * queue in which it rests.
 */
export class OrderTable {
  count = 0;
  firm = new Int32Array(START);
  session = new Int32Array(START);
  symbol = new Int32Array(START);
  side = new Uint8Array(START);
  type = new Uint8Array(START);
  timeInForce = new Uint8Array(START);
  state = new Uint8Array(START);
  price = new Float64Array(START);
  quantity = new Float64Array(START);
  open = new Float64Array(START);
  /** As it was first ordered, whatever replaced it. */
  firstPrice = new Float64Array(START);
  firstQuantity = new Float64Array(START);
  epoch = new Float64Array(START);
  next = new Int32Array(START);
  previous = new Int32Array(START);
  level = new Int32Array(START);

  add(terms: OrderTerms): number {
    const order = this.count;
    if (order === this.firm.length) this.#grow();
    this.count += 1;
    this.firm[order] = terms.firm;
    this.session[order] = terms.session;
    this.symbol[order] = terms.symbol;
    this.side[order] = terms.side;
    this.type[order] = terms.type;
    this.timeInForce[order] = terms.timeInForce;
    this.state[order] = OPEN;
    this.price[order] = terms.price;
    this.quantity[order] = terms.quantity;
    this.open[order] = terms.quantity;
    this.firstPrice[order] = terms.price;
    this.firstQuantity[order] = terms.quantity;
    this.epoch[order] = terms.epoch;
    this.next[order] = NONE;
    this.previous[order] = NONE;
    this.level[order] = NONE;
    return order;
  }

  #grow(): void {
    this.firm = grown(this.firm);
    this.session = grown(this.session);
    this.symbol = grown(this.symbol);
    this.side = grown(this.side);
    this.type = grown(this.type);
    this.timeInForce = grown(this.timeInForce);
    this.state = grown(this.state);
    this.price = grown(this.price);
    this.quantity = grown(this.quantity);
    this.open = grown(this.open);
    this.firstPrice = grown(this.firstPrice);
    this.firstQuantity = grown(this.firstQuantity);
    this.epoch = grown(this.epoch);
    this.next = grown(this.next);
    this.previous = grown(this.previous);
    this.level = grown(this.level);
  }
}

const START = 1 << 12;
