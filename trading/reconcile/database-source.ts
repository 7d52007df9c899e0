import pg from 'pg';
import type { DatabaseAddress } from '../load/config.ts';
import type { Trade } from '../positions/trade.ts';
import { type Book, type BookOrder, positionsFromFills } from './book.ts';
import type { BookSource } from './book-source.ts';

/** Order management's orders and trades in PostgreSQL, all of one moment, from whichever address is the primary. */
export const databaseSource = (options: {
  readonly name: string;
  readonly stream: string;
  readonly addresses: readonly DatabaseAddress[];
}): BookSource => ({
  name: options.name,
  read: async ({ deadlineMs, atLeast }) => {
    const client = await primaryAmong(options.addresses, deadlineMs);
    try {
      await untilStored(client, { stream: options.stream, atLeast: atLeast ?? 0, deadlineMs });
      return await readBook(options.name, client);
    } finally {
      client.end().catch(() => {});
    }
  },
});

const primaryAmong = async (addresses: readonly DatabaseAddress[], deadlineMs: number): Promise<pg.Client> => {
  const attempts = addresses.map((address) => connect(address, deadlineMs));
  try {
    const first = await Promise.any(attempts);
    for (const attempt of attempts)
      attempt.then((client) => (client === first ? undefined : client.end())).catch(() => {});
    return first;
  } catch (error) {
    const reasons = (error as AggregateError).errors.map((each) =>
      each instanceof Error ? each.message : String(each),
    );
    throw new Error(`no primary database answers (${reasons.join('; ')})`);
  }
};

const connect = async (address: DatabaseAddress, deadlineMs: number): Promise<pg.Client> => {
  const client = new pg.Client({
    ...address,
    application_name: 'reconcile',
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
    keepAlive: true,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ readonly standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if (rows[0]?.standby !== false) throw new Error('a standby answered');
    return client;
  } catch (error) {
    client.end().catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`${address.host}:${address.port}: ${reason}`);
  }
};

const untilStored = async (
  client: pg.Client,
  { stream, atLeast, deadlineMs }: { readonly stream: string; readonly atLeast: number; readonly deadlineMs: number },
): Promise<void> => {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const { rows } = await client.query<{ readonly sequence: number }>(
      'SELECT sequence::float8 AS sequence FROM public.oms_position WHERE stream = $1',
      [stream],
    );
    const sequence = rows[0]?.sequence;
    if (sequence === undefined) throw new Error(`order management has no position for ${stream}`);
    if (sequence >= atLeast) return;
    if (performance.now() > deadline)
      throw new Error(`order management is at entry ${sequence}, the engine at ${atLeast}`);
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
};

const readBook = async (name: string, client: pg.Client): Promise<Book> => {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const orders = await client.query<BookOrder>(
    `SELECT id, client AS account, symbol, side, price::float8 AS price, qty::float8 AS qty, state, filled::float8 AS filled
     FROM public.orders`,
  );
  const trades = await client.query<Trade>(
    `SELECT t.exec, t.order_id AS order, o.client AS account, o.symbol, o.side, t.price::float8 AS price, t.qty::float8 AS qty
     FROM public.trades AS t JOIN public.orders AS o ON o.id = t.order_id`,
  );
  await client.query('COMMIT');
  return { name, orders: orders.rows, fills: trades.rows, positions: positionsFromFills(trades.rows) };
};

const lookEveryMs = 20;
