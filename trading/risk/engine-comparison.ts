import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import type { LineExchange } from '../load/line-exchange.ts';
import { newestPrimary } from '../load/newest-primary.ts';
import type { ExposureBook, StandingOrder } from './exposure-book.ts';

/** What a comparison of exposures with the engine's orders found. */
export interface EngineComparison {
  readonly orders: number;
  readonly openOrders: number;
  readonly positions: number;
  /** Entry as of which positions were compared. */
  readonly through: number;
  /** The largest difference found, in lots, or in ticks × lots where only a value differs. */
  readonly delta: number;
  /** In words. */
  readonly differences: readonly string[];
}

/**
 * Compares open orders and positions with what the engine answers to a query, as of the entry up to which it answered. An open order that
 * differs is asked for again until it does not, or `settleMs` have passed: its last entry may have been on its way. The deadline is for
 * all answers together.
 *
 * @throws Error when the engine gives no answer, or what it released does not come in time.
 */
export const compareWithEngine = async (options: {
  readonly book: ExposureBook;
  readonly engines: readonly Address[];
  readonly client: string;
  readonly settleMs: number;
  readonly deadlineMs: number;
}): Promise<EngineComparison> => {
  const { book, engines, client, settleMs, deadlineMs } = options;
  const deadline = performance.now() + deadlineMs;
  const watch = book.watchFills();
  const exchange = await newestPrimary({ addresses: engines, client, deadlineMs }).catch((error: unknown) => {
    watch.stop();
    throw error;
  });
  try {
    const told = await everyOrder(exchange, deadline);
    while (book.through < told.through) await pause(deadline, 'the released entries did not come in time');
    const positions = comparePositions(book, told, watch.fills);
    const orders = await compareOpen({ book, exchange, settleMs, deadline, open: told.open });
    return {
      orders: told.askedAt.size,
      openOrders: told.open.size,
      positions: told.lots.size,
      through: book.through,
      delta: Math.max(0, ...[...positions, ...orders].map(({ delta }) => delta)),
      differences: [...positions, ...orders].map(({ what }) => what),
    };
  } finally {
    watch.stop();
    exchange.close();
  }
};

interface Difference {
  readonly delta: number;
  readonly what: string;
}

interface Told {
  /** Entry up to which an order was answered, by id. */
  readonly askedAt: ReadonlyMap<string, number>;
  readonly open: ReadonlyMap<string, StandingOrder>;
  /** Executed lots by client and symbol, each order as of its own entry. */
  readonly lots: ReadonlyMap<string, number>;
  readonly through: number;
}

const everyOrder = async (exchange: LineExchange, deadline: number): Promise<Told> => {
  const askedAt = new Map<string, number>();
  const open = new Map<string, StandingOrder>();
  const lots = new Map<string, number>();
  let [after, through] = [0, 0];
  for (let more = true; more; ) {
    const page = await exchange.ask({ t: 'query-all', after, limit: pageSize }, deadline - performance.now());
    const answered = countField(page, 'through');
    if (answered === null) throw new Error(`the engine answered ${JSON.stringify(page)}`);
    through = answered;
    const list = ordersIn(page);
    for (const { id, seq, order, isOpen } of list) {
      askedAt.set(id, through);
      after = seq;
      if (isOpen) open.set(id, order);
      if (order.filled > 0) add(lots, pairOf(order), order.side === 'B' ? order.filled : -order.filled);
    }
    more = page['more'] === true && list.length > 0;
  }
  return { askedAt, open, lots, through };
};

/** At the entry at which the book is: what was executed after an order was answered is known to the book, and added. */
const comparePositions = (
  book: ExposureBook,
  { askedAt, lots }: Told,
  fills: ReturnType<ExposureBook['watchFills']>['fills'],
): readonly Difference[] => {
  const there = new Map(lots);
  for (const fill of fills) if (fill.seq > (askedAt.get(fill.order) ?? 0)) add(there, pairOf(fill), fill.lots);
  const differences: Difference[] = [];
  const differs = (pair: string, here: number, other: number) => {
    if (here !== other)
      differences.push({ delta: Math.abs(here - other), what: `${pair}: ${here} lots here, ${other} at the engine` });
  };
  for (const { account, symbol, lots: here } of book.positions.positions()) {
    const pair = pairOf({ client: account, symbol });
    differs(pair, here, there.get(pair) ?? 0);
    there.delete(pair);
  }
  for (const [pair, other] of there) differs(pair, 0, other);
  return differences;
};

