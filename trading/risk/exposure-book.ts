import type { JournalEntry, RequestNews } from '../oms/journal-entry.ts';
import { exactProduct, exactSum } from '../positions/exact-integer.ts';
import type { Position } from '../positions/position.ts';
import { PositionBook } from '../positions/position-book.ts';
import type { Side } from '../positions/trade.ts';
import type { ExposureImage } from './exposure-image.ts';
import { unlimited } from './limits.ts';

interface Terms {
  readonly price: number;
  /** The total, what is executed included. */
  readonly qty: number;
}

interface OpenOrder {
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  terms: Terms;
  filled: number;
  /** By id: replaces that the exchange has not answered. Until it does the order may be either. */
  readonly asked: Map<string, Terms>;
  /** With what it is in the figures. */
  lots: number;
  notional: number;
}

/** Lots of open orders of one client in one symbol. */
interface OpenLots {
  buy: number;
  sell: number;
}

interface ClientFigures {
  openOrders: number;
  /** Price × lots of what is open. */
  openNotional: number;
  readonly symbols: Map<string, OpenLots>;
}

export interface ClientExposure {
  readonly openOrders: number;
  readonly openNotional: number;
  /** Value at the marks of what is held, to either side. */
  readonly heldNotional: number;
  /** Above 0 a loss, realised and not. */
  readonly loss: number;
}

/** An order as it stands: what is asked for and not answered is not in it. */
export interface StandingOrder {
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  readonly qty: number;
  readonly filled: number;
}

/** An execution that was booked. */
export interface BookedFill {
  readonly seq: number;
  readonly order: string;
  readonly client: string;
  readonly symbol: string;
  /** Below 0 sold. */
  readonly lots: number;
}

export interface PairExposure {
  readonly lots: number;
  readonly openBuy: number;
  readonly openSell: number;
}

/**
 * What every client has at risk: positions, open orders and loss, as a fold over the engine's released entries in integers. The
 * mark of a symbol is the price of its last trade, unless a better one is given. The same entries give the same book.
 */
export class ExposureBook {
  readonly #orders = new Map<string, OpenOrder>();
  /** Order by id of a replace that was not answered. */
  readonly #requests = new Map<string, string>();
  readonly #clients = new Map<string, ClientFigures>();
  readonly #marks = new Map<string, number>();
  #positions = new PositionBook();
  readonly #unbooked: { readonly seq: number; readonly reason: string }[] = [];
  readonly #watchers = new Set<BookedFill[]>();
  #changed = new Set<string>();
  #through = 0;
  #epoch = 0;

  static restored(image: ExposureImage): ExposureBook {
    const book = new ExposureBook();
    book.#through = image.through;
    book.#epoch = image.epoch;
    book.#positions = PositionBook.restored(image.positions, image.trades);
    for (const [symbol, price] of image.marks) book.#marks.set(symbol, price);
    for (const { id, client, symbol, side, price, qty, filled, asked } of image.orders) {
      const requests = asked.map(([request, newPrice, newQty]) => [request, { price: newPrice, qty: newQty }] as const);
      const common = { client, symbol, side, filled, lots: 0, notional: 0 };
      const order: OpenOrder = { ...common, terms: { price, qty }, asked: new Map(requests) };
      for (const [request] of requests) book.#requests.set(request, id);
      book.#orders.set(id, order);
      book.#count(image.through, order);
    }
    book.recount();
    return book;
  }

