import { accountsOf, attributed, type Book, type ExchangeBook, type ExchangeRecord } from './book.ts';
import { type Break, breakOf } from './break.ts';
import { compareFills, repeatedFills } from './compare-fills.ts';
import { compareOrders } from './compare-orders.ts';
import { explainRest } from './explain-rest.ts';
import { type PositionDifference, PositionGrid } from './position-grid.ts';
import { defaultBounds, type SearchBounds } from './smallest-set.ts';

export interface Books {
  /** Null when it could not be read. */
  readonly exchange: ExchangeRecord | null;
  /** Those of the firm that could be read. */
  readonly firm: readonly Book[];
}

export interface Findings {
  readonly breaks: readonly Break[];
  readonly positions: readonly PositionDifference[];
  readonly compared: {
    readonly books: readonly string[];
    readonly positions: number;
    readonly orders: number;
    readonly fills: number;
  };
}

/**
 * Everything in which the books differ, as they are at one moment each. Executions and orders are compared one by one with the
 * exchange's record; what a position differs by beyond that is explained by the smallest set of executions that fits, or said to
 * be unexplained. Pure. Without the exchange only positions are compared, with those of the first book that lists executions.
 */
export const reconcile = (
  books: Books,
  options: { readonly toleranceLots: number; readonly bounds?: SearchBounds },
): Findings => {
  const bounds = options.bounds ?? defaultBounds;
  const exchange = books.exchange === null ? null : attributed(books.exchange, books.firm);
  const breaks = exchange === null ? [] : withExchange(books.firm, exchange, bounds);
  const reference = exchange ?? books.firm.find(({ fills }) => fills !== null) ?? books.firm[0] ?? null;
  const others = books.firm.filter((book) => book !== reference);
  const grid = new PositionGrid(reference === null ? [] : [reference, ...others]);
  const keys = grid.differing(options.toleranceLots);
  if (reference !== null) breaks.push(...explainRest({ grid, keys, reference, others, breaks, bounds }));
  return {
    breaks,
    positions: grid.differences(keys, breaks),
    compared: {
      books: grid.names,
      positions: grid.size,
      orders: exchange?.orders.length ?? 0,
      fills: exchange?.fills.length ?? 0,
    },
  };
};

const withExchange = (firm: readonly Book[], exchange: ExchangeBook, bounds: SearchBounds): Break[] => {
  const knownOrders = new Set(accountsOf(firm).keys());
  const breaks = [...repeatedFills(exchange), ...contradictions(exchange)];
  const fillBreaks = firm.map((book) => compareFills(book, exchange, knownOrders));
  for (const [index, book] of firm.entries()) {
    const own = fillBreaks[index]!;
    const elsewhere = fillBreaks.filter((_, other) => other !== index);
    breaks.push(...own, ...compareOrders(book, exchange, { fillBreaks: own, elsewhere, bounds }));
  }
  return breaks;
};

const contradictions = (exchange: ExchangeBook): Break[] => {
  const orders = new Map(exchange.orders.map((order) => [order.id, order]));
  return exchange.contradictions.map(({ order, what }) => {
    const { account = '', symbol = '', qty = 1 } = orders.get(order) ?? {};
    const text = `order ${order}: ${what}`;
    return breakOf({
      kind: 'stale-state',
      book: exchange.name,
      account,
      symbol,
      order,
      atStakeLots: qty,
      detail: what,
      what: text,
    });
  });
};
