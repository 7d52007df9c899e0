import { join } from 'node:path';
import { createToken } from './pki.ts';

/** Tokens and passwords of a lab: each a line of text in a file of its own, 0600. */
export interface LabSecrets {
  /** Token that an instance's control connection must show (component contract). */
  readonly instanceToken: (instance: string) => string;
  readonly wardenToken: (host: string) => string;
  readonly authorityToken: string;
  /** What engines show each other. */
  readonly replicationToken: string;
  readonly venueToken: (venue: string) => string;
  readonly loadToken: string;
  /** What a risk engine shows to an engine before it is obeyed, and people to a risk engine before it is. */
  readonly riskToken: string;
  readonly databasePassword: (user: DatabaseUser) => string;
}

/** `holdfast` administers, `replicator` streams, `persister` writes trades, `auditor` reads and compares. */
export type DatabaseUser = 'holdfast' | 'replicator' | 'persister' | 'auditor';
export const databaseUsers: readonly DatabaseUser[] = ['holdfast', 'replicator', 'persister', 'auditor'];

/** Where each secret lies; nothing need exist. */
export function secretsOf(directory: string): LabSecrets {
  const file = (name: string) => join(directory, name);
  return {
    instanceToken: (instance) => file(`instance-${instance}.token`),
    wardenToken: (host) => file(`warden-${host}.token`),
    authorityToken: file('authority.token'),
    replicationToken: file('replication.token'),
    venueToken: (venue) => file(`venue-${venue}.token`),
    loadToken: file('load.token'),
    riskToken: file('risk.token'),
    databasePassword: (user) => file(`database-${user}.password`),
  };
}

export function createSecrets(
  directory: string,
  names: {
    readonly instances: readonly string[];
    readonly hosts: readonly string[];
    readonly venues: readonly string[];
  },
): LabSecrets {
  const secrets = secretsOf(directory);
  for (const instance of names.instances) createToken(secrets.instanceToken(instance));
  for (const host of names.hosts) createToken(secrets.wardenToken(host));
  for (const venue of names.venues) createToken(secrets.venueToken(venue));
  for (const user of databaseUsers) createToken(secrets.databasePassword(user));
  createToken(secrets.authorityToken);
  createToken(secrets.replicationToken);
  createToken(secrets.loadToken);
  createToken(secrets.riskToken);
  return secrets;
}
