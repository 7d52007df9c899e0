import type { PlannedNode } from '../network-plan.ts';
import { pgbouncerNodes, pgbouncerPort } from './pgbouncer.ts';
import { edgeNodes, lanAddress, ledNodes, type Placement, type ServerGround, tradingSites } from './placement.ts';
import { redisNodes, redisPort } from './redis.ts';
import { type LabServer, listens, serverDirectory } from './server.ts';

/** A port of every proxy, and who may stand behind it. */
export interface ProxiedService {
  readonly name: string;
  readonly port: number;
  readonly servers: readonly { readonly name: string; readonly address: string; readonly port: number }[];
}

const proxiesPerSite = 2;
export const haproxyName = 'haproxy';
export const haproxySocket = `${serverDirectory(haproxyName)}/admin.sock`;

/** Where a front takes orders on its machine where no platform runs, and where clients find it at a proxy. */
export const frontPort = 7100;
export const ordersPort = 7001;
export const databasePort = 7003;
/** What a pooler is called in the proxies' backend of databases. */
export const poolerServer = ({ host }: Pick<PlannedNode, 'host'>): string => `pgbouncer-${host}`;

/** Two proxies in every site that may be active, each of which knows the servers of all sites and is closed. */
export function haproxyServers(ground: ServerGround): readonly LabServer[] {
  const services = proxiedServices(ground);
  return proxyNodes(ground).map((node) => ({
    name: haproxyName,
    node,
    user: 'haproxy',
    comesFirst: true as const,
    files: { 'haproxy.cfg': haproxyFile(services) },
    command: ['haproxy', '-db', '-f', 'haproxy.cfg'],
    lacks: listens(services[0]?.port ?? ordersPort),
  }));
}

export const proxyNodes = (ground: Placement): readonly PlannedNode[] =>
  ledNodes(ground, 'haproxy') ??
  tradingSites(ground.topology).flatMap((site) => edgeNodes(ground, site).slice(0, proxiesPerSite));

export function proxiedServices(ground: ServerGround): readonly ProxiedService[] {
  const { topology, plan } = ground;
  const fronts = topology.components.filter(({ kind }) => kind === 'front').flatMap(({ instances }) => instances);
  const orders = fronts.map(({ id, host }) => {
    const node = plan.nodes.find((each) => each.host === host)!;
    const at = ground.platform?.orders(id) ?? { host: lanAddress(plan, node), port: frontPort };
    return { name: id, address: at.host, port: at.port };
  });
  const at = (node: PlannedNode, name: string, port: number) => ({ name, address: lanAddress(plan, node), port });
  return [
    { name: 'orders', port: ordersPort, servers: orders },
    { name: 'redis', port: 7002, servers: redisNodes(ground).map((node) => at(node, `redis-${node.host}`, redisPort)) },
    {
      name: 'database',
      port: databasePort,
      servers: pgbouncerNodes(ground).map((node) => at(node, poolerServer(node), pgbouncerPort)),
    },
  ];
}

/** Every server is in maintenance from the start, and no state is kept: a proxy that restarts leads nowhere. */
export function haproxyFile(services: readonly ProxiedService[]): string {
  return [
    'global',
    '  log stdout format raw local0 notice',
    `  stats socket ${haproxySocket} mode 600 level admin`,
    '  stats timeout 10s',
    '  hard-stop-after 1s',
    '  maxconn 2000',
    'defaults',
    '  mode tcp',
    '  log global',
    '  timeout connect 1s',
    '  timeout client 1h',
    '  timeout server 1h',
    // A half-closed session is not cut when it is told to: it ends by this, where its server would keep it.
    '  timeout client-fin 1s',
    '  timeout server-fin 1s',
    '  default-server check inter 500ms fastinter 100ms fall 2 rise 1 on-marked-down shutdown-sessions disabled',
    ...services.flatMap(({ name, port, servers }) => [
      `frontend ${name}`,
      `  bind :${port}`,
      `  default_backend ${name}`,
      `backend ${name}`,
      ...servers.map((server) => `  server ${server.name} ${server.address}:${server.port}`),
    ]),
    '',
  ].join('\n');
}
