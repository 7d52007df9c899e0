import { emptyIdView, hashId, type IdView } from '../../base/id-view.ts';
import type { Command } from './command.ts';
import type { FirmState } from './firm-state.ts';
import { IdIndex } from './id-index.ts';
import { Matcher } from './matcher.ts';
import { Names } from './names.ts';
import { OpenOrders } from './open-orders.ts';
import { OrderBook } from './order-book.ts';
import { NONE, OrderTable } from './order-table.ts';
import { matchesAtOnce, phaseRefuses, uncrossesBetween } from './phase-rules.ts';
import type { Report } from './report.ts';
import { ReportDesk } from './report-desk.ts';
import { RollingHash } from './rolling-hash.ts';
import {
  BUY,
  CANCELLED,
  DAY,
  FILLED,
  FOK,
  HIGHEST_PRICE,
  HIGHEST_QUANTITY,
  IOC,
  MARKET,
  OPEN,
  type Phase,
  type Reason,
  type SelfTrade,
  type Side,
} from './terms.ts';

export interface ExchangeRules {
  /** Empty = any symbol, up to `mostSymbols`. */
  readonly symbols: ReadonlySet<string>;
  readonly selfTrade: SelfTrade;
  /** Of every symbol until a `phase` command says otherwise. */
  readonly phase: Phase;
}

/** Told of everything that happens, while it happens. Arguments that are objects are used again afterwards. */
export interface ExchangeListener {
  readonly report: (report: Report) => void;
  readonly level?: (symbol: number, side: Side, price: number, volume: number, orders: number) => void;
  readonly trade?: (trade: { symbol: number; price: number; lots: number; trade: number; taker: Side | -1 }) => void;
  readonly phase?: (symbol: number, phase: Phase) => void;
}

/** `entered`: it took effect, or was refused with a report. `again`: the id was here with the same content. `altered`: with other content. */
export type Outcome = 'entered' | 'again' | 'altered';

/** With an open symbol list: more are refused, so that nobody fills the memory with names. */
const MOST_SYMBOLS = 20_000;

/**
 * The exchange itself: commands in, reports and market events out. Pure and deterministic: the same commands in the same order give
 * the same reports, the same `chain` and the same `stateHash`, in any process. Knows no sessions beyond their names, no sockets, no
 * clock, no calendar.
 */
export class Exchange {
  readonly firms = new Names();
  readonly sessions = new Names();
  readonly symbols = new Names();
  readonly orders = new OrderTable();
  readonly #rules: ExchangeRules;
  readonly #listener: ExchangeListener;
  readonly #matcher: Matcher;
  readonly #books: OrderBook[] = [];
  readonly #orderIds = new IdIndex();
  readonly #open = new OpenOrders();
  /** Cancels, replaces and mass cancels, by their own id. */
  readonly #requestIds = new IdIndex();
  /** The order that a replace was about, by the number of its id; NONE for other requests. */
  readonly #replaced: number[] = [];
  readonly #desk: ReportDesk;
  readonly #view = emptyIdView();
  #phase: Phase;
  #trades = 0;
  #commands = 0;
  /** Orders that the last mass cancel or end of a session ended. */
  ended = 0;

