import type { ProcessFault } from '../../lab/fault.ts';
import { dnsName, dnsNodes } from '../../lab/netns/servers/dns.ts';
import { etcdVoters } from '../../lab/netns/servers/etcd.ts';
import { haproxyName, proxyNodes } from '../../lab/netns/servers/haproxy.ts';
import { patroniMembers } from '../../lab/netns/servers/patroni-members.ts';
import { pgbouncerName, pgbouncerNodes } from '../../lab/netns/servers/pgbouncer.ts';
import { isDelegated, type Placement } from '../../lab/netns/servers/placement.ts';
import { redisName, redisNodes, sentinelName, sentinelNodes } from '../../lab/netns/servers/redis.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import { seatOf } from '../../src/core/authority/writer-seat.ts';
import type { HostId } from '../../src/core/base/ids.ts';
import type { ComponentKind } from '../../src/core/topology/topology.ts';
import {
  type Draw,
  lasting,
  linkLost,
  PLACES,
  platformKinds,
  type ServerPlace,
  type Standing,
  servingInstance,
} from './drawn-faults.ts';

const patroniName = 'patroni';
/** One at a time is written to. */
const WRITTEN_TO = [redisName, patroniName] as const;
/** Each site has its own. */
const AT_SITES = [sentinelName, haproxyName, dnsName, pgbouncerName, 'etcd'] as const;
type ServerName = (typeof WRITTEN_TO)[number] | (typeof AT_SITES)[number];

/** Every server of a lab whose agents lead them that a fault may be aimed at. */
export function serverPlaces(ground: Placement): readonly ServerPlace[] {
  const nodesOf = {
    [redisName]: redisNodes(ground),
    [sentinelName]: sentinelNodes(ground),
    [haproxyName]: proxyNodes(ground),
    [dnsName]: dnsNodes(ground),
    [pgbouncerName]: pgbouncerNodes(ground),
    etcd: etcdVoters(ground).map(({ node }) => node),
  } satisfies Record<Exclude<ServerName, typeof patroniName>, unknown>;
  return [
    ...Object.entries(nodesOf).flatMap(([name, nodes]) =>
      nodes.map((node) => ({ name, key: serverKey({ name, node }), host: node.host as HostId })),
    ),
    ...ground.topology.components
      .filter(isDelegated)
      .flatMap((component) => patroniMembers(ground, component))
      .map(({ server, node }) => ({
        name: patroniName,
        key: serverKey({ name: server, node }),
        host: node.host as HostId,
      })),
  ];
}

/** What breaks where real servers stand on machines of their own, and routers between the sites. */
export function serverGroundKinds(database: 'postgres' | 'patroni'): readonly Draw[] {
  const others = ['trading-engine', 'order-management', 'front'] as const satisfies readonly ComponentKind[];
  // Nobody but the machine starts a Patroni again: it is a server.
  const started = database === 'postgres' ? [database, ...others] : others;
  const names = [...WRITTEN_TO, ...AT_SITES].filter((name) => name !== patroniName || database === patroniName);
  return [
    ...platformKinds(started, [database, ...others], PLACES),
    linkLost,
    ...names.flatMap((name) => [ofServer('kill', name), ofServer('freeze', name)]),
  ];
}

const ofServer =
  (kind: ProcessFault['kind'], name: ServerName): Draw =>
  (random) => {
    const serving = random.chance(0.6);
    const at = random.fraction();
    const isWrittenTo = WRITTEN_TO.some((each) => each === name);
    const which = isWrittenTo
      ? `${serving ? 'the serving' : 'another'} ${name}`
      : `${name} at ${serving ? 'the active' : 'another'} site`;
    return {
      words: `${kind} ${which}`,
      leases: lasting(random),
      aimedAt: (standing) => {
        const isServing = servedBy(standing, name);
        const found = standing.servers.filter((each) => each.name === name && isServing(each.host) === serving);
        const server = found[Math.floor(at * found.length)];
        if (server === undefined) throw new Error(`nothing here is what "${which}" says`);
        return { kind, target: { kind: 'process', key: server.key } };
      },
    };
  };

/** Of a server that is written to: the host that has the writers; of others: a host at the active site. */
function servedBy(standing: Standing, name: ServerName): (host: HostId) => boolean {
  const { topology, record } = standing;
  const component = topology.components.find(({ kind }) => kind === name);
  switch (name) {
    case redisName: {
      const { instance } = seatOf(record, component!, topology);
      return (host) => component!.instances.some((each) => each.id === instance && each.host === host);
    }
    case patroniName: {
      const serving = servingInstance(standing, component!).host;
      return (host) => host === serving;
    }
    default:
      return (host) => topology.hosts.some(({ id, site }) => id === host && site === record.activeSite);
  }
}
