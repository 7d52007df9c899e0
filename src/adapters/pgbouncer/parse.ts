import type { DialAddress } from '../system/dial.ts';
import type { ConsoleRow } from './console.ts';

/** One database of a pooler: where it leads, and what is going on there. */
export interface PooledDatabase {
  readonly name: string;
  /** Null where it leads to a socket of the machine. */
  readonly target: DialAddress | null;
  /** Clients wait, and no connection to a server is used. */
  readonly paused: boolean;
  readonly disabled: boolean;
  /** Connections to servers, by where they lead: `HOST:PORT`. */
  readonly servers: Readonly<Record<string, number>>;
  /** Of them, those on which a client is at work. */
  readonly active: number;
  readonly clientsWaiting: number;
}

/** `SHOW VERSION`, e.g. `1.18.0`; null when it is not pgBouncer's. */
export const parseVersion = (rows: readonly ConsoleRow[]): string | null =>
  /PgBouncer (\d+(?:\.\d+)*)/.exec(rows[0]?.['version'] ?? '')?.[1] ?? null;

/** `SHOW DATABASES`, `SHOW SERVERS` and `SHOW POOLS`, without the console itself. Throws when it is not that. */
export function parseDatabases(
  databases: readonly ConsoleRow[],
  servers: readonly ConsoleRow[],
  pools: readonly ConsoleRow[],
): readonly PooledDatabase[] {
  return databases
    .filter((row) => text(row, 'name') !== 'pgbouncer')
    .map((row) => {
      const name = text(row, 'name');
      const ownServers = servers.filter((server) => text(server, 'database') === name);
      const ownPools = pools.filter((pool) => text(pool, 'database') === name);
      const host = row['host'] ?? null;
      return {
        name,
        target: host === null ? null : { host, port: count(row, 'port') },
        paused: count(row, 'paused') === 1,
        disabled: count(row, 'disabled') === 1,
        servers: counted(ownServers.map((server) => `${text(server, 'addr')}:${text(server, 'port')}`)),
        active: ownServers.filter((server) => text(server, 'state') === 'active').length,
        clientsWaiting: ownPools.reduce((sum, pool) => sum + count(pool, 'cl_waiting'), 0),
      };
    });
}

const counted = (keys: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries([...new Set(keys)].map((key) => [key, keys.filter((each) => each === key).length]));

function text(row: ConsoleRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`there is no column ${column}`);
  return value;
}

function count(row: ConsoleRow, column: string): number {
  const value = Number(text(row, column));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`"${column}" is no whole number`);
  return value;
}
