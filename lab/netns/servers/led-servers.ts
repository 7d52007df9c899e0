import type { HostId, InstanceId } from '../../../src/core/base/ids.ts';
import {
  isServedKind,
  type Lead,
  type Served,
  type ServedKind,
  type ServerOptions,
} from '../../../src/core/topology/served.ts';
import type { Component, ComponentKind, Topology } from '../../../src/core/topology/topology.ts';
import type { TlsFiles } from '../../../src/wire/peer-identity.ts';
import { LabError } from '../../lab-error.ts';
import { instanceEndpoint, type LabAddresses } from '../../layout.ts';
import type { PlannedNode } from '../network-plan.ts';
import { announcedName, dnsNodes, dnsPort, dnsZone } from './dns.ts';
import { databasePort, haproxySocket, ordersPort, poolerServer } from './haproxy.ts';
import { patroniKind } from './led-patroni.ts';
import { announcedService, routeKinds, siteAddress } from './led-routes.ts';
import { databasesFile, pgbouncerName, pgbouncerPort, pgbouncerSecrets, pooledDatabase } from './pgbouncer.ts';
import { homeOf, lanAddress, type Placement } from './placement.ts';
import { redisPort, redisSecrets, redisSet, sentinelNodes, sentinelPort, sentinelUser } from './redis.ts';
import { serverDirectory } from './server.ts';

export interface LedGround extends Placement {
  readonly book: LabAddresses;
  /** Where a secret lies, as a file of whoever runs the agents, and of nobody else. */
  readonly secretFile: (name: string) => string;
  /** The same of the key with which names are changed: agents may start before their name server, whose own is not there then. */
  readonly dnsKeyFile: string;
  /** What the agent of a host shows. */
  readonly agentIdentity: (host: HostId) => TlsFiles;
}

/** The servers of one kind, as this lab has them. */
export interface LedKind {
  /** By the name of a lead, what it may lead to. */
  readonly leads: (name: string, ground: LedGround) => readonly ComponentKind[];
  readonly calls: (ground: LedGround, instance: InstanceId) => string;
  readonly options: (ground: LedGround, node: PlannedNode, instance: InstanceId) => ServerOptions;
}

/** How clients find the firm by its name. */
export interface ClientsWay {
  /** In full. */
  readonly name: string;
  /** `HOST:PORT` of every server that knows it. */
  readonly servers: readonly string[];
  readonly ordersPort: number;
  readonly databasePort: number;
}

/**
 * The topology as agents and controllers of a lab get it: what its servers are told and how each is reached are the lab's own, whatever
 * its file says of them. Everything else is as it was.
 * @throws LabError HF-7010 when it asks for a server or a lead that the lab does not have
 */
export function withLabServers(ground: LedGround): Topology {
  const { topology } = ground;
  return {
    ...topology,
    components: topology.components.map((component) =>
      component.served === undefined || !isServedKind(component.kind)
        ? component
        : { ...component, served: servedBy(ground, component, component.kind, component.served) },
    ),
  };
}

/** Null where the topology leads no name to a front, or no proxy stands before the databases: clients dial the fronts then. */
export function clientsWay({ topology, plan }: Placement): ClientsWay | null {
  const leadsOf = (kind: ServedKind) =>
    topology.components.flatMap((each) => (each.kind === kind ? Object.entries(each.served?.leads ?? {}) : []));
  const name = leadsOf('dns').find(([, { to }]) => kindOf(topology, to) === 'front')?.[0];
  const proxied = leadsOf('haproxy').map(([service]) => service);
  if (name === undefined || !['orders', 'database'].every((service) => proxied.includes(service))) return null;
  return {
    name: `${announcedService({ topology, plan }) === null ? name : announcedName}.${dnsZone}`,
    servers: dnsNodes({ topology, plan }).map((node) => `${lanAddress(plan, node)}:${dnsPort}`),
    ordersPort,
    databasePort,
  };
}

const kinds: Partial<Record<ServedKind, LedKind>> = {
  ...routeKinds,
  haproxy: {
    leads: (name) => (name === 'orders' ? ['front'] : name === 'database' ? ['pgbouncer'] : []),
    calls: (ground, instance) => {
      const { kind, node } = homeOf(ground, instance);
      return kind === 'front' ? instance : poolerServer(node);
    },
    options: () => ({ socket: haproxySocket }),
  },
  pgbouncer: {
    leads: (name) => (name === pooledDatabase ? ['postgres', 'patroni'] : []),
    calls: ({ book }, instance) => {
      const { host, port } = book.realAddress(instanceEndpoint(instance, 'sql'));
      return `${host}:${port}`;
    },
    options: ({ plan, secretFile }, node) => ({
      address: `${lanAddress(plan, node)}:${pgbouncerPort}`,
      passwordFile: secretFile(pgbouncerSecrets.admin),
      databasesFile: `${serverDirectory(pgbouncerName)}/${databasesFile}`,
    }),
  },
  patroni: patroniKind,
  dns: {
    leads: (name) => (name === announcedName ? [] : ['front']),
    calls: (ground, instance) => {
      const { node } = homeOf(ground, instance);
      return siteAddress(ground, node.site) ?? lanAddress(ground.plan, node);
    },
    options: ({ plan, dnsKeyFile }, node) => ({
      address: `${lanAddress(plan, node)}:${dnsPort}`,
      zone: dnsZone,
      keyFile: dnsKeyFile,
    }),
  },
  redis: {
    leads: (name) => (name === redisSet ? ['trading-engine', 'order-management'] : []),
    calls: (_, instance) => instance,
    options: (ground, node) => {
      const sentinel = sentinelNodes(ground).find(({ site }) => site === node.site) ?? sentinelNodes(ground)[0]!;
      return {
        address: `${lanAddress(ground.plan, node)}:${redisPort}`,
        passwordFile: ground.secretFile(redisSecrets.driver),
        writerPasswordFile: ground.secretFile(redisSecrets.writer),
        sentinel: `${lanAddress(ground.plan, sentinel)}:${sentinelPort}`,
        sentinelPasswordFile: ground.secretFile(redisSecrets.sentinel),
        sentinelUser,
      };
    },
  },
};

function servedBy(ground: LedGround, { id, instances }: Component, kind: ServedKind, served: Served): Served {
  const known = kinds[kind];
  if (known === undefined)
    throw unfit(ground, `${id} is ${kind}, and agents of such a lab lead no server of that kind`);
  const lead = (name: string, wanted: Lead): Lead => {
    const to = kindOf(ground.topology, wanted.to);
    if (to === undefined || !known.leads(name, ground).includes(to))
      throw unfit(ground, `${id} leads ${name} to ${wanted.to}, which no ${kind} of a lab can do`);
    const as = Object.keys(wanted.as).map((instance) => [instance, known.calls(ground, instance as InstanceId)]);
    return { ...wanted, as: Object.fromEntries(as) };
  };
  return {
    leads: Object.fromEntries(Object.entries(served.leads).map(([name, wanted]) => [name, lead(name, wanted)])),
    servers: Object.fromEntries(
      instances.map((instance) => [instance.id, known.options(ground, homeOf(ground, instance.id).node, instance.id)]),
    ),
  };
}

const kindOf = ({ components }: Topology, id: string): ComponentKind | undefined =>
  components.find((each) => each.id === id)?.kind;

const unfit = ({ topology }: Placement, found: string): LabError =>
  new LabError({
    code: 'HF-7010',
    attempted: `give the agents of ${topology.name} the servers of a lab`,
    found,
    next: 'mark it as inventory in an overlay; docs/guide/netns-lab.md says what a lab can lead',
  });