  constructor(rules: ExchangeRules, listener: ExchangeListener) {
    this.#rules = rules;
    this.#listener = listener;
    this.#phase = rules.phase;
    for (const symbol of rules.symbols) this.symbols.number(symbol);
    const { orders, firms, symbols } = this;
    this.#desk = new ReportDesk({ orders, orderIds: this.#orderIds, firms, symbols, report: listener.report });
    const tell = { symbol: 0, price: 0, lots: 0, trade: 0, taker: -1 as Side | -1 };
    this.#matcher = new Matcher(this.orders, {
      traded: ({ maker, taker, price, lots, auction }) => {
        this.#trades += 1;
        const trade = this.#trades;
        this.#fill({ order: maker, price, lots, trade, maker: true });
        this.#fill({ order: taker, price, lots, trade, maker: auction });
        if (this.#listener.trade === undefined) return;
        tell.symbol = this.orders.symbol[maker]!;
        tell.price = price;
        tell.lots = lots;
        tell.trade = this.#trades;
        tell.taker = auction ? -1 : (this.orders.side[taker] as Side);
        this.#listener.trade(tell);
      },
      ended: (order, reason) => this.#end(order, reason, null),
    });
  }

  /** Hash over every report so far, in order. */
  get chain(): number {
    return this.#desk.chain;
  }

  /** Commands that took effect so far. */
  get commands(): number {
    return this.#commands;
  }

  get trades(): number {
    return this.#trades;
  }

  firm(number: number): FirmState {
    return this.#desk.firm(number);
  }

  /** The number of a symbol that may be traded here, or -1. */
  symbol(view: IdView): number {
    const listed = this.#rules.symbols;
    const known = this.symbols.known(view);
    if (listed.size > 0) return known >= 0 && listed.has(this.symbols.text(known)) ? known : -1;
    if (known >= 0) return known;
    return this.symbols.count < MOST_SYMBOLS ? this.symbols.numberOf(view) : -1;
  }

  book(symbol: number): OrderBook {
    for (let at = this.#books.length; at <= symbol; at++)
      this.#books.push(
        new OrderBook({
          orders: this.orders,
          phase: this.#phase,
          onLevel: (side, price, volume, count) => this.#listener.level?.(at, side, price, volume, count),
        }),
      );
    return this.#books[symbol]!;
  }

  phaseOf(symbol: number): Phase {
    return this.#books[symbol]?.phase ?? this.#phase;
  }

  /** The order behind an id: its own, or that of a replace that was accepted. NONE when there is none. */
  order(firm: number, id: IdView): number {
    const order = this.#orderIds.find(firm, id);
    if (order >= 0) return order;
    const request = this.#requestIds.find(firm, id);
    return request < 0 ? NONE : this.#replaced[request]!;
  }

  /** Points a view at an order's id. */
  orderId(order: number, into: IdView): void {
    this.#orderIds.read(order, into);
  }

  /** A firm's open orders in order of entry. Allocates. */
  openOrders(firm: number): number[] {
    return this.#open.of(firm);
  }

  /** Why a `new` command would be refused by itself, or ''. Nothing is entered. */
  check(command: Command): Reason {
    if (command.symbol < 0) return 'unknown-symbol';
    const { price, quantity, type } = command;
    if (!(quantity >= 1 && quantity <= HIGHEST_QUANTITY)) return 'bad-order';
    if (type !== MARKET && !(price >= 1 && price < HIGHEST_PRICE)) return 'bad-order';
    return phaseRefuses(this.phaseOf(command.symbol), command.timeInForce);
  }

  apply(command: Command): Outcome {
    this.#desk.atMs = command.atMs;
    this.#desk.epoch = command.epoch;
    const outcome = this.#dispatch(command);
    if (outcome === 'entered') this.#commands += 1;
    else this.firm(command.firm).duplicates += 1;
    return outcome;
  }

  /** Over every order, every queue and every firm. Walks everything. */
  stateHash(): number {
    const hash = new RollingHash();
    const { orders } = this;
    hash.add(this.#commands);
    hash.add(this.#trades);
    for (let order = 0; order < orders.count; order++) {
      this.#orderIds.read(order, this.#view);
      hash.add(hashId(this.#view, this.firms.hash(orders.firm[order]!)));
      hash.add(this.sessions.hash(orders.session[order]!));
      hash.add(this.symbols.hash(orders.symbol[order]!));
      hash.add(orders.state[order]! * 4 + orders.side[order]! * 2 + orders.type[order]!);
      for (const column of [orders.price, orders.quantity, orders.open, orders.epoch]) hash.add(column[order]!);
    }
    for (const symbol of this.#symbolsByName()) {
      const book = this.#books[symbol]!;
      if (book.accepted === 0) continue;
      hash.add(this.symbols.hash(symbol));
      hash.add(book.lastPrice);
      for (const side of [book.bids, book.asks])
        for (let rank = 0; rank < side.depth; rank++) {
          hash.add(side.priceAt(rank));
          for (let order = side.firstAt(rank); order !== NONE; order = orders.next[order]!) hash.add(order);
        }
    }
    hash.add(this.#desk.chain);
    return hash.value;
  }

  #dispatch(command: Command): Outcome {
    switch (command.kind) {
      case 'new':
        return this.#new(command);
      case 'cancel':
        return this.#cancel(command);
      case 'replace':
        return this.#replace(command);
      case 'mass-cancel':
        return this.#massCancel(command);
      case 'end-session':
        this.#endSession(command);
        return 'entered';
      case 'phase':
        this.#changePhase(command);
        return 'entered';
      case 'epoch':
        this.firm(command.firm).epoch = Math.max(this.firm(command.firm).epoch, command.epoch);
        return 'entered';
    }
  }

  #new(command: Command): Outcome {
    const { orders } = this;
    const known = this.#orderIds.find(command.firm, command.id);
    const price = command.type === MARKET ? (command.side === BUY ? HIGHEST_PRICE : 0) : command.price;
    if (known >= 0) {
      const same =
        orders.symbol[known] === command.symbol &&
        orders.side[known] === command.side &&
        orders.type[known] === command.type &&
        orders.timeInForce[known] === command.timeInForce &&
        orders.firstPrice[known] === price &&
        orders.firstQuantity[known] === command.quantity;
      return same ? 'again' : 'altered';
    }
    this.#countStale(command);
    const refusal = this.check(command);
    if (refusal !== '') {
      this.#desk.refused('rejected', command, refusal);
      return 'entered';
    }
    const book = this.book(command.symbol);
    const selfTrade = command.selfTrade ?? this.#rules.selfTrade;
    const side = command.side as Side;
    const { firm, session, symbol, type, timeInForce, quantity, epoch } = command;
    this.#orderIds.add(firm, command.id);
    const order = orders.add({ firm, session, symbol, side, type, timeInForce, price, quantity, epoch });
    this.#open.add(firm, order);
    book.accepted += 1;
    this.firm(firm).orders += 1;
    this.#desk.accepted(order);
    const whole = timeInForce !== FOK || book.fillable({ side, price, wanted: quantity, firm, selfTrade }) === quantity;
    if (!whole) this.#end(order, 'not-fillable', null);
    else this.#work(book, order, selfTrade);
    return 'entered';
  }

  /** Lets an order that does not rest trade if the phase has it, then rest or end. */
  #work(book: OrderBook, order: number, selfTrade: SelfTrade): void {
    const { orders } = this;
    if (matchesAtOnce(book.phase)) {
      if (!this.#matcher.take(book, order, selfTrade) || orders.open[order] === 0) return;
      const timeInForce = orders.timeInForce[order]!;
      if (timeInForce === IOC || timeInForce === FOK) {
        this.#end(order, 'immediate-remainder', null);
        return;
      }
      if (orders.type[order] === MARKET) {
        this.#end(order, 'no-liquidity', null);
        return;
      }
    }
    book.side(orders.side[order] as Side).add(order);
  }

  #cancel(command: Command): Outcome {
    if (this.#requestIds.find(command.firm, command.id) >= 0) return 'again';
    this.#countStale(command);
    const order = this.order(command.firm, command.target);
    this.#noteRequest(command, NONE);
    if (order === NONE || this.orders.state[order] !== OPEN) {
      this.#desk.refused('cancel-rejected', command, order === NONE ? 'unknown-order' : 'too-late');
      return 'entered';
    }
    this.#leave(order);
    this.#end(order, '', command.id);
    return 'entered';
  }

  /** Less quantity at the same price keeps the order's place; anything else queues it again, and it may trade. */
  #replace(command: Command): Outcome {
    if (this.#requestIds.find(command.firm, command.id) >= 0) return 'again';
    this.#countStale(command);
    const { orders } = this;
    const order = this.order(command.firm, command.target);
    const refusal = this.#replaceRefusal(command, order);
    this.#noteRequest(command, refusal === '' ? order : NONE);
    if (refusal !== '') {
      this.#desk.refused('replace-rejected', command, refusal);
      return 'entered';
    }
    const book = this.book(orders.symbol[order]!);
    const less = orders.quantity[order]! - command.quantity;
    const stays = command.price === orders.price[order] && less >= 0;
    const filled = orders.quantity[order]! - orders.open[order]!;
    if (stays && less > 0) book.side(orders.side[order] as Side).reduce(order, less);
    if (!stays) this.#leave(order);
    orders.quantity[order] = command.quantity;
    orders.price[order] = command.price;
    if (!stays) orders.open[order] = command.quantity - filled;
    this.#desk.changed('replaced', order, command.id, '');
    if (!stays) this.#work(book, order, command.selfTrade ?? this.#rules.selfTrade);
    return 'entered';
  }

  #replaceRefusal(command: Command, order: number): Reason {
    const { orders } = this;
    if (order === NONE) return 'unknown-order';
    if (orders.state[order] !== OPEN) return 'too-late';
    if (!(command.price >= 1 && command.price < HIGHEST_PRICE) || orders.type[order] === MARKET) return 'bad-order';
    const filled = orders.quantity[order]! - orders.open[order]!;
    if (!(command.quantity > filled && command.quantity <= HIGHEST_QUANTITY)) return 'bad-quantity';
    return phaseRefuses(this.phaseOf(orders.symbol[order]!), DAY);
  }

  #massCancel(command: Command): Outcome {
    if (this.#requestIds.find(command.firm, command.id) >= 0) return 'again';
    this.#countStale(command);
    this.#noteRequest(command, NONE);
    const { orders } = this;
    this.#endWhere(command.firm, 'mass-cancelled', (order) => {
      if (command.symbol >= 0 && orders.symbol[order] !== command.symbol) return false;
      return command.side === -1 || orders.side[order] === command.side;
    });
    return 'entered';
  }

  #endSession(command: Command): void {
    const { orders } = this;
    this.#endWhere(command.firm, 'disconnected', (order) => {
      if (orders.session[order] !== command.session) return false;
      return !(command.keepPersistent && orders.timeInForce[order] === 1);
    });
  }

  /** Ends a firm's resting orders in order of entry. */
  #endWhere(firm: number, reason: Reason, fits: (order: number) => boolean): void {
    const found = this.#open.of(firm, fits);
    for (const order of found) {
      this.#leave(order);
      this.#end(order, reason, null);
    }
    this.ended = found.length;
  }

  #changePhase(command: Command): void {
    if (command.symbol >= 0) {
      this.#enterPhase(command.symbol, command.phase);
      return;
    }
    // By name, because numbers differ from run to run.
    for (const symbol of this.#symbolsByName()) {
      // A halt outlasts what the rest of the market does, up to the close.
      if (this.#books[symbol]!.phase === 'halted' && command.phase !== 'closed') continue;
      this.#enterPhase(symbol, command.phase);
    }
    this.#phase = command.phase;
    this.#listener.phase?.(-1, command.phase);
  }

  #enterPhase(symbol: number, phase: Phase): void {
    const book = this.book(symbol);
    const from = book.phase;
    if (from === phase) return;
    if (uncrossesBetween(from, phase)) this.#matcher.uncross(book);
    book.phase = phase;
    if (phase === 'closed')
      for (const order of book.resting())
        if (this.orders.timeInForce[order] !== 1) {
          this.#leave(order);
          this.#end(order, 'expired', null);
        }
    this.#listener.phase?.(symbol, phase);
  }

  #symbolsByName(): number[] {
    return this.#books
      .map((_, symbol) => symbol)
      .sort((left, right) => (this.symbols.text(left) < this.symbols.text(right) ? -1 : 1));
  }

  #noteRequest(command: Command, order: number): void {
    this.#requestIds.add(command.firm, command.id);
    this.#replaced.push(order);
  }

  #countStale(command: Command): void {
    const firm = this.firm(command.firm);
    if (command.epoch < firm.epoch) firm.staleWritesAccepted += 1;
  }

  #leave(order: number): void {
    this.book(this.orders.symbol[order]!)
      .side(this.orders.side[order] as Side)
      .remove(order);
  }

  #end(order: number, reason: Reason, request: IdView | null): void {
    this.orders.open[order] = 0;
    this.orders.state[order] = CANCELLED;
    this.#open.remove(this.orders.firm[order]!, order);
    this.firm(this.orders.firm[order]!).cancels += 1;
    this.#desk.changed('cancelled', order, request, reason);
  }

  #fill(fill: { order: number; price: number; lots: number; trade: number; maker: boolean }): void {
    if (this.orders.open[fill.order] === 0) {
      this.orders.state[fill.order] = FILLED;
      this.#open.remove(this.orders.firm[fill.order]!, fill.order);
    }
    const firm = this.firm(this.orders.firm[fill.order]!);
    const symbol = this.orders.symbol[fill.order]!;
    const traded = this.orders.side[fill.order] === BUY ? firm.bought : firm.sold;
    traded[symbol] = (traded[symbol] ?? 0) + fill.lots;
    firm.fills += 1;
    this.#desk.filled(fill);
  }
}
