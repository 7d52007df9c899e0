import pg from 'pg';

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Where it is as well, when somebody else says which of them is primary. */
  readonly others?: readonly { readonly host: string; readonly port: number }[];
}

export const addressesOf = ({ others = [], ...first }: DatabaseAddress): readonly DatabaseAddress[] => [
  first,
  ...others.map((other) => ({ ...first, ...other })),
];

/**
 * Does at each address in turn what only a primary lets be done, and ends with the first that does. Rejects with what was found at the first one,
 * or at once with what ends the search.
 */
export const atPrimary = async <Result>(
  database: DatabaseAddress,
  work: (at: DatabaseAddress) => Promise<Result>,
  endsSearch: (error: unknown) => boolean = () => false,
): Promise<Result> => {
  const found: unknown[] = [];
  for (const at of addressesOf(database)) {
    try {
      return await work(at);
    } catch (error) {
      if (endsSearch(error)) throw error;
      found.push(error);
    }
  }
  throw found[0];
};

/** A connection of a writer of the trading database, not opened yet: nothing of it waits longer than the deadline. */
export const databaseClient = (name: string, database: DatabaseAddress, deadlineMs: number): pg.Client =>
  new pg.Client({
    ...database,
    application_name: name,
    connectionTimeoutMillis: deadlineMs,
    query_timeout: deadlineMs,
    // What an earlier commit still holds, one that waits for a peer, is not waited for by a connection that nobody listens to.
    lock_timeout: deadlineMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
  });

/** First statement of a transaction that only takes a place and acknowledges nothing: it does not wait for the standby. */
export const acknowledgedHere = 'SET LOCAL synchronous_commit = local';

/** A writer that freezes inside a transaction must not keep its successor from raising the epoch for longer than this. */
const idleInTransactionMs = 400;

/** `end` alone waits for a goodbye that a silent server never says. */
export const destroyDatabaseClient = (client: pg.Client): void => {
  client.end().catch(() => {});
  (
    client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } }
  ).connection?.stream?.destroy();
};
