import { createHash } from 'node:crypto';
import type { Site } from '../../../src/core/topology/topology.ts';
import type { PlannedNode } from '../network-plan.ts';
import { dataNodes, lanAddress, ledNodes, type Placement, type ServerGround, tradingSites } from './placement.ts';
import { type LabServer, listens, serverDirectory } from './server.ts';

export const redisName = 'redis';
export const sentinelName = 'sentinel';
export const redisPort = 6379;
export const sentinelPort = 26_379;
/** What the sentinels call the set. */
export const redisSet = 'cache';

/** As whom sentinels log in at the servers. */
export const sentinelUser = 'sentinel';

/** Sentinels that must agree that the primary is silent. */
const sentinelQuorum = 2;
const silentAfterMs = 1_000;

/** Names of secrets: what drivers, replicas, sentinels and writers log in with. */
export const redisSecrets = {
  driver: 'redis-driver',
  replica: 'redis-replica',
  sentinel: 'redis-sentinel',
  writer: 'redis-writer',
};

/** One server in each site that may be active or keeps copies, the first as primary; never one that keeps copies. */
export function redisServers(ground: ServerGround): readonly LabServer[] {
  const nodes = redisNodes(ground);
  const [first] = nodes;
  // Where nobody would let sentinels in they are.
  const isLed = (node: PlannedNode) => ledNodes(ground, 'redis') !== null && mayLead(ground, node);
  return nodes.map((node) => ({
    name: redisName,
    node,
    user: 'redis',
    comesFirst: true as const,
    files: {
      'redis.conf': redisFile(ground, node, first!),
      'users.acl': aclFile(ground.secret, isLed(node) ? 'barred' : 'let in'),
    },
    // Over the file, which is rewritten with what it has when sentinels reconfigure it.
    command: ['redis-server', 'redis.conf', ...(isLed(node) ? ['--replica-priority', '0'] : [])],
    lacks: listens(redisPort),
  }));
}

export function redisNodes(ground: Placement): readonly PlannedNode[] {
  const { topology } = ground;
  const trading = tradingSites(topology);
  const archives = topology.sites.filter((site) => site.capabilities.includes('archive') && !trading.includes(site));
  const oneAt = (site: Site) => dataNodes(ground, site).slice(0, 1);
  return [...(ledNodes(ground, 'redis') ?? trading.flatMap(oneAt)), ...archives.flatMap(oneAt)];
}

/** One sentinel in each site that votes. */
export const sentinelNodes = (ground: Placement): readonly PlannedNode[] =>
  ground.topology.sites.filter(({ voter }) => voter).flatMap((site) => dataNodes(ground, site).slice(0, 1));

export function sentinelServers(ground: ServerGround): readonly LabServer[] {
  const nodes = sentinelNodes(ground);
  const [primary] = redisNodes(ground);
  if (primary === undefined) return [];
  return nodes.map((node) => ({
    name: sentinelName,
    node,
    user: 'redis',
    comesFirst: true as const,
    files: { 'sentinel.conf': sentinelFile(ground, node, primary) },
    command: ['redis-server', 'sentinel.conf', '--sentinel'],
    lacks: listens(sentinelPort),
  }));
}

/** A title would be written over the environment, by which the lab knows its processes. */
const keepsEnvironment = ['set-proc-title no'];

const mayLead = ({ topology }: Placement, node: PlannedNode): boolean =>
  tradingSites(topology).some(({ id }) => id === node.site);

function redisFile(ground: ServerGround, node: PlannedNode, first: PlannedNode): string {
  const { plan, secret } = ground;
  return [
    `bind ${lanAddress(plan, node)} 127.0.0.1`,
    `port ${redisPort}`,
    `replica-announce-ip ${lanAddress(plan, node)}`,
    `dir ${serverDirectory(redisName)}`,
    'daemonize no',
    ...keepsEnvironment,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    'repl-timeout 5',
    'repl-ping-replica-period 1',
    // A primary that nobody follows acknowledges nothing.
    'min-replicas-to-write 1',
    'min-replicas-max-lag 2',
    `replica-priority ${mayLead(ground, node) ? 100 : 0}`,
    // Users in a file of their own: whoever rewrites the configuration does not write down who may write.
    `aclfile ${serverDirectory(redisName)}/users.acl`,
    'masteruser replica',
    `masterauth ${secret(redisSecrets.replica)}`,
    ...(node === first ? [] : [`replicaof ${lanAddress(plan, first)} ${redisPort}`]),
    '',
  ].join('\n');
}

/** Nobody may write: a server boots closed, whatever its role. Where sentinels are barred they find it alive, and may neither ask it for its state nor promote it. */
function aclFile(secret: (name: string) => string, sentinels: 'barred' | 'let in'): string {
  const greeting = '+ping +publish +subscribe +client|setname';
  const rights = `${greeting} +multi +exec +slaveof +config|rewrite +role +info +client|kill +script|kill`;
  const hash = (name: string) => `#${createHash('sha256').update(secret(name)).digest('hex')}`;
  return [
    'user default off resetpass resetchannels -@all',
    `user holdfast on ${hash(redisSecrets.driver)} ~* &* +@all`,
    `user replica on ${hash(redisSecrets.replica)} -@all +psync +replconf +ping`,
    `user ${sentinelUser} on ${hash(redisSecrets.sentinel)} &* -@all ${sentinels === 'barred' ? greeting : rights}`,
    '',
  ].join('\n');
}

function sentinelFile({ plan, secret }: ServerGround, node: PlannedNode, primary: PlannedNode): string {
  const set = (key: string, value: string | number) => `sentinel ${key} ${redisSet} ${value}`;
  return [
    `bind ${lanAddress(plan, node)} 127.0.0.1`,
    `port ${sentinelPort}`,
    `sentinel announce-ip ${lanAddress(plan, node)}`,
    `dir ${serverDirectory(sentinelName)}`,
    'daemonize no',
    ...keepsEnvironment,
    `requirepass ${secret(redisSecrets.sentinel)}`,
    `sentinel sentinel-pass ${secret(redisSecrets.sentinel)}`,
    `sentinel monitor ${redisSet} ${lanAddress(plan, primary)} ${redisPort} ${sentinelQuorum}`,
    set('auth-user', sentinelUser),
    set('auth-pass', secret(redisSecrets.sentinel)),
    set('down-after-milliseconds', silentAfterMs),
    set('failover-timeout', 10_000),
    set('parallel-syncs', 2),
    '',
  ].join('\n');
}
