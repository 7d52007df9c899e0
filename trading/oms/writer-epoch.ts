import { acknowledgedHere, type DatabaseAddress, databaseClient, destroyDatabaseClient } from './database-client.ts';

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

export type RaiseOutcome = 'acknowledged' | 'unreachable' | 'not-a-receiver';

/**
 * Makes the database refuse writers of an older epoch without becoming one. `not-a-receiver`: it is a standby, or no writer was
 * ever there.
 */
export const raiseWriterEpochOnly = async (options: {
  readonly table: string;
  /** Who connects, as the database shows it. */
  readonly name: string;
  readonly database: DatabaseAddress;
  readonly epoch: number;
  readonly holder: string;
  readonly deadlineMs: number;
}): Promise<RaiseOutcome> => {
  const client = databaseClient(options.name, options.database, options.deadlineMs);
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
    await client.query(writerEpochSql(options.table).raise, [options.epoch, options.holder]);
    await client.query('COMMIT');
    return 'acknowledged';
  } catch {
    return 'unreachable';
  } finally {
    destroyDatabaseClient(client);
  }
};
