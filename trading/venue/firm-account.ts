import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { Counterparties } from './counterparties.ts';
import { FirmLedger } from './firm-ledger.ts';
import { OrderBook, type RestingOrder } from './order-book.ts';

export interface VenueOrder extends RestingOrder {
  readonly id: string;
  readonly symbol: string;
  readonly qty: number;
  /** Of the session that brought it. */
  readonly epoch: number;
  state: 'open' | 'filled' | 'cancelled';
}

export interface NewOrder {
  readonly id: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly price: number;
  readonly qty: number;
}

export interface FirmCounters {
  epoch: number;
  orders: number;
  fills: number;
  cancels: number;
  duplicates: number;
  staleLogonsRefused: number;
  staleWritesRefused: number;
  /** Orders and cancels that took effect although their session's epoch was below the highest at that moment. */
  staleWritesAccepted: number;
}

/** One firm at the venue: its highest epoch, orders, books and ledger. Every change is a report line given to `onReport`. */
export class FirmAccount {
  readonly firm: string;
  readonly counters: FirmCounters = {
    epoch: 0,
    orders: 0,
    fills: 0,
    cancels: 0,
    duplicates: 0,
    staleLogonsRefused: 0,
    staleWritesRefused: 0,
    staleWritesAccepted: 0,
  };
  readonly ledger: FirmLedger;
  readonly #counterparties: Counterparties;
  readonly #symbols: ReadonlySet<string>;
  readonly #onReport: (line: string) => void;
  readonly #orders = new Map<string, VenueOrder>();
  /** Cancels already answered, by their id: the target. */
  readonly #cancels = new Map<string, string>();
  readonly #books = new Map<string, { readonly book: OrderBook<VenueOrder>; accepted: number }>();

  constructor(options: {
    firm: string;
    ledgerFile: string;
    symbols: ReadonlySet<string>;
    counterparties: Counterparties;
    onReport: (line: string) => void;
  }) {
    this.firm = options.firm;
    this.#symbols = options.symbols;
    this.#counterparties = options.counterparties;
    this.#onReport = options.onReport;
    this.ledger = new FirmLedger(options.ledgerFile, (record) => this.#replay(record));
  }

  get epoch(): number {
    return this.counters.epoch;
  }

  /** Stored before this returns. */
  raiseEpoch(epoch: number): void {
    this.ledger.raiseEpoch(epoch);
    this.counters.epoch = epoch;
  }

  find(id: string): VenueOrder | null {
    return this.#orders.get(id) ?? null;
  }

  openOrders(): VenueOrder[] {
    return [...this.#orders.values()].filter((order) => order.state === 'open');
  }

  /** Why an order would be refused by itself, or null. */
  check(order: NewOrder): string | null {
    if (this.#symbols.size > 0 && !this.#symbols.has(order.symbol)) return 'unknown-symbol';
    if (order.price < 1 || order.qty < 1) return 'bad-order';
    return null;
  }

  /** Books an order once per id. `again` = it was here before with the same content. */
  enter(order: NewOrder, sessionEpoch: number): 'entered' | 'again' | 'altered' {
    const known = this.#orders.get(order.id);
    if (known !== undefined) {
      this.counters.duplicates += 1;
      const { symbol, side, price, qty } = known;
      return symbol === order.symbol && side === order.side && price === order.price && qty === order.qty
        ? 'again'
        : 'altered';
    }
    if (sessionEpoch < this.counters.epoch) this.counters.staleWritesAccepted += 1;
    const refusal = this.check(order);
    if (refusal !== null) {
      this.#report({ kind: 'rejected', id: order.id, code: refusal, epoch: sessionEpoch });
      return 'entered';
    }
    const { id, symbol, side, price, qty } = order;
    this.#report({ kind: 'accepted', id, symbol, side, price, qty, epoch: sessionEpoch });
    this.#book(order, sessionEpoch);
    this.#trade(symbol, side, qty);
    return 'entered';
  }

  /** Cancels what is still open of an order, once per cancel id. */
  cancel(id: string, target: string, sessionEpoch: number): 'entered' | 'again' {
    if (this.#cancels.has(id)) {
      this.counters.duplicates += 1;
      return 'again';
    }
    if (sessionEpoch < this.counters.epoch) this.counters.staleWritesAccepted += 1;
    const order = this.#orders.get(target);
    this.#cancels.set(id, target);
    if (order === undefined || order.state !== 'open') {
      const code = order === undefined ? 'unknown-order' : 'too-late';
      this.#report({ kind: 'cancel-rejected', id, target, code });
      return 'entered';
    }
    this.#close(order);
    this.#report({ kind: 'cancelled', id, target, epoch: sessionEpoch });
    return 'entered';
  }

  #trade(symbol: string, side: 'B' | 'S', qty: number): void {
    const book = this.#bookOf(symbol);
    let wanted = this.#counterparties.take({ symbol, count: book.accepted, qty });
    const price = book.book.best(side)?.price;
    for (
      let order = book.book.best(side);
      wanted > 0 && order !== null && order.price === price;
      order = book.book.best(side)
    ) {
      const lots = Math.min(wanted, order.open);
      wanted -= lots;
      this.#fill(order, lots);
      const exec = `${this.firm}-${this.ledger.last + 1}`;
      this.#report({ kind: 'fill', id: order.id, exec, price: order.price, qty: lots });
    }
  }

  #book(order: NewOrder, epoch: number): void {
    const entered: VenueOrder = { ...order, epoch, open: order.qty, state: 'open' };
    this.#orders.set(order.id, entered);
    const book = this.#bookOf(order.symbol);
    book.accepted += 1;
    book.book.add(entered);
    this.counters.orders += 1;
  }

  #fill(order: VenueOrder, lots: number): void {
    order.open -= lots;
    if (order.open === 0) order.state = 'filled';
    this.counters.fills += 1;
  }

  #close(order: VenueOrder): void {
    order.open = 0;
    order.state = 'cancelled';
    this.counters.cancels += 1;
  }

  #bookOf(symbol: string): { readonly book: OrderBook<VenueOrder>; accepted: number } {
    const known = this.#books.get(symbol);
    if (known !== undefined) return known;
    const book = { book: new OrderBook<VenueOrder>(), accepted: 0 };
    this.#books.set(symbol, book);
    return book;
  }

  #report(fields: object): void {
    this.#onReport(this.ledger.report(fields));
  }

  /** Rebuilds the account from a line that an earlier run of the venue wrote. */
  #replay(record: JsonRecord): void {
    if (record.t === 'epoch') this.counters.epoch = countField(record, 'epoch') ?? this.counters.epoch;
    const id = textField(record, 'id') ?? '';
    switch (record.kind) {
      case 'accepted': {
        const { symbol, side, price, qty, epoch } = record as unknown as NewOrder & { epoch: number };
        this.#book({ id, symbol, side, price, qty }, epoch);
        return;
      }
      case 'fill': {
        const order = this.#orders.get(id);
        if (order !== undefined) this.#fill(order, countField(record, 'qty') ?? 0);
        return;
      }
      case 'cancelled':
      case 'cancel-rejected': {
        const target = textField(record, 'target') ?? '';
        this.#cancels.set(id, target);
        const order = this.#orders.get(target);
        if (record.kind === 'cancelled' && order !== undefined) this.#close(order);
      }
    }
  }
}
