import { signedLots, type Trade } from '../positions/trade.ts';
import type { Book, BookOrder, ExchangeBook, OrderState, PositionLine } from './book.ts';
import { type Break, type BreakKind, breakOf } from './break.ts';
import { merged } from './compare-fills.ts';
import { type SearchBounds, smallestSet } from './smallest-set.ts';

/**
 * Order states of a book against the exchange. `fillBreaks` are those that `compareFills` has found in the same book; what follows
 * from them is not told twice. Where the book lists no executions, what its orders are filled by is explained by what another
 * book of the firm has or lacks (`elsewhere`), if that makes up the difference, else by the smallest set of the exchange's executions.
 */
export const compareOrders = (book: Book, exchange: ExchangeBook, options: OrderComparisonOptions): Break[] =>
  book.orders === null ? [] : new OrderComparison(book, book.orders, exchange, options).run(options.bounds);

export interface OrderComparisonOptions {
  readonly fillBreaks: readonly Break[];
  readonly elsewhere: readonly (readonly Break[])[];
  readonly bounds: SearchBounds;
}

class OrderComparison {
  readonly #book: Book;
  readonly #orders: readonly BookOrder[];
  readonly #exchange: ExchangeBook;
  readonly #fillBreaks = new Map<string, Set<BreakKind>>();
  readonly #fillsThere: ReadonlyMap<string, readonly Trade[]>;
  readonly #fillsHere: ReadonlyMap<string, readonly Trade[]> | null;
  /** For each other book its breaks by order. */
  readonly #elsewhere: readonly ReadonlyMap<string, readonly Break[]>[];
  readonly #breaks: Break[] = [];

  constructor(book: Book, orders: readonly BookOrder[], exchange: ExchangeBook, options: OrderComparisonOptions) {
    const { fillBreaks, elsewhere } = options;
    this.#book = book;
    this.#orders = orders;
    this.#exchange = exchange;
    this.#elsewhere = elsewhere.map(breaksByOrder);
    this.#fillsThere = byOrder(exchange.fills);
    this.#fillsHere = book.fills === null ? null : byOrder(book.fills);
    for (const { order, kind } of fillBreaks) {
      if (order === null) continue;
      const kinds = this.#fillBreaks.get(order);
      if (kinds === undefined) this.#fillBreaks.set(order, new Set([kind]));
      else kinds.add(kind);
    }
  }

