import { databaseNameBytes, longestDatabaseInstance } from '../../core/topology/database-name.ts';
import { PostgresProblem } from './postgres-problem.ts';

/**
 * The name under which a standby streams: who it is, and the epoch in which it was told to follow, which its driver had stored durably
 * by then. A primary waits for the names of its own reign and no others, so that a standby which has reconnected by itself, and
 * may yet obey somebody of an earlier epoch, confirms nothing (I9).
 */
export interface ReplicationName {
  readonly instance: string;
  /** Null for a session that is no standby of ours. */
  readonly epoch: number | null;
}

/** @throws PostgresProblem `name-too-long` (HF-6106), before anything is called by a name that PostgreSQL cuts */
export function replicationName(instance: string, epoch: number): string {
  refuseLongNames([instance]);
  return `${instance}@${epoch}`;
}

/** For the instances that a driver has to do with. @throws PostgresProblem `name-too-long` (HF-6106) */
export function refuseLongNames(instances: readonly string[]): void {
  const long = instances.find((instance) => Buffer.byteLength(instance) > longestDatabaseInstance);
  if (long === undefined) return;
  throw new PostgresProblem(
    'name-too-long',
    `HF-6106 a standby streams under its name and an epoch, of which PostgreSQL keeps ${databaseNameBytes} bytes: "${long}" has ${Buffer.byteLength(long)}, and would count nowhere. Give the instance a name of at most ${longestDatabaseInstance} characters in the topology file`,
  );
}

export function parseReplicationName(name: string): ReplicationName {
  const match = /^(.+)@(\d+)$/.exec(name);
  return match === null ? { instance: name, epoch: null } : { instance: match[1] ?? name, epoch: Number(match[2]) };
}

/** One for each instance, the one of the highest epoch: a connection that it has left may take a while to be seen to end. */
export function latestOfEach<Connection extends ReplicationName>(
  connections: readonly Connection[],
): ReadonlyMap<string, Connection> {
  const latest = new Map<string, Connection>();
  for (const connection of connections) {
    const known = latest.get(connection.instance);
    if (known === undefined || (connection.epoch ?? -1) >= (known.epoch ?? -1))
      latest.set(connection.instance, connection);
  }
  return latest;
}