const compareOpen = async (options: {
  readonly book: ExposureBook;
  readonly exchange: LineExchange;
  readonly settleMs: number;
  readonly deadline: number;
  readonly open: ReadonlyMap<string, StandingOrder>;
}): Promise<readonly Difference[]> => {
  const { book, exchange, deadline } = options;
  const there = new Map(options.open);
  const settled = Math.min(performance.now() + options.settleMs, deadline - lastAnswerMs);
  let asked = new Set([...book.openIds(), ...there.keys()]);
  for (;;) {
    const found = new Map<string, Difference>();
    for (const id of asked) {
      const difference = differenceOf(id, book.openOrder(id), there.get(id) ?? null);
      if (difference !== null) found.set(id, difference);
    }
    if (found.size === 0 || performance.now() > settled) return [...found.values()];
    await pause(deadline, 'the engine was not asked again in time');
    asked = new Set(found.keys());
    for (const ids of pagesOf([...asked])) {
      const page = ordersIn(await exchange.ask({ t: 'query', ids }, deadline - performance.now()));
      for (const id of ids) there.delete(id);
      for (const { id, order, isOpen } of page) if (isOpen) there.set(id, order);
    }
  }
};

const differenceOf = (id: string, here: StandingOrder | null, there: StandingOrder | null): Difference | null => {
  const [own, other] = [inWords(here), inWords(there)];
  if (own === other) return null;
  const lotsOf = (order: StandingOrder | null) => (order === null ? 0 : order.qty - order.filled);
  const notionalOf = (order: StandingOrder | null) => (order?.price ?? 0) * lotsOf(order);
  const delta = Math.abs(lotsOf(here) - lotsOf(there)) || Math.abs(notionalOf(here) - notionalOf(there)) || 1;
  return { delta, what: `${id}: ${own} here, ${other} at the engine` };
};

const inWords = (order: StandingOrder | null): string => {
  if (order === null) return 'not open';
  const { client, symbol, side, price, qty, filled } = order;
  return `${side} ${qty} ${symbol} at ${price} of ${client}, ${filled} filled`;
};

interface AnsweredOrder {
  readonly id: string;
  readonly seq: number;
  readonly order: StandingOrder;
  readonly isOpen: boolean;
}

const ordersIn = (page: JsonRecord): readonly AnsweredOrder[] => {
  const list = page['orders'];
  if (page['t'] !== 'orders' || !Array.isArray(list)) throw new Error(`the engine answered ${JSON.stringify(page)}`);
  return (list as JsonRecord[]).map((each) => {
    const [id, client, symbol, side] = [
      textField(each, 'id'),
      textField(each, 'client'),
      textField(each, 'symbol'),
      each['side'],
    ];
    const [seq, price, qty, filled] = [
      countField(each, 'seq'),
      countField(each, 'price'),
      countField(each, 'qty'),
      countField(each, 'filled'),
    ];
    if (id === null || client === null || symbol === null || (side !== 'B' && side !== 'S'))
      throw new Error('the engine answered an order without its fields');
    if (seq === null || price === null || qty === null || filled === null)
      throw new Error('the engine answered an order without its figures');
    const isOpen = each['state'] === 'pending' || each['state'] === 'open';
    return { id, seq, order: { client, symbol, side, price, qty, filled }, isOpen };
  });
};

const pairOf = ({ client, symbol }: { readonly client: string; readonly symbol: string }): string =>
  `${client} ${symbol}`;

const add = (sums: Map<string, number>, key: string, lots: number): void => {
  sums.set(key, (sums.get(key) ?? 0) + lots);
};

const pause = async (deadline: number, late: string): Promise<void> => {
  if (performance.now() > deadline) throw new Error(late);
  await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
};

const pagesOf = (ids: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(ids.length / pageSize) }, (_, page) =>
    ids.slice(page * pageSize, (page + 1) * pageSize),
  );

const pageSize = 500;
const lookEveryMs = 10;
/** Nothing is asked again later than this before the deadline. */
const lastAnswerMs = 500;
