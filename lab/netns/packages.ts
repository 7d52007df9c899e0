import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { KernelFacts } from './kernel-facts.ts';
import type { ServerChoice } from './servers/plan-servers.ts';

/** A Debian package and a program by which it is known to be there. */
interface NeededPackage {
  readonly name: string;
  readonly program: string;
  /** Absent: for every lab. */
  readonly when?: (asked: AskedLab) => boolean;
}

/** As far as it decides what has to be installed. */
export interface AskedLab {
  readonly servers: ServerChoice;
  /** Null: not known yet. Only what finds them out is needed then, and what does not depend on them. */
  readonly facts: KernelFacts | null;
  /** Its agents lead a database under Patroni. */
  readonly patroni?: boolean;
}

const withLedServers = ({ servers }: AskedLab): boolean => servers === 'all' || servers === 'led';
const withRedis = ({ servers }: AskedLab): boolean => servers !== 'authority';
const withDatabases = ({ servers, patroni }: AskedLab): boolean =>
  servers === 'all' || servers === 'delegates' || (servers === 'led' && patroni === true);
const withAllServers = ({ servers }: AskedLab): boolean => servers === 'all';
const delayedByQueue = ({ facts }: AskedLab): boolean => facts?.delayBy === 'queue';

const packages: readonly NeededPackage[] = [
  { name: 'iproute2', program: 'ip' },
  { name: 'nftables', program: 'nft' },
  { name: 'iputils-ping', program: 'ping' },
  { name: 'frr', program: '/usr/lib/frr/bgpd' },
  { name: 'keepalived', program: 'keepalived' },
  { name: 'python3', program: 'python3' },
  { name: 'wireguard-tools', program: 'wg' },
  { name: 'etcd-server', program: 'etcd' },
  { name: 'etcd-client', program: 'etcdctl' },
  { name: 'iptables', program: 'iptables-restore', when: delayedByQueue },
  { name: 'wireguard-go', program: 'wireguard-go', when: ({ facts }) => facts?.wireguard === 'user' },
  { name: 'haproxy', program: 'haproxy', when: withLedServers },
  { name: 'postgresql', program: '/usr/lib/postgresql/*/bin/postgres', when: withDatabases },
  { name: 'patroni', program: 'patroni', when: withDatabases },
  { name: 'pgbackrest', program: 'pgbackrest', when: withAllServers },
  { name: 'redis-server', program: 'redis-server', when: withRedis },
  { name: 'pgbouncer', program: 'pgbouncer', when: withLedServers },
  { name: 'bind9', program: 'named', when: withLedServers },
  { name: 'bind9-dnsutils', program: 'nsupdate', when: withLedServers },
  { name: 'prometheus', program: 'prometheus', when: withAllServers },
  { name: 'prometheus-alertmanager', program: 'prometheus-alertmanager', when: withAllServers },
  { name: 'prometheus-node-exporter', program: 'prometheus-node-exporter', when: withAllServers },
];

/** Debian packages that such a lab needs and that are not here. */
export const missingPackages = (
  asked: AskedLab,
  isThere: (program: string) => boolean = isInstalled,
): readonly string[] =>
  packages.filter(({ program, when }) => when?.(asked) !== false && !isThere(program)).map(({ name }) => name);

/** Whether a program is on the path, or among what only root runs. An absolute one may be a pattern. */
export function isInstalled(program: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const paths = program.startsWith('/') ? globSync(program) : directories.map((directory) => join(directory, program));
  return paths.some((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
