import { unlimited } from '../risk/limits.ts';
import type { ClientRow, FirmRow, PairRow, RiskRows, SymbolRow } from '../risk/risk-message.ts';
import { SIDE_NUMBER } from './entry.ts';
import { firstAfter } from './item-view.ts';
import { ITEM_KIND } from './order-pool.ts';
import type { OrderState } from './order-state.ts';

const CLIENT = {
  killed: 0,
  losing: 1,
  maxQty: 2,
  maxNotional: 3,
  maxOpen: 4,
  maxPosition: 5,
  room: 6,
  fields: 7,
} as const;
const SYMBOL = { killed: 0, low: 1, maxQty: 2, maxNotional: 3, maxPosition: 4, high: 5, fields: 6 } as const;
const PAIR = { buy: 0, sell: 1, reduceBuy: 2, reduceSell: 3, fields: 4 } as const;

/** An order, or a new price and total of one, before it is taken in. Numbers are those among the state's texts, −1 for a name that it does not know yet. */
export interface OrderInQuestion {
  client: number;
  clientName: string;
  symbol: number;
  symbolName: string;
  /** See `SIDE_NUMBER`. */
  side: number;
  price: number;
  qty: number;
  /** Of a replace: what the order that it is about counts with already. All 0 for a new order. */
  held: { filled: number; qty: number; notional: number };
}

/** Slot of `*`: what is true of a name without a row. */
const STAR = 0;

/** Names in numbered slots with so many figures each; a name is looked up by text once, and by its number in the order state after that. */
class NamedRows {
  readonly #flags: number;
  readonly #fields: number;
  readonly #slots = new Map<string, number>();
  /** Slot + 1 by number among the order state's texts; 0 = not looked up. */
  #byNumber = new Int32Array(256);
  #values: Float64Array;
  /** Which update touched the slot last. */
  #stamps = new Int32Array(16);

  /** The first `flags` fields are 0 where nothing is known, the others unlimited. */
  constructor({ flags, fields }: { readonly flags: number; readonly fields: number }) {
    this.#flags = flags;
    this.#fields = fields;
    this.#values = new Float64Array(16 * fields);
    this.clear();
  }

  clear(): void {
    this.#slots.clear();
    this.#byNumber.fill(0);
    this.#slots.set('*', STAR);
    this.#values.fill(unlimited, 0, this.#fields);
    this.#values.fill(0, 0, this.#flags);
  }

  get size(): number {
    return this.#slots.size;
  }

  get(slot: number, field: number): number {
    return this.#values[slot * this.#fields + field]!;
  }

  set(slot: number, field: number, value: number): void {
    this.#values[slot * this.#fields + field] = value;
  }

  stamp(slot: number): number {
    return this.#stamps[slot]!;
  }

