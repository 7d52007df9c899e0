import type { JournalEntry } from '../oms/journal-entry.ts';
import { exactProduct, exactSum } from '../positions/exact-integer.ts';
import type { Position } from '../positions/position.ts';
import { PositionBook } from '../positions/position-book.ts';
import type { Side } from '../positions/trade.ts';
import { unlimited } from './limits.ts';

interface OpenOrder {
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  remaining: number;
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
  readonly #clients = new Map<string, ClientFigures>();
  readonly #marks = new Map<string, number>();
  readonly #positions = new PositionBook();
  readonly #unbooked: { readonly seq: number; readonly reason: string }[] = [];
  #changed = new Set<string>();
  #through = 0;
  #epoch = 0;

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
      case 'accepted':
      case 'other':
    }
  }

  #add({ seq, id, client, symbol, side, price, qty }: Extract<JournalEntry, { kind: 'order' }>): void {
    const figures = this.#figuresOf(client);
    const open = this.#openLots(figures, symbol);
    this.#changed.add(client);
    try {
      const lots = exactSum(side === 'B' ? open.buy : open.sell, qty, 'open lots');
      figures.openNotional = exactSum(figures.openNotional, exactProduct(price, qty, 'an order'), 'an exposure');
      if (side === 'B') open.buy = lots;
      else open.sell = lots;
    } catch (error) {
      this.#unbooked.push({ seq, reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#orders.set(id, { client, symbol, side, price, remaining: qty });
    figures.openOrders += 1;
  }

  #fill({ seq, orderId, exec, price, qty }: Extract<JournalEntry, { kind: 'fill' }>): void {
    const order = this.#orders.get(orderId);
    if (order === undefined || qty > order.remaining) {
      const why = order === undefined ? 'no open order' : `more than the ${order.remaining} lots that are open`;
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
    this.#reduce(orderId, order, qty);
    this.mark(symbol, price);
    this.#changed.add(account);
  }

  #end(seq: number, id: string): void {
    const order = this.#orders.get(id);
    if (order === undefined) {
      this.#unbooked.push({ seq, reason: `${id} ended, and is no open order` });
      return;
    }
    this.#reduce(id, order, order.remaining);
    this.#changed.add(order.client);
  }

  #reduce(id: string, order: OpenOrder, lots: number): void {
    const figures = this.#figuresOf(order.client);
    const open = this.#openLots(figures, order.symbol);
    if (order.side === 'B') open.buy -= lots;
    else open.sell -= lots;
    figures.openNotional -= lots * order.price;
    order.remaining -= lots;
    if (order.remaining > 0) return;
    figures.openOrders -= 1;
    this.#orders.delete(id);
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

const openGain = ({ lots, cost }: Position, mark: number): number => lots * mark - Math.sign(lots) * cost;

/** Exact up to what an integer can hold; what is beyond it is beyond every limit. */
const bounded = (value: number): number => Math.max(-unlimited, Math.min(unlimited, value));
