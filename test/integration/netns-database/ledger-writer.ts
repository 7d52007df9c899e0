import { createInterface } from 'node:readline';
import { Client } from 'pg';

/** What an independent client of the database kept: every write that it tried, in order, and what became of it. */
export interface WriterReport {
  readonly sent: number;
  readonly acknowledged: readonly number[];
  /** Sent and not answered: they may be there. */
  readonly unknown: readonly number[];
  /** Longest time between two acknowledgements. */
  readonly longestGapMs: number;
}

/** One line of its input: where it writes, and as whom. The end of its input ends it, with its report. */
export interface WriterWish {
  readonly places: readonly { readonly host: string; readonly port: number }[];
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly first: number;
}

const connectWithinMs = 400;
const writeWithinMs = 1_000;
const everyMs = 10;
const retryAfterMs = 100;

async function connect(wish: WriterWish, place: WriterWish['places'][number]): Promise<Client | null> {
  const { user, password, database } = wish;
  const client = new Client({
    ...place,
    user,
    password,
    database,
    connectionTimeoutMillis: connectWithinMs,
    query_timeout: writeWithinMs,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
    if (rows[0]?.standby === false) return client;
  } catch {
    // Not there, or not yet.
  }
  void client.end().catch(() => {});
  return null;
}

async function write(wish: WriterWish, isOver: () => boolean): Promise<WriterReport> {
  const acknowledged: number[] = [];
  const unknown: number[] = [];
  let client: Client | null = null;
  let id = wish.first;
  let lastAt: number | null = null;
  let longestGapMs = 0;
  while (!isOver()) {
    if (client === null) {
      const found: readonly (Client | null)[] = await Promise.all(wish.places.map((place) => connect(wish, place)));
      client = found.find((each) => each !== null) ?? null;
      for (const other of found) if (other !== null && other !== client) void other.end().catch(() => {});
      if (client === null) await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    id += 1;
    try {
      await client.query('insert into ledger (id) values ($1)', [id]);
      const now = performance.now();
      if (lastAt !== null) longestGapMs = Math.max(longestGapMs, now - lastAt);
      lastAt = now;
      acknowledged.push(id);
      if (acknowledged.length === 1) process.stdout.write('ready\n');
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    } catch {
      unknown.push(id);
      void client.end().catch(() => {});
      client = null;
      // What it left behind may still wait there for a standby, with a connection of its own.
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
    }
  }
  // What still stands still when it is over belongs to the gap.
  if (lastAt !== null) longestGapMs = Math.max(longestGapMs, performance.now() - lastAt);
  return { sent: id - wish.first, acknowledged, unknown, longestGapMs: Math.round(longestGapMs) };
}

let over = false;
createInterface({ input: process.stdin })
  .once('line', (line) => {
    void write(JSON.parse(line) as WriterWish, () => over).then((report) => {
      process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
    });
  })
  .on('close', () => {
    over = true;
  });
process.stdout.write('listening\n');
