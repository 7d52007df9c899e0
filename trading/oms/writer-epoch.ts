import type pg from 'pg';
import {
  acknowledgedHere,
  addressesOf,
  type DatabaseAddress,
  databaseClient,
  destroyDatabaseClient,
} from './database-client.ts';

/** Statements of the one row by which a table's writers of an older epoch are refused. */
export interface WriterEpochSql {
  readonly create: string;
  /**
   * Raises the epoch ($1, holder $2); returns the row as it is afterwards. Waits for a transaction of the older epoch that is under
   * way, so that none of them commits after this did.
   */
  readonly raise: string;
  /** Holds the row until the transaction ends, so that a raise and a write are ordered one after the other. */
  readonly lock: string;
}

/** `table` is a name in the program, never one from outside. */
export const writerEpochSql = (table: string): WriterEpochSql => ({
  create: `CREATE TABLE IF NOT EXISTS public.${table} (
     id smallint PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL, holder text NOT NULL)`,
  raise: `
  INSERT INTO public.${table} AS w (id, epoch, holder) VALUES (1, $1, $2)
  ON CONFLICT (id) DO UPDATE SET
    holder = CASE WHEN w.epoch < excluded.epoch THEN excluded.holder ELSE w.holder END,
    epoch = greatest(w.epoch, excluded.epoch)
  RETURNING w.epoch::float8 AS epoch`,
  lock: `SELECT epoch::float8 AS epoch FROM public.${table} WHERE id = 1 FOR SHARE`,
});

/** What a writer's connection is called in `pg_stat_activity`: its successors have to tell it from others and know its epoch. */
export const writerName = (name: string, epoch: number): string => `${name}/${epoch}`;

/**
 * Raises the writer epoch in the client's open transaction; returns the epoch that stands afterwards. The row may be held by a writer of an
 * older epoch whose commit waits for the synchronous peer, perhaps for ever. That one is ended: its rows are in this database already, and
 * nobody is told that they are safe. What is committed next comes later in the log, so whoever has that has them as well. A writer of this
 * epoch or a newer one is waited for.
 */
export const raiseWriterEpochIn = async (
  client: pg.Client,
  options: {
    readonly table: string;
    /** Of the writers of this table, without their epoch. */
    readonly name: string;
    readonly epoch: number;
    readonly holder: string;
    readonly deadlineMs: number;
  },
): Promise<number> => {
  const { table, name, epoch, holder, deadlineMs } = options;
  const deadline = performance.now() + deadlineMs;
  const { raise } = writerEpochSql(table);
  await client.query(`SET LOCAL lock_timeout = ${Math.min(waitForLockMs, deadlineMs)}`);
  await client.query('SAVEPOINT raise');
  for (;;) {
    await client.query(endWaitingWriters, [name, epoch]);
    try {
      const { rows } = await client.query<{ readonly epoch: number }>(raise, [epoch, holder]);
      return rows[0]!.epoch;
    } catch (error) {
      if ((error as { readonly code?: string }).code !== lockNotAvailable || performance.now() > deadline) throw error;
      await client.query('ROLLBACK TO SAVEPOINT raise');
    }
  }
};

/** Ends connections of writers older than an epoch that hold their locks because their commit waits for a synchronous peer. */
const endWaitingWriters = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND usename = current_user AND wait_event = 'SyncRep'
    AND split_part(application_name, '/', 1) = $1 AND split_part(application_name, '/', 2) ~ '^[0-9]{1,18}$'
    AND split_part(application_name, '/', 2)::bigint < $2`;

/** How long one look at the epoch's row waits before it looks again at who holds it. */
const waitForLockMs = 50;
const lockNotAvailable = '55P03';

export type RaiseOutcome = 'acknowledged' | 'unreachable' | 'not-a-receiver';

/**
 * Makes the database refuse writers of an older epoch without becoming one. `not-a-receiver`: it is a standby, or no writer was
 * ever there.
 */
export const raiseWriterEpochOnly = async (options: RaiseOptions): Promise<RaiseOutcome> => {
  const outcomes: RaiseOutcome[] = [];
  for (const database of addressesOf(options.database)) {
    const outcome = await raiseAt({ ...options, database });
    if (outcome === 'acknowledged') return outcome;
    outcomes.push(outcome);
  }
  return outcomes.includes('unreachable') ? 'unreachable' : 'not-a-receiver';
};

interface RaiseOptions {
  readonly table: string;
  /** Of the writers of this table, without their epoch. */
  readonly name: string;
  readonly database: DatabaseAddress;
  readonly epoch: number;
  readonly holder: string;
  /** At each address. */
  readonly deadlineMs: number;
}

const raiseAt = async (options: RaiseOptions): Promise<RaiseOutcome> => {
  const client = databaseClient(writerName(options.name, options.epoch), options.database, options.deadlineMs);
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ readonly receiver: boolean }>(
      'SELECT NOT pg_is_in_recovery() AND to_regclass($1) IS NOT NULL AS receiver',
      [`public.${options.table}`],
    );
    if (rows[0]?.receiver !== true) return 'not-a-receiver';
    await client.query('BEGIN');
    await client.query(acknowledgedHere);
    await raiseWriterEpochIn(client, options);
    await client.query('COMMIT');
    return 'acknowledged';
  } catch {
    return 'unreachable';
  } finally {
    destroyDatabaseClient(client);
  }
};
