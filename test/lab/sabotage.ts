import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { labDatabase, labFirm } from '../../lab/agent-config.ts';
import type { Platform } from '../../lab/demo/platform.ts';
import { instanceEndpoint, venueEndpoint } from '../../lab/layout.ts';
import { eachLine } from '../../lab/lines.ts';
import type { InstanceId } from '../../src/core/base/ids.ts';
import { LedgerReader } from '../../trading/load/ledger-reader.ts';
import { commitLedgerName, orderLedgerName } from '../../trading/load/ledger-record.ts';
import { CommitLedgerView, OrderLedgerView } from '../../trading/load/ledger-view.ts';

const DEADLINE_MS = 10_000;

/** What a test does behind the lab's back, straight at the server and past every front. */
export interface Sabotage {
  /** What the checkers must name. */
  readonly item: string;
}

/** Removes one order from order management's tables that a client was told is accepted, and its trades with it. */
export async function deleteAcknowledgedOrder(platform: Platform): Promise<Sabotage> {
  const view = new OrderLedgerView();
  await new LedgerReader(ledger(platform, orderLedgerName)).read((record) => view.apply(record));
  const acknowledged = [...view.orders.values()].filter((order) => order.outcome === 'acked' && order.terms !== null);
  return withPrimary(platform, async (client) => {
    // One that nothing will happen to any more, so that nothing puts it right again.
    const { rows } = await client.query<{ readonly id: string }>(
      `SELECT id FROM public.orders WHERE id = ANY($1) AND state IN ('filled', 'cancelled') LIMIT 1`,
      [acknowledged.map(({ id }) => id)],
    );
    const item = some(rows[0]?.id, 'an acknowledged order that has ended');
    await client.query('DELETE FROM public.trades WHERE order_id = $1', [item]);
    const { rowCount } = await client.query('DELETE FROM public.orders WHERE id = $1', [item]);
    if (rowCount !== 1) throw new Error(`${item} could not be deleted`);
    return { item };
  });
}

/** Removes one row whose commit a client was told of. */
export async function deleteAcknowledgedCommit(platform: Platform): Promise<Sabotage> {
  const view = new CommitLedgerView();
  await new LedgerReader(ledger(platform, commitLedgerName)).read((record) => view.apply(record));
  const acknowledged = [...view.commits.values()].filter(({ outcome }) => outcome === 'acked');
  const item = some(acknowledged[Math.floor(acknowledged.length / 2)]?.row.id, 'an acknowledged commit');
  return withPrimary(platform, async (client) => {
    const { rowCount } = await client.query('DELETE FROM public.canary WHERE id = $1', [item]);
    if (rowCount !== 1) throw new Error(`${item} could not be deleted`);
    return { item };
  });
}

/** The exchange is told to look away once, and then an order comes from a session of an epoch that is over. */
export async function letStaleWriteThrough(platform: Platform): Promise<Sabotage> {
  const { record } = await platform.group();
  const venue = some(platform.topology.venues[0], 'an exchange');
  const token = readFileSync(platform.context.secrets.venueToken(venue.id), 'utf8').trim();
  const at = platform.context.book.realAddress(venueEndpoint(venue.id, 'session'));
  const item = `stale-${Date.now()}`;
  const session = await LineSession.open(at);
  try {
    session.send({ t: 'admin', token, 'let-stale-through': 1 });
    await session.heard((line) => line['t'] === 'admin-ok');
    session.send({ t: 'logon', firm: labFirm, session: 'left-over', epoch: Math.max(0, (record?.epoch ?? 1) - 1) });
    await session.heard((line) => line['t'] === 'logon-ok');
    session.send({ t: 'new', id: item, symbol: 'ALPHA', side: 'B', price: 100, qty: 1 });
    session.send({ t: 'status', ids: [item] });
    await session.heard(
      (line) =>
        line['t'] === 'status' && JSON.stringify(line).includes(item) && !JSON.stringify(line).includes('unknown'),
    );
  } finally {
    session.close();
  }
  return { item };
}

const ledger = ({ context }: Platform, name: string): string => join(context.directory.evidence, 'ledger', name);

/** At the server itself. */
async function withPrimary<Value>(platform: Platform, use: (client: pg.Client) => Promise<Value>): Promise<Value> {
  const { record } = await platform.group();
  const database = some(
    platform.topology.components.find((component) => component.kind === 'postgres'),
    'a database',
  );
  const holder = some(record?.grants[database.id]?.holder ?? undefined, 'a primary database');
  const client = new pg.Client(databaseAddress(platform, holder));
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** How a client of the firm's reaches one database server directly. */
export function databaseAddress({ context }: Platform, instance: InstanceId): pg.ClientConfig {
  return {
    ...context.book.realAddress(instanceEndpoint(instance, 'sql')),
    user: 'persister',
    password: readFileSync(context.secrets.databasePassword('persister'), 'utf8').trim(),
    database: labDatabase,
    connectionTimeoutMillis: DEADLINE_MS,
    query_timeout: DEADLINE_MS,
  };
}

class LineSession {
  readonly #socket: ReturnType<typeof connect>;
  readonly #lines: Record<string, unknown>[] = [];
  #look: () => void = () => {};

  private constructor(socket: ReturnType<typeof connect>) {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
    eachLine(socket, (line) => {
      this.#lines.push(JSON.parse(line) as Record<string, unknown>);
      this.#look();
    });
  }

  static open(at: { readonly host: string; readonly port: number }): Promise<LineSession> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...at, noDelay: true });
      socket.once('connect', () => resolve(new LineSession(socket)));
      socket.once('error', reject);
    });
  }

  send(message: object): void {
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  heard(fits: (line: Record<string, unknown>) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the exchange said only ${JSON.stringify(this.#lines.slice(-3))}`)),
        DEADLINE_MS,
      );
      this.#look = () => {
        if (!this.#lines.some(fits)) return;
        clearTimeout(timer);
        resolve();
      };
      this.#look();
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}

function some<Value>(value: Value | undefined, what: string): Value {
  if (value === undefined) throw new Error(`there is no ${what} to spoil`);
  return value;
}