  /** The name's own slot, or that of `*`. */
  find(number: number, name: string): number {
    const known = number === -1 || number >= this.#byNumber.length ? 0 : this.#byNumber[number]!;
    return known === 0 ? (this.#slots.get(name) ?? STAR) : known - 1;
  }

  /** The name's own slot; one that has none gets what is true of `*`. */
  own(number: number, name: string, stamp = 0): number {
    if (number < this.#byNumber.length && this.#byNumber[number] !== 0) return this.#byNumber[number]! - 1;
    const slot = this.#slots.get(name) ?? this.#add(name, stamp);
    if (number >= this.#byNumber.length) this.#byNumber = widened(this.#byNumber, number);
    this.#byNumber[number] = slot + 1;
    return slot;
  }

  /** The slot to write a row of this name to. */
  written(name: string, stamp: number): number {
    const slot = this.named(name);
    this.#stamps[slot] = stamp;
    return slot;
  }

  named(name: string): number {
    return this.#slots.get(name) ?? this.#add(name, 0);
  }

  #add(name: string, stamp: number): number {
    const slot = this.#slots.size;
    this.#slots.set(name, slot);
    if (slot >= this.#stamps.length) {
      const wider = new Float64Array(this.#values.length * 2);
      wider.set(this.#values);
      this.#values = wider;
      this.#stamps = widened(this.#stamps, slot);
    }
    this.#stamps[slot] = stamp;
    this.#values.copyWithin(slot * this.#fields, 0, this.#fields);
    return slot;
  }
}

/**
 * What a risk engine leaves room for, in typed arrays: asked before each order without making an object. Rows say what was true
 * after some entry; orders that were taken in after it are taken off here, so that the room is never larger than it is. What ends
 * meanwhile gives its room back only with the next row.
 */
export class RiskTable {
  readonly #clients = new NamedRows({ flags: 2, fields: CLIENT.fields });
  readonly #symbols = new NamedRows({ flags: 2, fields: SYMBOL.fields });
  #pairKeys = new Int32Array(2 * 256).fill(-1);
  #pairValues = new Float64Array(256 * PAIR.fields);
  #pairStamps = new Int32Array(256);
  #pairCount = 0;
  #stamp = 0;
  #firmKilled = false;
  #firmLosing = false;
  #firmMaxOpen: number = unlimited;
  #firmRoom: number = unlimited;
  /** What replaces that no row speaks of yet may add to their orders, by item. */
  readonly #growth = new Map<number, { readonly qty: number; readonly notional: number }>();

  /** Nothing is known. */
  clear(): void {
    this.#clearRows();
    this.#growth.clear();
  }

  #clearRows(): void {
    this.#clients.clear();
    this.#symbols.clear();
    this.#pairKeys.fill(-1);
    this.#pairCount = 0;
  }

  get clients(): number {
    return this.#clients.size - 1;
  }

  get pairs(): number {
    return this.#pairCount;
  }

  /** Takes rows over, and takes off what the state holds of them after the entry that they speak of. */
  update(rows: RiskRows, state: OrderState): void {
    if (rows.reset) this.#clearRows();
    this.#stamp += 1;
    this.#putFirm(rows.firm);
    for (const row of rows.symbols) this.#putSymbol(row);
    for (const row of rows.clients) this.#putClient(row);
    for (const row of rows.pairs) this.#putPair(row);
    const { items } = state;
    for (let item = firstAfter(state, rows.through); item < items.count; item++) this.#useItem(item, state, false);
    for (const item of this.#growth.keys()) if (items.sequence(item) <= rows.through) this.#growth.delete(item);
  }

  /**
   * Which rule an order breaks; null = none. `onlyReducing`: nobody vouches for new risk, so that only what takes a position back
   * may pass. A replace never counts as such: what it amounts to depends on what is filled meanwhile.
   */
  refusal(order: Readonly<OrderInQuestion>, state: OrderState, onlyReducing: boolean): string | null {
    const clients = this.#clients;
    const symbols = this.#symbols;
    const { price, qty, held } = order;
    const replaces = held.qty > 0;
    const client = clients.find(order.client, order.clientName);
    const symbol = symbols.find(order.symbol, order.symbolName);
    if (this.#firmKilled || clients.get(client, CLIENT.killed) !== 0 || symbols.get(symbol, SYMBOL.killed) !== 0)
      return 'killed';
    const pair = client === STAR || symbol === STAR ? -1 : this.#findPair(client, symbol);
    const buys = order.side === SIDE_NUMBER.B;
    const reduces = !replaces && pair !== -1 && qty <= this.#pairValue(pair, buys ? PAIR.reduceBuy : PAIR.reduceSell);
    if (onlyReducing && !reduces) return 'risk-silent';
    if (!reduces && (this.#firmLosing || clients.get(client, CLIENT.losing) !== 0)) return 'limit-loss';
    if (price < symbols.get(symbol, SYMBOL.low) || price > symbols.get(symbol, SYMBOL.high)) return 'limit-price';
    if (qty > clients.get(client, CLIENT.maxQty) || qty > symbols.get(symbol, SYMBOL.maxQty)) return 'limit-quantity';
    // Exact: what the engine itself lets through keeps the product below 2^53.
    const notional = price * qty;
    if (notional > clients.get(client, CLIENT.maxNotional) || notional > symbols.get(symbol, SYMBOL.maxNotional))
      return 'limit-notional';
    if (
      !replaces &&
      (state.openOf(order.client) >= clients.get(client, CLIENT.maxOpen) || state.active >= this.#firmMaxOpen)
    )
      return 'limit-open-orders';
    if (reduces) return null;
    const room =
      pair === -1
        ? Math.min(clients.get(client, CLIENT.maxPosition), symbols.get(symbol, SYMBOL.maxPosition))
        : this.#pairValue(pair, buys ? PAIR.buy : PAIR.sell);
    if (qty - held.qty > room) return 'limit-position';
    const more = price * (qty - held.filled) - held.notional;
    return more > clients.get(client, CLIENT.room) || more > this.#firmRoom ? 'limit-exposure' : null;
  }

  /** An order or a replace was taken in: what it uses is no longer there for the next one. */
  took(item: number, state: OrderState): void {
    const { items } = state;
    this.#stamp += 1;
    if (items.kind(item) === ITEM_KIND.replace) {
      const order = items.about(item);
      const now = state.quantityOf(order);
      const filled = items.filled(order);
      const more = items.price(item) * (items.quantity(item) - filled) - state.priceOf(order) * (now - filled);
      this.#growth.set(item, { qty: Math.max(0, items.quantity(item) - now), notional: Math.max(0, more) });
    }
    this.#useItem(item, state, true);
  }

  /** A replace that was taken in before the table was there may add all that it asks for. */
  #useItem(item: number, state: OrderState, whole: boolean): void {
    const { items } = state;
    const kind = items.kind(item);
    const price = items.price(item);
    const qty = items.quantity(item);
    if (kind === ITEM_KIND.order) return this.#use(item, state, { whole, qty, notional: price * qty });
    const order = items.about(item);
    if (kind !== ITEM_KIND.replace || order === -1) return;
    this.#use(order, state, { whole, ...(this.#growth.get(item) ?? { qty, notional: price * qty }) });
  }

  /** Of rows that the present update did not touch what was taken in is off already. */
  #use(
    order: number,
    state: OrderState,
    { whole, qty, notional }: { readonly whole: boolean; readonly qty: number; readonly notional: number },
  ): void {
    const { items } = state;
    const stamp = this.#stamp;
    const client = this.#clients.own(items.client(order), state.name(items.client(order)), stamp);
    const symbol = this.#symbols.own(items.about(order), state.name(items.about(order)));
    const pair = this.#pairOf(client, symbol, stamp);
    this.#firmRoom = less(this.#firmRoom, notional);
    if (whole || this.#clients.stamp(client) === stamp) this.#useClient(client, notional);
    if (whole || this.#pairStamps[pair] === stamp) this.#usePair(pair, items.side(order) === SIDE_NUMBER.B, qty);
  }

  #useClient(client: number, notional: number): void {
    this.#clients.set(client, CLIENT.room, less(this.#clients.get(client, CLIENT.room), notional));
  }

  #usePair(pair: number, buys: boolean, qty: number): void {
    const values = this.#pairValues;
    const room = pair * PAIR.fields + (buys ? PAIR.buy : PAIR.sell);
    const reduce = pair * PAIR.fields + (buys ? PAIR.reduceBuy : PAIR.reduceSell);
    values[room] = less(values[room]!, qty);
    values[reduce] = less(values[reduce]!, qty);
  }

  #putFirm(row: FirmRow): void {
    this.#firmKilled = row.killed;
    this.#firmLosing = row.losing;
    this.#firmMaxOpen = row.maxOpenOrders;
    this.#firmRoom = row.exposureRoom;
  }

  #putClient(row: ClientRow): void {
    const clients = this.#clients;
    const slot = clients.written(row.name, this.#stamp);
    clients.set(slot, CLIENT.killed, row.killed ? 1 : 0);
    clients.set(slot, CLIENT.losing, row.losing ? 1 : 0);
    clients.set(slot, CLIENT.maxQty, row.maxOrderQty);
    clients.set(slot, CLIENT.maxNotional, row.maxOrderNotional);
    clients.set(slot, CLIENT.maxOpen, row.maxOpenOrders);
    clients.set(slot, CLIENT.maxPosition, row.maxPosition);
    clients.set(slot, CLIENT.room, row.exposureRoom);
  }

  #putSymbol(row: SymbolRow): void {
    const symbols = this.#symbols;
    const slot = symbols.written(row.name, this.#stamp);
    symbols.set(slot, SYMBOL.killed, row.killed ? 1 : 0);
    symbols.set(slot, SYMBOL.maxQty, row.maxOrderQty);
    symbols.set(slot, SYMBOL.maxNotional, row.maxOrderNotional);
    symbols.set(slot, SYMBOL.maxPosition, row.maxPosition);
    symbols.set(slot, SYMBOL.low, row.low);
    symbols.set(slot, SYMBOL.high, row.high);
  }

  #putPair(row: PairRow): void {
    const pair = this.#pairOf(this.#clients.named(row.client), this.#symbols.named(row.symbol), this.#stamp);
    const at = pair * PAIR.fields;
    this.#pairValues[at + PAIR.buy] = row.buyRoom;
    this.#pairValues[at + PAIR.sell] = row.sellRoom;
    this.#pairValues[at + PAIR.reduceBuy] = row.reduceBuy;
    this.#pairValues[at + PAIR.reduceSell] = row.reduceSell;
    this.#pairStamps[pair] = this.#stamp;
  }

  #pairValue(pair: number, field: number): number {
    return this.#pairValues[pair * PAIR.fields + field]!;
  }

  #findPair(client: number, symbol: number): number {
    const mask = this.#pairStamps.length - 1;
    for (let at = spread(client, symbol) & mask; ; at = (at + 1) & mask) {
      const key = this.#pairKeys[2 * at]!;
      if (key === -1) return -1;
      if (key === client && this.#pairKeys[2 * at + 1] === symbol) return at;
    }
  }

  /** A pair that is not known has no position and no open orders. */
  #pairOf(client: number, symbol: number, stamp: number): number {
    const known = this.#findPair(client, symbol);
    if (known !== -1) return known;
    if (2 * (this.#pairCount + 1) > this.#pairStamps.length) this.#grow();
    const pair = this.#place(client, symbol);
    const limit = Math.min(
      this.#clients.get(client, CLIENT.maxPosition),
      this.#symbols.get(symbol, SYMBOL.maxPosition),
    );
    this.#pairCount += 1;
    const at = pair * PAIR.fields;
    this.#pairValues[at + PAIR.buy] = limit;
    this.#pairValues[at + PAIR.sell] = limit;
    this.#pairValues[at + PAIR.reduceBuy] = 0;
    this.#pairValues[at + PAIR.reduceSell] = 0;
    this.#pairStamps[pair] = stamp;
    return pair;
  }

  #place(client: number, symbol: number): number {
    const mask = this.#pairStamps.length - 1;
    let at = spread(client, symbol) & mask;
    while (this.#pairKeys[2 * at] !== -1) at = (at + 1) & mask;
    this.#pairKeys[2 * at] = client;
    this.#pairKeys[2 * at + 1] = symbol;
    return at;
  }

  #grow(): void {
    const before = { keys: this.#pairKeys, values: this.#pairValues, stamps: this.#pairStamps };
    const length = before.stamps.length * 2;
    this.#pairKeys = new Int32Array(2 * length).fill(-1);
    this.#pairValues = new Float64Array(length * PAIR.fields);
    this.#pairStamps = new Int32Array(length);
    for (let old = 0; old < before.stamps.length; old++) {
      const client = before.keys[2 * old]!;
      if (client === -1) continue;
      const pair = this.#place(client, before.keys[2 * old + 1]!);
      const from = old * PAIR.fields;
      this.#pairValues.set(before.values.subarray(from, from + PAIR.fields), pair * PAIR.fields);
      this.#pairStamps[pair] = before.stamps[old]!;
    }
  }
}

const spread = (client: number, symbol: number): number => {
  const mixed = Math.imul(client, 0x9e3779b1) ^ Math.imul(symbol, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
};

const less = (room: number, used: number): number => (room > used ? room - used : 0);

const widened = (narrow: Int32Array<ArrayBuffer>, index: number): Int32Array<ArrayBuffer> => {
  const wider = new Int32Array(Math.max(index + 1, narrow.length * 2));
  wider.set(narrow);
  return wider;
};