  /** Everything that the next entries depend on. */
  image(): ExposureImage {
    const orders = [...this.#orders].map(([id, { client, symbol, side, terms, filled, asked }]) => ({
      ...{ id, client, symbol, side, price: terms.price, qty: terms.qty, filled },
      asked: [...asked].map(([request, { price, qty }]) => [request, price, qty] as const),
    }));
    const positions = this.#positions.positions();
    const trades = this.#positions.tradeCount;
    return { through: this.#through, epoch: this.#epoch, trades, orders, positions, marks: [...this.#marks] };
  }

  /** Sequence of the last entry. */
  get through(): number {
    return this.#through;
  }
  get epoch(): number {
    return this.#epoch;
  }
  get openOrders(): number {
    return this.#orders.size;
  }
  get clients(): readonly string[] {
    return [...this.#clients.keys()];
  }
  get positions(): PositionBook {
    return this.#positions;
  }
  /** Entries that fit nothing; each is a reason to look before anything is approved. */
  get unbooked(): readonly { readonly seq: number; readonly reason: string }[] {
    return this.#unbooked;
  }
  get marks(): ReadonlyMap<string, number> {
    return this.#marks;
  }

  openIds(): readonly string[] {
    return [...this.#orders.keys()];
  }

  /** Null when it is not open. */
  openOrder(id: string): StandingOrder | null {
    const order = this.#orders.get(id);
    if (order === undefined) return null;
    const { client, symbol, side, filled, terms } = order;
    return { client, symbol, side, filled, price: terms.price, qty: terms.qty };
  }

  /** Executions that are booked from now on, until `stop`. */
  watchFills(): { readonly fills: readonly BookedFill[]; stop(): void } {
    const fills: BookedFill[] = [];
    this.#watchers.add(fills);
    return { fills, stop: () => void this.#watchers.delete(fills) };
  }

  /** Clients whose figures changed since the last call. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  symbolsOf(client: string): readonly string[] {
    return [...(this.#clients.get(client)?.symbols.keys() ?? [])];
  }

  pair(client: string, symbol: string): PairExposure {
    const open = this.#clients.get(client)?.symbols.get(symbol);
    return {
      lots: this.#positions.find(client, symbol).lots,
      openBuy: open?.buy ?? 0,
      openSell: open?.sell ?? 0,
    };
  }

  client(name: string): ClientExposure {
    const known = this.#clients.get(name);
    let held = 0;
    let gain = 0;
    for (const symbol of known?.symbols.keys() ?? []) {
      const position = this.#positions.find(name, symbol);
      const mark = this.#marks.get(symbol) ?? 0;
      held = bounded(held + Math.abs(position.lots) * mark);
      gain = bounded(gain + position.realised + openGain(position, mark));
    }
    return {
      openOrders: known?.openOrders ?? 0,
      openNotional: known?.openNotional ?? 0,
      heldNotional: held,
      loss: gain === 0 ? 0 : -gain,
    };
  }

  /**
   * Counts anew, from the orders and the positions, what is kept while entries come, and puts that in its place. Answers the
   * clients whose figures were others.
   */
  recount(): readonly string[] {
    const kept = new Map(this.#clients);
    this.#clients.clear();
    for (const { account, symbol } of this.#positions.positions()) this.#openLots(this.#figuresOf(account), symbol);
    for (const { client, symbol, side, lots, notional } of this.#orders.values()) {
      const figures = this.#figuresOf(client);
      const open = this.#openLots(figures, symbol);
      figures.openOrders += 1;
      figures.openNotional = exactSum(figures.openNotional, notional, 'an exposure');
      if (side === 'B') open.buy = exactSum(open.buy, lots, 'open lots');
      else open.sell = exactSum(open.sell, lots, 'open lots');
    }
    this.#changed = new Set([...kept.keys(), ...this.#clients.keys()]);
    return [...this.#changed].filter((name) => !sameFigures(kept.get(name), this.#clients.get(name)));
  }

  /** A newer price of a symbol than its last trade. */
  mark(symbol: string, price: number): void {
    if (this.#marks.get(symbol) === price) return;
    this.#marks.set(symbol, price);
    for (const [client, { symbols }] of this.#clients) if (symbols.has(symbol)) this.#changed.add(client);
  }

  /** Entries must come in sequence, each once. */
  apply(entry: JournalEntry): void {
    if (entry.seq !== this.#through + 1) throw new Error(`entry ${entry.seq} applied after ${this.#through}`);
    this.#through = entry.seq;
    this.#epoch = entry.epoch;
    switch (entry.kind) {
      case 'order':
        this.#add(entry);
        return;
      case 'fill':
        this.#fill(entry);
        return;
      case 'cancelled':
      case 'rejected':
        this.#end(entry.seq, entry.orderId);
        return;
      case 'replaced':
        this.#replace(entry);
        return;
      case 'other':
        if (entry.news !== undefined) this.#note(entry.seq, entry.news);
        return;
      case 'accepted':
    }
  }

  #add({ seq, id, client, symbol, side, price, qty }: Extract<JournalEntry, { kind: 'order' }>): void {
    const common = { client, symbol, side, filled: 0, lots: 0, notional: 0 };
    const order: OpenOrder = { ...common, terms: { price, qty }, asked: new Map() };
    if (!this.#count(seq, order)) return;
    this.#orders.set(id, order);
    this.#figuresOf(client).openOrders += 1;
  }

  #note(seq: number, news: RequestNews): void {
    if (news.kind === 'refused') return this.#answered(seq, news.id);
    const { id, orderId, price, qty } = news;
    const order = this.#orders.get(orderId);
    if (order === undefined) return;
    order.asked.set(id, { price, qty });
    if (this.#count(seq, order)) this.#requests.set(id, orderId);
    else order.asked.delete(id);
  }

  /** The replace with this id changes nothing any more. */
  #answered(seq: number, request: string): void {
    const order = this.#orders.get(this.#requests.get(request) ?? '');
    this.#requests.delete(request);
    if (order?.asked.delete(request) === true) this.#count(seq, order);
  }

  #replace({ seq, orderId, price, qty, request }: Extract<JournalEntry, { kind: 'replaced' }>): void {
    const order = this.#orders.get(orderId);
    if (order === undefined || qty <= order.filled) {
      const why = order === undefined ? 'is no open order' : `has ${order.filled} lots executed`;
      this.#unbooked.push({ seq, reason: `${orderId} was replaced by a total of ${qty}, and ${why}` });
      return;
    }
    order.terms = { price, qty };
    order.asked.delete(request);
    this.#requests.delete(request);
    this.#count(seq, order);
  }

  #fill({ seq, orderId, exec, price, qty }: Extract<JournalEntry, { kind: 'fill' }>): void {
    const order = this.#orders.get(orderId);
    const remaining = order === undefined ? 0 : order.terms.qty - order.filled;
    if (order === undefined || qty > remaining) {
      const why = order === undefined ? 'no open order' : `more than the ${remaining} lots that are open`;
      this.#unbooked.push({ seq, reason: `execution ${exec} of ${orderId}: ${why}` });
      return;
    }
    const { client: account, symbol, side } = order;
    try {
      this.#positions.apply({ exec, order: orderId, account, symbol, side, price, qty });
    } catch (error) {
      this.#unbooked.push({ seq, reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    order.filled += qty;
    const booked = { seq, order: orderId, client: account, symbol, lots: side === 'B' ? qty : -qty };
    for (const watcher of this.#watchers) watcher.push(booked);
    if (order.filled === order.terms.qty) this.#close(seq, orderId, order);
    else this.#count(seq, order);
    this.mark(symbol, price);
  }

  #end(seq: number, id: string): void {
    const order = this.#orders.get(id);
    if (order === undefined) {
      this.#unbooked.push({ seq, reason: `${id} ended, and is no open order` });
      return;
    }
    this.#close(seq, id, order);
  }

  #close(seq: number, id: string, order: OpenOrder): void {
    for (const request of order.asked.keys()) this.#requests.delete(request);
    order.asked.clear();
    order.terms = { price: 0, qty: order.filled };
    this.#count(seq, order);
    this.#figuresOf(order.client).openOrders -= 1;
    this.#orders.delete(id);
  }

  /** Puts the worst that an order may be into the figures, in place of what it was there with; false: that passes what is exact. */
  #count(seq: number, order: OpenOrder): boolean {
    const { client, symbol, side, filled } = order;
    const figures = this.#figuresOf(client);
    const open = this.#openLots(figures, symbol);
    this.#changed.add(client);
    try {
      let lots = 0;
      let notional = 0;
      for (const { price, qty } of [order.terms, ...order.asked.values()]) {
        const remaining = Math.max(0, qty - filled);
        lots = Math.max(lots, remaining);
        notional = Math.max(notional, exactProduct(price, remaining, 'an order'));
      }
      const sum = exactSum(side === 'B' ? open.buy : open.sell, lots - order.lots, 'open lots');
      figures.openNotional = exactSum(figures.openNotional, notional - order.notional, 'an exposure');
      if (side === 'B') open.buy = sum;
      else open.sell = sum;
      order.lots = lots;
      order.notional = notional;
      return true;
    } catch (error) {
      this.#unbooked.push({ seq, reason: error instanceof Error ? error.message : String(error) });
      return false;
    }
  }

  #figuresOf(client: string): ClientFigures {
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const figures = { openOrders: 0, openNotional: 0, symbols: new Map() };
    this.#clients.set(client, figures);
    return figures;
  }

  #openLots({ symbols }: ClientFigures, symbol: string): OpenLots {
    const known = symbols.get(symbol);
    if (known !== undefined) return known;
    const open = { buy: 0, sell: 0 };
    symbols.set(symbol, open);
    return open;
  }
}

/** Pairs without an open order say nothing. */
const sameFigures = (one: ClientFigures | undefined, other: ClientFigures | undefined): boolean => {
  const symbols = new Set([...(one?.symbols.keys() ?? []), ...(other?.symbols.keys() ?? [])]);
  const lotsOf = (figures: ClientFigures | undefined, symbol: string) => {
    const { buy = 0, sell = 0 } = figures?.symbols.get(symbol) ?? {};
    return `${buy} ${sell}`;
  };
  return (
    (one?.openOrders ?? 0) === (other?.openOrders ?? 0) &&
    (one?.openNotional ?? 0) === (other?.openNotional ?? 0) &&
    [...symbols].every((symbol) => lotsOf(one, symbol) === lotsOf(other, symbol))
  );
};

const openGain = ({ lots, cost }: Position, mark: number): number => lots * mark - Math.sign(lots) * cost;

/** Exact up to what an integer can hold; what is beyond it is beyond every limit. */
const bounded = (value: number): number => Math.max(-unlimited, Math.min(unlimited, value));
