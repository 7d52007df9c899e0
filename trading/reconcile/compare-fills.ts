import { signedLots, type Trade } from '../positions/trade.ts';
import { type Book, type ExchangeBook, fillKey, type PositionLine } from './book.ts';
import { type Break, type BreakKind, breakOf } from './break.ts';

/**
 * A book's executions against the exchange's drop copy, one by one: each break is about one execution. Where the book lists orders,
 * executions of orders that one of the two does not know are left to `compareOrders`.
 */
export const compareFills = (book: Book, exchange: ExchangeBook, knownOrders: ReadonlySet<string>): Break[] => {
  if (book.fills === null) return [];
  const breaks: Break[] = [];
  const there = new Map(exchange.fills.map((fill) => [fillKey(fill), fill]));
  const ordersThere = new Set(exchange.orders.map(({ id }) => id));
  const ownOrders = book.orders === null ? null : new Set(book.orders.map(({ id }) => id));
  const twins = new TwinIndex(exchange.fills);
  const here = new Map<string, number>();
  for (const fill of book.fills) {
    const key = fillKey(fill);
    const seen = here.get(key) ?? 0;
    here.set(key, seen + 1);
    const same = there.get(key);
    if (seen > 0) breaks.push(again(book, fill, seen));
    else if (same !== undefined) breaks.push(...altered(book, fill, same));
    else if (ownOrders === null || ordersThere.has(fill.order)) breaks.push(extra(book, fill, twins));
  }
  for (const fill of exchange.fills) {
    if (here.has(fillKey(fill))) continue;
    if (ownOrders === null || ownOrders.has(fill.order)) breaks.push(absent(book, fill, knownOrders));
  }
  return breaks;
};

/** Executions that a record has twice under one id. */
export const repeatedFills = (book: ExchangeBook): Break[] => {
  const seen = new Map<string, number>();
  const breaks: Break[] = [];
  for (const fill of book.fills) {
    const count = seen.get(fillKey(fill)) ?? 0;
    seen.set(fillKey(fill), count + 1);
    if (count > 0) breaks.push(again(book, fill, count));
  }
  return breaks;
};

/** Finds an execution of the exchange with the same terms under another id. */
class TwinIndex {
  readonly #byTerms = new Map<string, Trade>();

  constructor(fills: readonly Trade[]) {
    for (const fill of fills) this.#byTerms.set(termsOf(fill), fill);
  }

  find(fill: Trade): Trade | null {
    return this.#byTerms.get(termsOf(fill)) ?? null;
  }
}

const termsOf = ({ order, side, price, qty }: Trade): string => `${order}\u0000${side}${price}x${qty}`;

const effectOf = (fill: Trade, sign: 1 | -1): PositionLine[] => [
  { account: fill.account, symbol: fill.symbol, lots: sign * signedLots(fill) },
];

const about = (book: Book, fill: Trade) =>
  ({ book: book.name, account: fill.account, symbol: fill.symbol, order: fill.order, fills: [fill] }) as const;

const again = (book: Book, fill: Trade, times: number): Break =>
  breakOf({
    ...about(book, fill),
    kind: 'duplicate',
    effects: effectOf(fill, 1),
    detail: `${fill.exec} ${times}`,
    what: `${book.name} has execution ${fill.exec} ${times + 1} times`,
  });

const extra = (book: Book, fill: Trade, twins: TwinIndex): Break => {
  const twin = twins.find(fill);
  const [kind, what]: [BreakKind, string] =
    twin === null
      ? ['unknown-there', `the exchange never reported execution ${fill.exec}`]
      : ['duplicate', `the exchange never reported execution ${fill.exec}; it has the terms of ${twin.exec}`];
  return breakOf({ ...about(book, fill), kind, effects: effectOf(fill, 1), detail: fill.exec, what });
};

const absent = (book: Book, fill: Trade, knownOrders: ReadonlySet<string>): Break => {
  const known = knownOrders.has(fill.order);
  return breakOf({
    ...about(book, fill),
    kind: known ? 'missing-fill' : 'unknown-here',
    effects: effectOf(fill, -1),
    detail: fill.exec,
    what: known
      ? `${book.name} lacks execution ${fill.exec} of order ${fill.order}`
      : `execution ${fill.exec} is of order ${fill.order}, which no book of the firm knows`,
  });
};

/** One break for one execution, of the gravest kind that applies; the text names everything. */
const altered = (book: Book, here: Trade, there: Trade): Break[] => {
  const differing = compared.filter(({ field }) => here[field] !== there[field]);
  const [gravest] = differing;
  if (gravest === undefined) return [];
  const list = differing.map(({ field }) => `${field} ${here[field]} instead of ${there[field]}`).join(', ');
  return [
    breakOf({
      ...about(book, here),
      fills: [there],
      kind: gravest.kind,
      effects: merged([...effectOf(here, 1), ...effectOf(there, -1)]),
      atStakeLots: Math.abs(here.qty - there.qty) || there.qty,
      detail: `${here.exec} ${list}`,
      what: `execution ${here.exec}: ${list}`,
    }),
  ];
};

const compared = [
  { field: 'account', kind: 'misbooked' },
  { field: 'symbol', kind: 'misbooked' },
  { field: 'side', kind: 'wrong-side' },
  { field: 'qty', kind: 'wrong-quantity' },
  { field: 'price', kind: 'wrong-price' },
] as const satisfies readonly { readonly field: keyof Trade; readonly kind: BreakKind }[];

/** Lines of one account and symbol as one. */
export const merged = (lines: readonly PositionLine[]): PositionLine[] => {
  const sums: { account: string; symbol: string; lots: number }[] = [];
  for (const line of lines) {
    const sum = sums.find(({ account, symbol }) => account === line.account && symbol === line.symbol);
    if (sum === undefined) sums.push({ ...line });
    else sum.lots += line.lots;
  }
  return sums.filter(({ lots }) => lots !== 0);
};
