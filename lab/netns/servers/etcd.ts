import type { PlannedNode } from '../network-plan.ts';
import type { MachineIdentity } from './pgbackrest.ts';
import { lanAddress, type Placement, patroniClusters, type ServerGround } from './placement.ts';
import { type LabServer, serverDirectory } from './server.ts';

const clientPort = 2379;
const peerPort = 2380;

/** By which a voter's certificate is made and found. */
export const etcdIdentityOf = ({ name }: Pick<EtcdVoter, 'name'>): string => `etcd/${name}`;

/** One voter of etcd. */
export interface EtcdVoter {
  readonly name: string;
  readonly node: PlannedNode;
  /** `host:port` for clients. */
  readonly client: string;
  readonly peer: string;
}

/**
 * One in every site that votes, on a machine without a database where there is one: its loss of power then takes a database or a vote,
 * and not both.
 */
export function etcdVoters({ topology, plan }: Placement): readonly EtcdVoter[] {
  const withDatabase = new Set(patroniClusters(topology).flatMap(({ instances }) => instances.map(({ host }) => host)));
  return topology.sites
    .filter(({ voter }) => voter)
    .flatMap((site) => {
      const machines = plan.nodes.filter((node) => node.kind === 'host' && node.site === site.id);
      const node = machines.findLast(({ host }) => host !== null && !withDatabase.has(host)) ?? machines.at(-1);
      if (node === undefined) return [];
      const address = lanAddress(plan, node);
      return [{ name: site.id, node, client: `${address}:${clientPort}`, peer: `${address}:${peerPort}` }];
    });
}

/** A certificate as files of a server. */
export const pemFiles = ({ ca, cert, key }: MachineIdentity): Readonly<Record<string, string>> => ({
  'ca.pem': ca,
  'cert.pem': cert,
  'key.pem': key,
});

/** A question to the voter on whose machine it is asked, with the voter's own certificate. */
export const etcdctl = (...words: readonly string[]): readonly string[] => [
  ...['env', 'ETCDCTL_API=3', 'etcdctl', `--endpoints=https://127.0.0.1:${clientPort}`],
  ...[`--cacert=${pem('ca')}`, `--cert=${pem('cert')}`, `--key=${pem('key')}`, ...words],
];

/** The same over the API that Patroni uses, whose keys the other one does not show. */
export const etcdctlV2 = (...words: readonly string[]): readonly string[] => [
  ...['env', 'ETCDCTL_API=2', 'etcdctl', '--no-sync', `--endpoints=https://127.0.0.1:${clientPort}`],
  ...[`--ca-file=${pem('ca')}`, `--cert-file=${pem('cert')}`, `--key-file=${pem('key')}`, ...words],
];

const pem = (name: string): string => `${serverDirectory('etcd')}/${name}.pem`;

/**
 * etcd with a vote in each site that has one, for Holdfast and for Patroni. Clients and voters show certificates of the lab to each other; who
 * has none is not heard. The v2 API is on, because Debian's Patroni loses data over the other one.
 */
export function etcdServers(ground: ServerGround, identityOf: (name: string) => MachineIdentity): readonly LabServer[] {
  const voters = etcdVoters(ground);
  const cluster = voters.map(({ name, peer }) => `${name}=https://${peer}`).join(',');
  const tls = (prefix: string) => [
    ...[`--${prefix}trusted-ca-file`, pem('ca'), `--${prefix}cert-file`, pem('cert')],
    ...[`--${prefix}key-file`, pem('key'), `--${prefix}client-cert-auth`],
  ];
  return voters.map(({ name, node, client, peer }) => ({
    name: 'etcd',
    node,
    user: 'etcd',
    comesFirst: true as const,
    files: pemFiles(identityOf(etcdIdentityOf({ name }))),
    command: [
      'etcd',
      ...['--name', name, '--data-dir', `${serverDirectory('etcd')}/data`],
      ...['--listen-client-urls', `https://0.0.0.0:${clientPort}`, '--advertise-client-urls', `https://${client}`],
      ...['--listen-peer-urls', `https://0.0.0.0:${peerPort}`, '--initial-advertise-peer-urls', `https://${peer}`],
      ...tls(''),
      ...tls('peer-'),
      ...['--initial-cluster', cluster, '--initial-cluster-token', 'lab', '--logger', 'zap'],
      ...['--pre-vote', '--enable-v2', '--strict-reconfig-check', '--auto-compaction-retention', '1h'],
    ],
    lacks: async (ask) => {
      // Exits with 1 unless a proposal of its own was committed.
      const said = await ask(etcdctl('endpoint', 'health'));
      return said === null ? 'it commits nothing: etcd has no quorum, or does not run' : null;
    },
  }));
}
