import pg from 'pg';
import { atPrimary, type DatabaseAddress } from './database-client.ts';

/** Runs work on a connection of its own that cannot write, and ends it whatever happens. Refuses a standby. */
export const withReadConnection = async <Result>(
  options: { readonly database: DatabaseAddress; readonly deadlineMs: number },
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> => {
  const client = await openReadConnection(options);
  try {
    return await work(client);
  } finally {
    client.end().catch(() => {});
  }
};

/** A connection that cannot write, to a database that is no standby. Rejects when there is none by the deadline. */
export const openReadConnection = ({
  database,
  deadlineMs,
}: {
  readonly database: DatabaseAddress;
  readonly deadlineMs: number;
}): Promise<pg.Client> => atPrimary(database, (at) => openAt(at, deadlineMs));

const openAt = async (database: DatabaseAddress, deadlineMs: number): Promise<pg.Client> => {
  const client = new pg.Client({
    ...database,
    application_name: 'holdfast-oms-queries',
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
    // One that is given up here is given up there, too.
    statement_timeout: deadlineMs,
    options: '-c default_transaction_read_only=on',
    keepAlive: true,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ readonly standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
    if (rows[0]?.standby !== false) throw new Error('the database is a standby');
    return client;
  } catch (error) {
    client.end().catch(() => {});
    throw error;
  }
};
