import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { LineExchange } from '../load/line-exchange.ts';
import { newestPrimary } from '../load/newest-primary.ts';
import { compareOpenOrders, type KnownOrder, type OpenOrderComparison } from './compare-open-orders.ts';
import type { OpenOrders } from './open-orders.ts';

/** Where an exchange answers about a firm's orders. */
export interface VenueAccess extends Address {
  readonly name: string;
  readonly firm: string;
  /** Where sessions have no epochs; null = none is needed. */
  readonly password: string | null;
}

export interface CheckOptions {
  readonly read: () => Promise<OpenOrders>;
  readonly venues: readonly VenueAccess[];
  readonly engines: readonly Address[];
  readonly deadlineMs: number;
}

export interface CheckedOpenOrders extends OpenOrderComparison {
  readonly stored: number;
  readonly atVenues: number;
}

/**
 * Compares the stored open orders with every exchange's, asking the database first, then the exchanges, then the engine, so that what
 * happens in between is known to the later one. Differences are looked at again until they are gone or the deadline has passed: reports may
 * have been on their way.
 *
 * @throws Error when one of them gives no answer.
 */
export const checkOpenOrders = async (options: CheckOptions): Promise<CheckedOpenOrders> => {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    const checked = await checkOnce(options, Math.max(minimumMs, deadline - performance.now()));
    if (checked.breaks.length === 0 || performance.now() > deadline) return checked;
    await new Promise((resolve) => setTimeout(resolve, againAfterMs));
  }
};

const checkOnce = async ({ read, venues, engines }: CheckOptions, deadlineMs: number): Promise<CheckedOpenOrders> => {
  const { orders: stored, position } = await read();
  const ids = stored.map(({ id }) => id);
  const told = await Promise.all(venues.map((venue) => ordersAt(venue, ids, deadlineMs)));
  const venue = new Map(told.flatMap((each) => [...each]));
  const asked = new Set([...ids, ...[...venue].flatMap(([id, { open }]) => (open ? [id] : []))]);
  const { known, end } = await ordersOfEngine(engines, [...asked], deadlineMs);
  const comparison = compareOpenOrders({ stored, venue, engine: known, entriesToCome: end > position.sequence });
  return { ...comparison, stored: stored.length, atVenues: [...venue.values()].filter(({ open }) => open).length };
};

/** What an exchange says of these orders, and of all that are open there. */
const ordersAt = async (
  venue: VenueAccess,
  ids: readonly string[],
  deadlineMs: number,
): Promise<ReadonlyMap<string, KnownOrder>> => {
  const exchange = LineExchange.open(venue.name, venue);
  const firm = { firm: venue.firm, ...(venue.password === null ? {} : { password: venue.password }) };
  const found = new Map<string, KnownOrder>();
  try {
    for (const page of pagesOf(ids)) {
      const orders = ordersIn(
        venue.name,
        'status',
        await exchange.ask({ t: 'status', ...firm, ids: page }, deadlineMs),
      );
      for (const order of orders) if (order['state'] !== 'unknown') found.set(...knownAtVenue(order));
    }
    const open = ordersIn(venue.name, 'status', await exchange.ask({ t: 'status', ...firm }, deadlineMs));
    for (const order of open) found.set(...knownAtVenue(order));
    return found;
  } finally {
    exchange.close();
  }
};

const knownAtVenue = (order: JsonRecord): [string, KnownOrder] => {
  const state = order['state'];
  const qty = countField(order, 'qty') ?? 0;
  const open = state === 'open';
  const filled = state === 'cancelled' ? 0 : qty - (countField(order, 'open') ?? 0);
  return [textField(order, 'id') ?? '', { open, filled }];
};

const ordersOfEngine = async (
  engines: readonly Address[],
  ids: readonly string[],
  deadlineMs: number,
): Promise<{ readonly known: ReadonlyMap<string, KnownOrder>; readonly end: number }> => {
  const exchange = await newestPrimary({ addresses: engines, client: 'order-management', deadlineMs });
  const known = new Map<string, KnownOrder>();
  try {
    for (const page of pagesOf(ids)) {
      const orders = ordersIn('the engine', 'orders', await exchange.ask({ t: 'query', ids: page }, deadlineMs));
      for (const order of orders) {
        const open = order['state'] === 'pending' || order['state'] === 'open';
        known.set(textField(order, 'id') ?? '', { open, filled: countField(order, 'filled') ?? 0 });
      }
    }
    return { known, end: await endOf(exchange, deadlineMs) };
  } finally {
    exchange.close();
  }
};

/** How far the engine has released: it refuses to be followed from beyond that, and says where it is. */
const endOf = async (exchange: LineExchange, deadlineMs: number): Promise<number> => {
  const answer = await exchange.ask({ t: 'subscribe', after: Number.MAX_SAFE_INTEGER }, deadlineMs);
  const end = countField(answer, 'end');
  if (end === null) throw new Error(`the engine answered ${JSON.stringify(answer)}`);
  return end;
};

const ordersIn = (from: string, kind: 'status' | 'orders', message: JsonRecord): readonly JsonRecord[] => {
  const orders = message['orders'];
  if (message['t'] !== kind || !Array.isArray(orders)) throw new Error(`${from} answered ${JSON.stringify(message)}`);
  return orders as JsonRecord[];
};

const pagesOf = (ids: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(ids.length / pageSize) }, (_, page) =>
    ids.slice(page * pageSize, (page + 1) * pageSize),
  );

/** A request stays below the longest line that an exchange reads. */
const pageSize = 500;
const againAfterMs = 50;
const minimumMs = 250;
