import pg from 'pg';
import { countField } from '../base/json-record.ts';
import type { PersistedOrder, PersistedSnapshot, PersistedTrade } from './compare-database.ts';
import type { EngineSnapshot } from './compare-orders.ts';
import type { FrontConfig } from './config.ts';
import type { CanaryRow } from './ledger-record.ts';
import type { Address } from './line-connection.ts';
import { LineExchange } from './line-exchange.ts';
import { type EngineOrder, parseOrders } from './order-session.ts';
import type { VenueView } from './venue-view.ts';
import type { Difference } from './verification.ts';

export interface VenueAddress extends Address {
  readonly firm: string;
  /** Where sessions of the exchange prove themselves by one. */
  readonly password?: string;
}

/** Everything that the engine of the active site knows, asked through the fronts. Throws when none or not all could be read. */
export const readEngine = async (options: {
  readonly fronts: readonly FrontConfig[];
  /** Of the cancels and replaces that were sent. */
  readonly requestIds: readonly string[];
  readonly deadlineMs: number;
}): Promise<EngineSnapshot> => {
  const exchange = await findActiveEngine(options.fronts, options.deadlineMs);
  try {
    const orders: EngineOrder[] = [];
    for (let more = true; more; ) {
      const page = await exchange.ask(
        { t: 'query-all', after: orders.at(-1)?.seq ?? 0, limit: pageSize },
        options.deadlineMs,
      );
      if (page['t'] !== 'orders') throw new Error(`the engine answered ${JSON.stringify(page)}`);
      const found = parseOrders(page['orders']);
      orders.push(...found);
      more = page['more'] === true && found.length > 0;
    }
    const requests: EngineOrder[] = [];
    for (let at = 0; at < options.requestIds.length; at += pageSize) {
      const page = await exchange.ask(
        { t: 'query', ids: options.requestIds.slice(at, at + pageSize) },
        options.deadlineMs,
      );
      if (page['t'] !== 'orders') throw new Error(`the engine answered ${JSON.stringify(page)}`);
      requests.push(...parseOrders(page['orders']));
    }
    const subscribed = await exchange.ask({ t: 'subscribe', after: orders.at(-1)?.seq ?? 0 }, options.deadlineMs);
    return { orders, requests, end: countField(subscribed, 'end') ?? 0 };
  } finally {
    exchange.close();
  }
};

/** The logged-on connection with the highest epoch among the fronts that answer soon after the first one. */
const findActiveEngine = async (fronts: readonly FrontConfig[], deadlineMs: number): Promise<LineExchange> => {
  const found: { readonly exchange: LineExchange; readonly epoch: number }[] = [];
  const refusals: string[] = [];
  const attempts = fronts.map(async (front) => {
    const exchange = LineExchange.open(`front ${front.site}`, front.orders);
    try {
      const answer = await exchange.ask({ t: 'logon', client: 'verify' }, deadlineMs);
      if (answer['t'] !== 'logon-ok') throw new Error(`front ${front.site}: ${String(answer['code'])}`);
      found.push({ exchange, epoch: countField(answer, 'epoch') ?? 0 });
    } catch (error) {
      exchange.close();
      refusals.push(error instanceof Error ? error.message : String(error));
      throw error;
    }
  });
  const all = Promise.allSettled(attempts);
  const firstAndGrace = Promise.any(attempts).then(() => new Promise((resolve) => setTimeout(resolve, graceMs)));
  await Promise.race([all, firstAndGrace.catch(() => all)]);
  const [best, ...others] = found.splice(0).sort((left, right) => right.epoch - left.epoch);
  for (const other of others) other.exchange.close();
  if (best === undefined) throw new Error(`no active engine behind any front (${refusals.join('; ')})`);
  return best.exchange;
};

/** Adds to `view` what the exchange has reported since; throws when the copy is not complete. Returns its count of stale writes. */
export const readVenue = async (options: {
  readonly venue: VenueAddress;
  readonly view: VenueView;
  readonly deadlineMs: number;
}): Promise<number | null> => {
  const { venue, view, deadlineMs } = options;
  const exchange = LineExchange.open('the exchange', venue);
  try {
    const counters = await exchange.ask({ t: 'counters' }, deadlineMs);
    const { firm, password } = venue;
    exchange.send({ t: 'drop-copy', firm, password, after: view.last });
    for (;;) {
      const message = await exchange.next(deadlineMs);
      if (message['t'] === 'drop-copy-end') break;
      if (message['t'] !== 'report') throw new Error(`the exchange answered ${JSON.stringify(message)}`);
      const wrong = view.apply(message);
      if (wrong !== null) throw new Error(wrong);
    }
    const firms = (counters['firms'] ?? {}) as Readonly<Record<string, { readonly staleWritesAccepted?: unknown }>>;
    const stale = firms[venue.firm]?.staleWritesAccepted;
    return typeof stale === 'number' ? stale : null;
  } finally {
    exchange.close();
  }
};

