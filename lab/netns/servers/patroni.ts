import { globSync } from 'node:fs';
import type { Component } from '../../../src/core/topology/topology.ts';
import { etcdVoters, pemFiles } from './etcd.ts';
import {
  askedBefore,
  delegatedTiming,
  foundedFor,
  gateBefore,
  restCertificates,
  startedOnHost,
  votersNear,
} from './led-patroni.ts';
import { PatroniFounding } from './patroni-founding.ts';
import {
  type PatroniMember,
  patroniIdentityOf,
  patroniMembers,
  patroniSecret,
  restUser,
  scopeOf,
} from './patroni-members.ts';
import { archiveCommand, type MachineIdentity } from './pgbackrest.ts';
import { isDelegated, type PlatformBehind, type ServerGround } from './placement.ts';
import { type AskMachine, type LabServer, serverDirectory } from './server.ts';

/** What people and drivers say to Patroni and PostgreSQL. Each member's configuration file has them, which is its owner's alone. */
export interface PatroniSecrets {
  readonly superuser: string;
  readonly replication: string;
  readonly rewind: string;
  readonly application: string;
  readonly rest: string;
}

/** Of one cluster of a lab. */
export function patroniSecrets(
  { secret }: Pick<ServerGround, 'secret'>,
  component: Pick<Component, 'id'>,
): PatroniSecrets {
  const of = (user: keyof PatroniSecrets) => secret(patroniSecret(component, user));
  return {
    superuser: of('superuser'),
    replication: of('replication'),
    rewind: of('rewind'),
    application: of('application'),
    rest: of('rest'),
  };
}

export const configFile = 'patroni.json';
/** A shorter lock is lost by a primary that has to wait for a processor. */
const timing = { ttl: 10, loop_wait: 1, retry_timeout: 4 } as const;

/** Every component of that kind as one Patroni cluster: synchronous where the topology says so, an archive as a cascade. */
export function patroniServers(
  ground: ServerGround,
  identityOf: (name: string) => MachineIdentity,
  wanted: 'postgres' | 'patroni',
): readonly LabServer[] {
  const databases = ground.topology.components.filter(({ kind }) => kind === wanted);
  if (databases.length === 0) return [];
  const binaries = postgresBinaries();
  return databases.flatMap((component) => {
    const members = patroniMembers(ground, component);
    const voters = etcdVoters(ground).map(({ client }) => client);
    const secrets = patroniSecrets(ground, component);
    const founder = preferred(ground, members);
    return members.map((member): LabServer => {
      const archive = isDelegated(component) ? null : archiveCommand(ground, component);
      const platform = (isDelegated(component) ? ground.platform : undefined) ?? null;
      const founding =
        member === founder
          ? new PatroniFounding({ server: member.server, stores: voters, scope: scopeOf(component) })
          : null;
      const started = startedOnHost(member, configFile, platform === null ? null : 'agent');
      const stores = isDelegated(component) ? votersNear(ground, member.node.site) : voters;
      const wish = { component, member, stores, secrets, binaries, archive, platform, founds: member === founder };
      return {
        name: member.server,
        node: member.node,
        user: 'postgres',
        files: {
          [configFile]: `${JSON.stringify(patroniConfig(wish), null, 1)}\n`,
          ...pemFiles(identityOf(patroniIdentityOf(member.node))),
          ...(platform === null ? {} : foundedFor(platform, member.server).files),
          ...started.files,
          ...(platform === null ? {} : gateBefore(member, component, members)),
          ...(platform === null ? {} : askedBefore(component, member.server).files),
        },
        command: started.command,
        lacks: (ask) => memberLacks(ask, member, founding),
      };
    });
  });
}

interface ConfigWish {
  readonly component: Component;
  readonly member: PatroniMember;
  readonly stores: readonly string[];
  readonly secrets: PatroniSecrets;
  readonly binaries: string | null;
  /** What keeps each segment of WAL; null = nobody does. */
  readonly archive: string | null;
  /** Whose data it is to keep; null = nobody's. */
  readonly platform: PlatformBehind | null;
  /** Makes the cluster when there is none; everybody else waits for it. */
  readonly founds: boolean;
}

