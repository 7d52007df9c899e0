import type { PlannedNode } from '../network-plan.ts';
import { lanAddress, type Placement, type ServerGround } from './placement.ts';
import { type LabServer, serverDirectory } from './server.ts';

const clientPort = 2379;
const peerPort = 2380;

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
  const withDatabase = new Set(
    topology.components.filter(({ kind }) => kind === 'postgres').flatMap((c) => c.instances.map(({ host }) => host)),
  );
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

/** etcd with a vote in each site that has one. The v2 API is on, because Debian's Patroni loses data over the other one. */
export function etcdServers(ground: ServerGround): readonly LabServer[] {
  const voters = etcdVoters(ground);
  const cluster = voters.map(({ name, peer }) => `${name}=http://${peer}`).join(',');
  return voters.map(({ name, node, client, peer }) => ({
    name: 'etcd',
    node,
    user: 'etcd',
    files: {},
    command: [
      'etcd',
      ...['--name', name, '--data-dir', `${serverDirectory('etcd')}/data`],
      ...['--listen-client-urls', `http://0.0.0.0:${clientPort}`, '--advertise-client-urls', `http://${client}`],
      ...['--listen-peer-urls', `http://0.0.0.0:${peerPort}`, '--initial-advertise-peer-urls', `http://${peer}`],
      ...['--initial-cluster', cluster, '--initial-cluster-token', 'lab', '--logger', 'zap'],
      ...['--pre-vote', '--enable-v2', '--strict-reconfig-check', '--auto-compaction-retention', '1h'],
    ],
    lacks: async (ask) => {
      const endpoint = `127.0.0.1:${clientPort}`;
      // Exits with 1 unless a proposal of its own was committed.
      const said = await ask(['env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', endpoint, 'endpoint', 'health']);
      return said === null ? 'it commits nothing: etcd has no quorum, or does not run' : null;
    },
  }));
}
