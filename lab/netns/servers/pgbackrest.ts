import type { Component } from '../../../src/core/topology/topology.ts';
import { dnsName } from '../../pki.ts';
import type { PlannedNode } from '../network-plan.ts';
import { patroniMembers } from './patroni-members.ts';
import { lanAddress, type Placement } from './placement.ts';
import { type LabServer, listens, serverDirectory } from './server.ts';

const port = 8432;
const name = 'pgbackrest';
export const backupConfigFile = `${serverDirectory(name)}/pgbackrest.conf`;

/** A certificate and its key, as PEM texts. */
export interface MachineIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A repository of backups and archived WAL. Its number is the same in every configuration. */
export interface BackupRepository {
  readonly number: number;
  readonly node: PlannedNode;
}

/** By which a machine's certificate is made and found. */
export const backupIdentityOf = ({ host }: PlannedNode): string => `backup/${host}`;

/** One in every site but the preferred one: what is lost with that is not its backups. */
export function backupRepositories({ topology, plan }: Placement): readonly BackupRepository[] {
  const databases = databasesOf(topology);
  const withDatabase = new Set(databases.flatMap(({ instances }) => instances.map(({ host }) => host)));
  if (databases.length === 0) return [];
  return topology.sites
    .toSorted((left, right) => left.preference - right.preference)
    .slice(1)
    .flatMap((site) => {
      const machines = plan.nodes.filter((node) => node.kind === 'host' && node.site === site.id);
      const node = machines.findLast(({ host }) => host !== null && !withDatabase.has(host)) ?? machines.at(-1);
      return node === undefined ? [] : [node];
    })
    .map((node, index) => ({ number: index + 1, node }));
}

/** Machines with a database or a repository: each runs pgBackRest's server and has a certificate. */
export function backupMachines(ground: Placement): readonly PlannedNode[] {
  const repositories = backupRepositories(ground);
  if (repositories.length === 0) return [];
  const databases = databasesOf(ground.topology).flatMap((component) => patroniMembers(ground, component));
  return [...new Set([...databases.map(({ node }) => node), ...repositories.map(({ node }) => node)])];
}

/** What PostgreSQL runs for each segment; null where there is no repository. */
export const archiveCommand = (ground: Placement, component: Component): string | null =>
  backupRepositories(ground).length === 0
    ? null
    : `pgbackrest --config=${backupConfigFile} --stanza=${component.id} archive-push %p`;

/** pgBackRest's server on every machine that it touches, over mutual TLS, without ssh. */
export function pgbackrestServers(
  ground: Placement,
  identityOf: (name: string) => MachineIdentity,
): readonly LabServer[] {
  const repositories = backupRepositories(ground);
  const stanzas = databasesOf(ground.topology).map(({ id }) => id);
  return backupMachines(ground).map((node): LabServer => {
    const { ca, cert, key } = identityOf(backupIdentityOf(node));
    const own = repositories.find((repository) => repository.node === node);
    const server = ['pgbackrest', `--config=${backupConfigFile}`, 'server'] as const;
    // A stanza is made by whoever has the repository, once a primary answers; one that is there stays as it is.
    const withStanzas = `"$@" & server=$!; for stanza in ${stanzas.join(' ')}; do
      until pgbackrest --config=${backupConfigFile} --stanza="$stanza" stanza-create; do kill -0 $server || exit 1; sleep 1; done; done; wait $server`;
    return {
      name,
      node,
      user: 'postgres',
      files: {
        'pgbackrest.conf': configuration(ground, node, own ?? null),
        'ca.pem': ca,
        'cert.pem': cert,
        'key.pem': key,
      },
      command: own === undefined ? server : ['sh', '-c', withStanzas, 'repository', ...server],
      lacks:
        own === undefined
          ? listens(port)
          : async (ask) => {
              const said = await ask(['pgbackrest', `--config=${backupConfigFile}`, '--output=json', 'info']);
              const ready = stanzas.every((stanza) => said?.includes(`"name":"${stanza}"`) === true);
              return ready && said?.includes('missing stanza') === false ? null : 'its repository has not every stanza';
            },
    };
  });
}

const databasesOf = ({ components }: Placement['topology']) => components.filter(({ kind }) => kind === 'postgres');

function configuration(ground: Placement, node: PlannedNode, own: BackupRepository | null): string {
  const directory = serverDirectory(name);
  const tls = (prefix: string) => [
    `${prefix}-ca-file=${directory}/ca.pem`,
    `${prefix}-cert-file=${directory}/cert.pem`,
    `${prefix}-key-file=${directory}/key.pem`,
  ];
  const far = (prefix: string, at: PlannedNode) => [
    `${prefix}-host=${dnsName(backupIdentityOf(at))}`,
    `${prefix}-host-type=tls`,
    `${prefix}-host-port=${port}`,
    `${prefix}-host-config=${backupConfigFile}`,
    ...tls(`${prefix}-host`),
  ];
  const machines = backupMachines(ground);
  const stanzas = databasesOf(ground.topology);
  const lines = [
    '[global]',
    'log-level-file=off',
    'log-level-console=warn',
    `lock-path=${directory}/lock`,
    `spool-path=${directory}/spool`,
    // A repository that cannot be reached holds up archiving to all of them: for this long.
    'io-timeout=5',
    'db-timeout=10',
    'protocol-timeout=20',
    'archive-timeout=20',
    'start-fast=y',
    'compress-type=lz4',
    'tls-server-address=0.0.0.0',
    `tls-server-port=${port}`,
    ...tls('tls-server'),
    ...machines.map(({ host }) => `tls-server-auth=${host}=${stanzas.map(({ id }) => id).join(',')}`),
    ...(own !== null
      ? [
          `repo${own.number}-path=${directory}/repository`,
          `repo${own.number}-retention-full=2`,
          // A thousand small files are a thousand syncs.
          `repo${own.number}-bundle=y`,
          'process-max=2',
          // Each file of a far one costs a round trip or more.
          ...(stanzas.some((component) => hasStandbyAt(ground, component, node)) ? ['backup-standby=y'] : []),
        ]
      : backupRepositories(ground).flatMap((each) => far(`repo${each.number}`, each.node))),
  ];
  for (const component of stanzas) {
    lines.push('', `[${component.id}]`);
    const members = patroniMembers(ground, component);
    const shown = own === null ? members.filter((member) => member.node === node) : members;
    for (const [index, member] of shown.entries()) {
      const prefix = `pg${index + 1}`;
      const data = serverDirectory(member.server);
      lines.push(
        `${prefix}-path=${data}/data`,
        `${prefix}-port=${member.postgresPort}`,
        `${prefix}-socket-path=${data}`,
      );
      if (member.node !== node) lines.push(...far(prefix, member.node));
    }
  }
  return `${lines.join('\n')}\n`;
}

const hasStandbyAt = (ground: Placement, component: Component, node: PlannedNode): boolean =>
  patroniMembers(ground, component).some((member) => member.node === node && !member.instance.eligible);

/** What every machine's own /etc/hosts says, so that a certificate's name leads to its machine. */
export const hostLines = (ground: Placement): readonly string[] =>
  backupMachines(ground).map(
    (node) => `${lanAddress(ground.plan, node)} ${node.host} ${dnsName(backupIdentityOf(node))}`,
  );