function patroniConfig(wish: ConfigWish): object {
  const { component, member, stores, secrets, binaries, founds } = wish;
  const { address, instance, postgresPort, restPort, server } = member;
  const directory = serverDirectory(server);
  return {
    scope: scopeOf(component),
    name: member.name,
    restapi: {
      listen: `0.0.0.0:${restPort}`,
      connect_address: `${address}:${restPort}`,
      authentication: { username: restUser, password: secrets.rest },
      ...(isDelegated(component) ? restCertificates(directory) : {}),
    },
    etcd: {
      hosts: stores,
      // In this order: chosen at random, it may be that of a site that is cut off, and costs its time.
      ...(isDelegated(component) ? { use_proxies: true } : {}),
      protocol: 'https',
      cacert: `${directory}/ca.pem`,
      cert: `${directory}/cert.pem`,
      key: `${directory}/key.pem`,
    },
    ...(founds ? { bootstrap: bootstrap(wish) } : {}),
    postgresql: {
      listen: `0.0.0.0:${postgresPort}`,
      connect_address: `${address}:${postgresPort}`,
      data_dir: `${directory}/data`,
      ...(binaries === null ? {} : { bin_dir: binaries }),
      pgpass: `${directory}/pgpass`,
      authentication: {
        superuser: { username: 'postgres', password: secrets.superuser },
        replication: { username: 'replicator', password: secrets.replication },
        rewind: { username: 'rewinder', password: secrets.rewind },
      },
      basebackup: [{ checkpoint: 'fast' }],
      parameters: { unix_socket_directories: directory },
      pg_hba: [
        // The socket lies in a directory that is the server's own.
        'local all all trust',
        // A member that listens there rejoins through it: without this line it never comes back.
        ...['127.0.0.1/32', '10.0.0.0/8'].flatMap((network) => [
          `host replication replicator ${network} scram-sha-256`,
          `host all all ${network} scram-sha-256`,
        ]),
        'host all all 192.0.2.0/24 scram-sha-256',
      ],
    },
    tags: {
      nofailover: !instance.eligible,
      nosync: !instance.eligible || instance.replication !== 'sync',
      ...(instance.upstream === null ? {} : { replicatefrom: instance.upstream }),
    },
  };
}

function bootstrap({ component, member, secrets, archive, platform }: ConfigWish): object {
  const founded = platform === null ? null : foundedFor(platform, member.server);
  const { durability } = component;
  return {
    dcs: {
      ...(isDelegated(component) ? delegatedTiming : timing),
      maximum_lag_on_failover: 1_048_576,
      primary_start_timeout: 10,
      check_timeline: true,
      synchronous_mode: durability !== null,
      synchronous_mode_strict: durability !== null,
      postgresql: {
        use_pg_rewind: true,
        use_slots: true,
        ...(platform === null ? {} : askedBefore(component, member.server).postgresql),
        parameters: {
          synchronous_commit: durability === null ? 'on' : 'remote_apply',
          wal_level: 'replica',
          wal_log_hints: 'on',
          hot_standby: 'on',
          max_connections: 60,
          max_wal_senders: 10,
          max_replication_slots: 10,
          wal_keep_size: '256MB',
          shared_buffers: '32MB',
          // Its default of 5 s would be most of a failover.
          wal_retrieve_retry_interval: '500ms',
          wal_sender_timeout: '5s',
          wal_receiver_timeout: '5s',
          checkpoint_completion_target: 0.5,
          ...(archive === null ? {} : { archive_mode: 'on', archive_command: archive, archive_timeout: '60s' }),
        },
      },
    },
    initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
    users: { application: { password: secrets.application, options: ['createdb'] }, ...founded?.users },
    ...founded?.bootstrap,
  };
}

/** The first by the site's preference that may be primary. */
function preferred({ topology }: ServerGround, members: readonly PatroniMember[]): PatroniMember | undefined {
  const preference = ({ node }: PatroniMember) =>
    topology.sites.find(({ id }) => id === node.site)?.preference ?? Number.POSITIVE_INFINITY;
  return members
    .filter(({ instance }) => instance.eligible)
    .toSorted((left, right) => preference(left) - preference(right))[0];
}

/** A primary needs its synchronous standby, and everybody else a stream. Whoever founds the cluster may have lost its own claim to it. */
async function memberLacks(
  ask: AskMachine,
  { server, postgresPort }: PatroniMember,
  founding: PatroniFounding | null,
): Promise<string | null> {
  const query = `select case when pg_is_in_recovery()
    then (select count(*) from pg_stat_wal_receiver where status = 'streaming')
    else (select count(*) from pg_stat_replication where sync_state in ('sync', 'quorum'))
      + (select count(*) from pg_settings where name = 'synchronous_standby_names' and setting = '') end > 0`;
  const socket = ['-h', serverDirectory(server), '-p', String(postgresPort), '-U', 'postgres'];
  const said = await ask(['psql', '-XAtq', ...socket, '-d', 'postgres', '-c', query]);
  if (said === null) return (await founding?.look(ask)) ?? 'PostgreSQL does not answer';
  return said.trim() === 't' ? null : 'as a primary it has no synchronous standby, or as a standby no stream';
}

/** Of the newest PostgreSQL that Debian has installed; null: Patroni looks for it on the path. */
function postgresBinaries(): string | null {
  const found = globSync('/usr/lib/postgresql/*/bin/postgres').toSorted(
    (left, right) => Number(left.split('/')[4]) - Number(right.split('/')[4]),
  );
  return found.at(-1)?.replace(/\/postgres$/, '') ?? null;
}
