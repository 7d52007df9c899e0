import { signedLots, type Trade } from '../positions/trade.ts';

export interface PositionLine {
  readonly account: string;
  readonly symbol: string;
  /** Above 0 long, below 0 short. */
  readonly lots: number;
}

/** `pending`: sent, and the exchange has not confirmed it. */
export type OrderState = 'pending' | 'open' | 'filled' | 'cancelled' | 'rejected';

export interface BookOrder {
  readonly id: string;
  readonly account: string;
  readonly symbol: string;
  readonly side: 'B' | 'S';
  readonly price: number;
  readonly qty: number;
  readonly state: OrderState;
  readonly filled: number;
}

/** What one process says at one moment. What it does not keep is null: not the same as keeping nothing of it. */
export interface Book {
  readonly name: string;
  /** As the book itself states them, or summed from its fills or orders where it states none. */
  readonly positions: readonly PositionLine[];
  readonly fills: readonly Trade[] | null;
  readonly orders: readonly BookOrder[] | null;
}

/** The exchange's own record, which the firm's books are compared with. It knows orders, not the firm's accounts. */
export interface ExchangeRecord {
  readonly name: string;
  readonly fills: readonly Omit<Trade, 'account'>[];
  readonly orders: readonly Omit<BookOrder, 'account'>[];
  /** Orders that it refused: it knows their ids and nothing else. */
  readonly rejected: ReadonlySet<string>;
  /** Orders about which its drop copy and its order status do not agree. */
  readonly contradictions: readonly Contradiction[];
}

export interface Contradiction {
  readonly order: string;
  readonly what: string;
}

export interface ExchangeBook extends Book {
  readonly fills: readonly Trade[];
  readonly orders: readonly BookOrder[];
  readonly rejected: ReadonlySet<string>;
  readonly contradictions: readonly Contradiction[];
}

/** The account of orders that no book of the firm knows. */
export const unattributed = '(unattributed)';

/** The exchange's record with the accounts that the firm gave its orders; the first book that knows an order decides. */
export const attributed = (record: ExchangeRecord, firm: readonly Book[]): ExchangeBook => {
  const accounts = accountsOf(firm);
  const accountOf = (order: string) => accounts.get(order) ?? unattributed;
  const fills = record.fills.map((fill) => ({ ...fill, account: accountOf(fill.order) }));
  return {
    ...record,
    fills,
    orders: record.orders.map((order) => ({ ...order, account: accountOf(order.id) })),
    positions: positionsFromFills(fills),
  };
};

/** Which account each order belongs to. */
export const accountsOf = (firm: readonly Book[]): ReadonlyMap<string, string> => {
  const accounts = new Map<string, string>();
  for (const { orders, fills } of firm) {
    for (const { id, account } of orders ?? []) if (!accounts.has(id)) accounts.set(id, account);
    for (const { order, account } of fills ?? []) if (!accounts.has(order)) accounts.set(order, account);
  }
  return accounts;
};

export const positionsFromFills = (fills: readonly Trade[]): PositionLine[] =>
  summed(fills, (fill) => ({ account: fill.account, symbol: fill.symbol, lots: signedLots(fill) }));

export const positionsFromOrders = (orders: readonly BookOrder[]): PositionLine[] =>
  summed(orders, ({ account, symbol, side, filled }) => ({ account, symbol, lots: signedLots({ side, qty: filled }) }));

const summed = <Item>(items: readonly Item[], lineOf: (item: Item) => PositionLine): PositionLine[] => {
  const sums = new Map<string, { account: string; symbol: string; lots: number }>();
  for (const item of items) {
    const { account, symbol, lots } = lineOf(item);
    if (lots === 0) continue;
    const key = positionKey(account, symbol);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { account, symbol, lots });
    else sum.lots += lots;
  }
  return [...sums.values()];
};

/** One text for account and symbol, in which no two pairs are the same. */
export const positionKey = (account: string, symbol: string): string => `${account}\u0000${symbol}`;

/** Executions are numbered by the exchange that an order is at: the id alone may occur at another exchange as well. */
export const fillKey = ({ order, exec }: { readonly order: string; readonly exec: string }): string =>
  `${order}\u0000${exec}`;