  run(bounds: SearchBounds): Break[] {
    const there = new Map(this.#exchange.orders.map((order) => [order.id, order]));
    const here = new Set<string>();
    for (const order of this.#orders) {
      if (here.has(order.id)) this.#say(order, 'duplicate', { what: `the order stands there twice`, detail: 'order' });
      here.add(order.id);
      const same = there.get(order.id);
      if (same === undefined) this.#absentThere(order);
      else {
        this.#compareTerms(order, same);
        if (this.#fillsHere === null) this.#compareFilled(order, same, bounds);
        else this.#compareOwnFills(order, this.#fillsHere);
        this.#compareState(order, same);
      }
    }
    for (const order of this.#exchange.orders) if (!here.has(order.id)) this.#unknownHere(order);
    return this.#breaks;
  }

  #absentThere(order: BookOrder): void {
    if (order.state === 'rejected') return;
    if (this.#exchange.rejected.has(order.id)) {
      this.#say(order, 'stale-state', {
        atStakeLots: order.qty,
        detail: `${order.state} rejected`,
        what: `it is ${order.state}, the exchange has rejected it`,
      });
      return;
    }
    const fills = this.#fillsHere?.get(order.id) ?? [];
    this.#say(order, 'unknown-there', {
      fills,
      effects:
        this.#fillsHere === null ? [lineOf(order)] : merged(fills.map((fill) => lineOf({ ...fill, filled: fill.qty }))),
      atStakeLots: order.qty,
      detail: '',
      what: `the exchange does not know the order, which is ${order.state} here`,
    });
  }

  #unknownHere(order: BookOrder): void {
    const fills = this.#fillsThere.get(order.id) ?? [];
    this.#say(order, 'unknown-here', {
      fills,
      effects: merged(fills.map((fill) => lineOf({ ...fill, filled: -fill.qty }))),
      atStakeLots: order.qty,
      detail: '',
      what: `the exchange has the order as ${order.state}, ${this.#book.name} does not know it`,
    });
  }

  #compareTerms(here: BookOrder, there: BookOrder): void {
    for (const { field, kind } of comparedTerms) {
      if (here[field] === there[field] || this.#fillBreaks.get(here.id)?.has(kind) === true) continue;
      // Where executions are listed, they say what a wrong term did to the position.
      const moves = this.#fillsHere === null && here.filled > 0 && (kind === 'wrong-side' || kind === 'misbooked');
      const filled = Math.min(here.filled, there.filled);
      this.#say(here, kind, {
        fills: moves ? (this.#fillsThere.get(here.id) ?? []) : [],
        effects: moves ? merged([lineOf({ ...here, filled }), lineOf({ ...there, filled: -filled })]) : [],
        atStakeLots: field === 'qty' ? Math.abs(here.qty - there.qty) : here.qty,
        detail: `${field} ${here[field]} ${there[field]}`,
        what: `its ${field} is ${here[field]}, at the exchange ${there[field]}`,
      });
      return;
    }
  }

  /** What is missing or too much, execution by execution where one set of them alone explains it. */
  #compareFilled(here: BookOrder, there: BookOrder, bounds: SearchBounds): void {
    const difference = here.filled - there.filled;
    if (difference === 0) return;
    if (this.#filledAsElsewhere(here, there)) return;
    const fills = this.#fillsThere.get(here.id) ?? [];
    const lots = fills.map(({ qty }) => qty);
    const kind = difference < 0 ? 'missing-fill' : 'duplicate';
    const set = smallestSet(lots, Math.abs(difference), bounds);
    // What is missing is missing from where the exchange has it; what is too much is where this book has put it.
    const place = difference < 0 ? there : here;
    const lagging = laggingCount(here, there);
    const says = filledText(here, there);
    if (set.kind === 'found') {
      for (const index of set.indexes) {
        const fill = fills[index]!;
        this.#say(here, kind, {
          fills: [fill],
          effects: [lineOf({ ...place, filled: difference < 0 ? -fill.qty : fill.qty })],
          detail: `${lagging} ${fill.exec}`,
          what: `${says}: ${difference < 0 ? 'it lacks' : 'it has twice'} execution ${fill.exec}`,
        });
      }
      return;
    }
    const why = {
      ambiguous: 'more than one set of its executions explains it',
      none: 'no set of its executions explains it',
      'search-limit': 'the search for executions that explain it was given up',
    }[set.kind];
    this.#say(here, set.kind === 'ambiguous' ? kind : 'wrong-quantity', {
      effects: [lineOf({ ...place, filled: difference })],
      explained: set.kind,
      detail: lagging,
      what: `${says}: ${why}`,
    });
  }

  /** Another book of the firm differs on this order by as much, and says by which executions. */
  #filledAsElsewhere(here: BookOrder, there: BookOrder): boolean {
    const direction = here.side === 'B' ? 1 : -1;
    for (const breaks of this.#elsewhere) {
      const own = breaks.get(here.id) ?? [];
      const lots = own.flatMap(({ effects }) => effects).reduce((sum, line) => sum + line.lots, 0);
      const countsOnly = own.every(({ kind }) => countKinds.has(kind));
      if (!countsOnly || lots * direction !== here.filled - there.filled) continue;
      for (const { kind, fills, effects, book } of own)
        this.#say(here, kind, {
          fills,
          effects,
          detail: `${laggingCount(here, there)} ${fills.map(({ exec }) => exec).join(' ')}`,
          what: `${filledText(here, there)}: the same executions as in ${book}`,
        });
      return true;
    }
    return false;
  }

  #compareOwnFills(here: BookOrder, fillsHere: ReadonlyMap<string, readonly Trade[]>): void {
    const sum = (fillsHere.get(here.id) ?? []).reduce((total, { qty }) => total + qty, 0);
    if (sum === here.filled || this.#fillBreaks.has(here.id)) return;
    this.#say(here, 'wrong-quantity', {
      atStakeLots: Math.abs(sum - here.filled),
      detail: `own ${here.filled} ${sum}`,
      what: `it counts as filled by ${here.filled}, its executions are ${sum}`,
    });
  }

  #compareState(here: BookOrder, there: BookOrder): void {
    if (here.state === there.state) return;
    const differs = here.filled !== there.filled || this.#fillBreaks.has(here.id);
    if (differs && followsFromFills(here.state, there.state)) return;
    this.#say(here, 'stale-state', {
      atStakeLots: Math.max(here.qty - here.filled, there.qty - there.filled),
      detail: `${here.state} ${there.state}`,
      what: `it is ${here.state}, at the exchange ${there.state}`,
    });
  }

  #say(
    order: BookOrder,
    kind: BreakKind,
    fields: Pick<Break, 'what'> &
      Partial<Pick<Break, 'effects' | 'atStakeLots' | 'fills' | 'explained'>> & { readonly detail: string },
  ): void {
    const { id, account, symbol } = order;
    const what = `order ${id}: ${fields.what}`;
    this.#breaks.push(breakOf({ ...fields, kind, book: this.#book.name, account, symbol, order: id, what }));
  }
}

const comparedTerms = [
  { field: 'account', kind: 'misbooked' },
  { field: 'symbol', kind: 'misbooked' },
  { field: 'side', kind: 'wrong-side' },
  { field: 'qty', kind: 'wrong-quantity' },
  { field: 'price', kind: 'wrong-price' },
] as const satisfies readonly { readonly field: keyof BookOrder; readonly kind: BreakKind }[];

/** Kinds that only change by how much an order is filled. */
const countKinds: ReadonlySet<BreakKind> = new Set(['missing-fill', 'duplicate', 'unknown-there', 'wrong-quantity']);

/** What the lagging side counts: it has moved on once that side has caught up. */
const laggingCount = (here: BookOrder, there: BookOrder): string => `filled ${Math.min(here.filled, there.filled)}`;

const filledText = (here: BookOrder, there: BookOrder): string =>
  `filled ${here.filled}, at the exchange ${there.filled}`;

const breaksByOrder = (breaks: readonly Break[]): ReadonlyMap<string, readonly Break[]> => {
  const groups = new Map<string, Break[]>();
  for (const each of breaks) {
    if (each.order === null) continue;
    const group = groups.get(each.order);
    if (group === undefined) groups.set(each.order, [each]);
    else group.push(each);
  }
  return groups;
};

/** Open here and filled there, or the other way round: nothing more than an execution that one of them lacks. */
const followsFromFills = (here: OrderState, there: OrderState): boolean =>
  [here, there].every((state) => state === 'pending' || state === 'open' || state === 'filled');

const lineOf = (order: {
  readonly account: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly filled: number;
}): PositionLine => ({
  account: order.account,
  symbol: order.symbol,
  lots: signedLots({ side: order.side, qty: order.filled }),
});

const byOrder = (fills: readonly Trade[]): ReadonlyMap<string, readonly Trade[]> => {
  const groups = new Map<string, Trade[]>();
  for (const fill of fills) {
    const group = groups.get(fill.order);
    if (group === undefined) groups.set(fill.order, [fill]);
    else group.push(fill);
  }
  return groups;
};