/** A connection to the primary database behind whichever front has it. */
export const openDatabase = async (fronts: readonly FrontConfig[], deadlineMs: number): Promise<pg.Client> => {
  const refusals: string[] = [];
  const attempts = fronts.map(async (front) => {
    const client = new pg.Client({
      ...front.database,
      connectionTimeoutMillis: deadlineMs,
      query_timeout: deadlineMs,
      keepAlive: true,
    });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
      if (rows[0]?.standby !== false) throw new Error('a standby answered');
      return client;
    } catch (error) {
      void client.end().catch(() => {});
      refusals.push(`front ${front.site}: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  });
  try {
    const first = await Promise.any(attempts);
    for (const attempt of attempts)
      attempt.then((client) => (client === first ? undefined : client.end())).catch(() => {});
    return first;
  } catch {
    throw new Error(`no primary database behind any front (${refusals.join('; ')})`);
  }
};

export const readCanaries = async (client: pg.Client): Promise<CanaryRow[]> => {
  const rows: CanaryRow[] = [];
  for (;;) {
    const page = await client.query<CanaryRow>(
      'SELECT id, client, payload, previous_digest AS previous FROM public.canary WHERE id > $1 ORDER BY id LIMIT $2',
      [rows.at(-1)?.id ?? '', databasePageSize],
    );
    rows.push(...page.rows);
    if (page.rows.length < databasePageSize) return rows;
  }
};

/** Which of the servers was read, also behind proxies and poolers. */
const serverOf = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ at: string | null; standby: boolean }>(
    "SELECT host(inet_server_addr()) || ':' || inet_server_port() AS at, pg_is_in_recovery() AS standby",
  );
  return `the ${rows[0]?.standby === true ? 'standby' : 'primary'} at ${rows[0]?.at ?? 'a socket'}`;
};

/** Waits until order management has stored everything up to `end`, then reads all of it at one moment. */
export const readPersisted = async (
  client: pg.Client,
  options: { readonly stream: string; readonly end: number; readonly catchUpMs: number },
): Promise<PersistedSnapshot> => {
  const deadline = performance.now() + options.catchUpMs;
  for (;;) {
    const position = await positionOf(client, options.stream);
    if (position >= options.end) break;
    if (performance.now() > deadline)
      throw new Error(
        `order management is at entry ${position} in ${await serverOf(client)}, the engine at ${options.end}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const position = await positionOf(client, options.stream);
  const orders = await allRows<PersistedOrder>(
    client,
    `SELECT id, symbol, side, price::float8 AS price, qty::float8 AS qty, state, filled::float8 AS filled, seq::float8 AS seq,
            epoch::float8 AS epoch FROM public.orders`,
  );
  const trades = await allRows<PersistedTrade>(
    client,
    'SELECT exec, order_id AS id, price::float8 AS price, qty::float8 AS qty FROM public.trades',
  );
  const breaks = await client.query<Difference>(
    'SELECT order_id AS id, reason AS what FROM public.oms_breaks ORDER BY seq',
  );
  await client.query('COMMIT');
  return { orders, trades, breaks: breaks.rows, position };
};

/** Inside a transaction, page by page: the deadline of a query is for one page, however many rows there are. */
const allRows = async <Row extends pg.QueryResultRow>(client: pg.Client, select: string): Promise<Row[]> => {
  const rows: Row[] = [];
  await client.query(`DECLARE pages NO SCROLL CURSOR FOR ${select}`);
  for (;;) {
    const page = await client.query<Row>(`FETCH ${databasePageSize} FROM pages`);
    for (const row of page.rows) rows.push(row);
    if (page.rows.length < databasePageSize) break;
  }
  await client.query('CLOSE pages');
  return rows;
};

const positionOf = async (client: pg.Client, stream: string): Promise<number> => {
  const { rows } = await client.query<{ sequence: number }>(
    'SELECT sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1',
    [stream],
  );
  const sequence = rows[0]?.sequence;
  if (sequence === undefined) throw new Error(`order management has no position for ${stream}`);
  return sequence;
};

const pageSize = 1000;
const databasePageSize = 20_000;
const graceMs = 100;
