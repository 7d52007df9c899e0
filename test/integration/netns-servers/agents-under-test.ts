import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { routerId } from '../../../lab/netns/network-plan.ts';
import { dnsKeyFile, dnsNodes, dnsPort, dnsZone } from '../../../lab/netns/servers/dns.ts';
import { etcdVoters } from '../../../lab/netns/servers/etcd.ts';
import { haproxySocket, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import {
  databasesFile,
  pgbouncerName,
  pgbouncerNodes,
  pgbouncerPort,
  pgbouncerSecrets,
  pooledDatabase,
} from '../../../lab/netns/servers/pgbouncer.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import {
  redisNodes,
  redisPort,
  redisSecrets,
  redisSet,
  sentinelNodes,
  sentinelPort,
  sentinelUser,
} from '../../../lab/netns/servers/redis.ts';
import { serverDirectory } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { proxyAddress, sharedAddressFiles, vrrpInstance } from '../../../lab/netns/servers/shared-address.ts';
import type { Grant } from '../../../src/core/authority/group-record.ts';
import {
  type ComponentId,
  componentId,
  epoch,
  groupId,
  hostId,
  type InstanceId,
  instanceId,
  type SiteId,
  siteId,
} from '../../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../../src/core/health/instance-observation.ts';
import type { Served, ServedKind } from '../../../src/core/topology/served.ts';
import type { Component, Topology } from '../../../src/core/topology/topology.ts';
import { type AgentPlace, DeskUnderTest } from './desk-under-test.ts';
import type { ServersUnderTest } from './servers-under-test.ts';

export const sites = ['nyc', 'chi'] as const;
export type TradingSite = (typeof sites)[number];
/** What the name of the service is set to; nobody listens there. */
export const serviceAddress: Readonly<Record<TradingSite, string>> = { nyc: '10.255.0.1', chi: '10.255.0.2' };
export const serviceName = 'orders';
/** Where services are kept in the lab's etcd, and what the service is found at there. */
export const keyPrefix = 'services/';
export const serviceTarget = (site: TradingSite): string => `${serviceAddress[site]}:7001`;
/** Where the database of a site would be; the pooler connects there only for a client. */
export const databaseTarget: Readonly<Record<TradingSite, string>> = { nyc: '10.1.0.200:5532', chi: '10.2.0.200:5532' };
/** Two in each trading site, each with an agent of its own. */
export const routersOf = (site: TradingSite): readonly { readonly instance: string; readonly node: string }[] =>
  [1, 2].map((number) => ({ instance: `router-${site}-${number}`, node: routerId(siteId(site), number) }));

/**
 * An agent process on a machine of each trading site, which drives the servers of that machine and its site's Redis, and one on each of
 * their routers.
 */
export class AgentsUnderTest {
  readonly topology: Topology;
  readonly #servers: ServersUnderTest;
  readonly #desk: DeskUnderTest;

  static async up(servers: ServersUnderTest): Promise<AgentsUnderTest> {
    const agents = new AgentsUnderTest(servers);
    await agents.#start();
    return agents;
  }

  private constructor(servers: ServersUnderTest) {
    this.#servers = servers;
    this.topology = servedTopology(servers);
    this.#desk = new DeskUnderTest({
      under: servers.under,
      topology: this.topology,
      home: join(servers.directory, 'agents'),
      desk: edgeOf(servers, 'nyc'),
    });
  }

  down(): Promise<void> {
    return this.#desk.down();
  }

  #start(): Promise<void> {
    const { ground, under } = this.#servers;
    const secret = (name: string) => this.#desk.written(`${name}.secret`, ground.secret(name));
    const secrets = {
      pooler: secret(pgbouncerSecrets.admin),
      redis: secret(redisSecrets.driver),
      writer: secret(redisSecrets.writer),
      sentinel: secret(redisSecrets.sentinel),
    };
    const voter = serverState(under.context, { name: 'etcd', node: etcdVoters(ground)[0]!.node });
    const pem = (name: string) => this.#desk.written(`${name}.pem`, readFileSync(join(voter, `${name}.pem`), 'utf8'));
    const store = { caFile: pem('ca'), certFile: pem('cert'), keyFile: pem('key') };
    const atEdge = (site: TradingSite): AgentPlace => {
      const { id, host } = edgeOf(this.#servers, site);
      const instances = [
        { kind: 'served', instance: `proxy-${site}` },
        { kind: 'served', instance: `pooler-${site}`, server: { passwordFile: secrets.pooler } },
        { kind: 'served', instance: `names-${site}`, lookEveryMs: 1000 },
        { kind: 'served', instance: `registry-${site}`, server: store },
        { kind: 'served', instance: `gateway-${site}` },
        {
          kind: 'served',
          instance: `cache-${site}`,
          server: {
            passwordFile: secrets.redis,
            writerPasswordFile: secrets.writer,
            sentinelPasswordFile: secrets.sentinel,
            sentinelUser,
          },
        },
      ];
      return { host: host!, node: id, instances };
    };
    const onRouters = sites
      .flatMap(routersOf)
      .map(({ instance, node }) => ({ host: instance, node, instances: [{ kind: 'served', instance }] }));
    return this.#desk.up([...sites.map(atEdge), ...onRouters]);
  }

  /** Who holds and where clients are led, as the agents read it; null = nobody. */
  record(at: number, holders: TradingSite | null, traffic: TradingSite | null): Promise<void> {
    const grant = (id: string, holder: string | null): Grant => ({
      component: componentId(id),
      holder: holder === null ? null : instanceId(holder),
      epoch: epoch(at),
      ackSet: [],
      promotable: [],
      mode: { kind: 'strict' },
      revoked: null,
    });
    const grants: Readonly<Record<ComponentId, Grant>> = {
      [componentId('database')]: grant('database', holders && `database-${holders}`),
      [componentId('engine')]: grant('engine', holders && `engine-${holders}-1`),
    };
    return this.#desk.record({
      group: groupId('trading'),
      epoch: epoch(at),
      activeSite: traffic as SiteId | null,
      traffic: traffic as SiteId | null,
      grants,
      run: null,
      tradingEnabled: false,
    });
  }

  /** What its agent said last of an instance. */
  seen(instance: string): InstanceObservation | null {
    return this.#desk.seen(instance);
  }

  /** As a controller orders it: the outcome, by the deadline and some time for the way. */
  order(...order: Parameters<DeskUnderTest['order']>) {
    return this.#desk.order(...order);
  }
}

const edgeOf = (servers: ServersUnderTest, site: TradingSite) =>
  proxyNodes(servers.ground).find((each) => each.site === site)!;

/** The example firm, with the servers of the lab as components of its group, all on the machine at the edge of their site. */
function servedTopology(servers: ServersUnderTest): Topology {
  const { ground } = servers;
  const { topology, plan } = ground;
  const at = (nodes: readonly { readonly site: string | null }[], site: TradingSite, port: number) =>
    `${lanAddress(plan, nodes.find((each) => each.site === site) as never)}:${port}`;
  const per = <Value>(id: string, value: (site: TradingSite) => Value): Readonly<Record<InstanceId, Value>> =>
    Object.fromEntries(sites.map((site) => [instanceId(`${id}-${site}`), value(site)]));
  const component = (id: string, kind: ServedKind, served: Served): Component => ({
    ...topology.components.find((each) => each.kind === 'front')!,
    id: componentId(id),
    kind,
    title: id,
    dependsOn: [],
    authority: kind === 'redis' ? 'delegated' : 'none',
    instances: sites.map((site) => ({
      id: instanceId(`${id}-${site}`),
      component: componentId(id),
      host: hostId(edgeOf(servers, site).host!),
      replication: 'none',
      eligible: true,
      upstream: null,
    })),
    served,
  });
  const lead = (to: string, as: Readonly<Record<InstanceId, string>> = {}, ttlSeconds: number | null = null) => ({
    to: componentId(to),
    as,
    ttlSeconds,
  });
  const added = [
    component('proxy', 'haproxy', {
      leads: {
        orders: lead(
          'front',
          per('front', (site) => `front-${site}`),
        ),
      },
      servers: per('proxy', () => ({ socket: haproxySocket })),
    }),
    component('pooler', 'pgbouncer', {
      leads: {
        [pooledDatabase]: lead(
          'database',
          per('database', (site) => databaseTarget[site]),
        ),
      },
      servers: per('pooler', (site) => ({
        address: at(pgbouncerNodes(ground), site, pgbouncerPort),
        databasesFile: `${serverDirectory(pgbouncerName)}/${databasesFile}`,
      })),
    }),
    component('names', 'dns', {
      leads: {
        [serviceName]: lead(
          'front',
          per('front', (site) => serviceAddress[site]),
          5,
        ),
      },
      servers: per('names', (site) => ({
        address: at(dnsNodes(ground), site, dnsPort),
        zone: dnsZone,
        keyFile: dnsKeyFile,
      })),
    }),
    component('gateway', 'keepalived', {
      leads: { [vrrpInstance]: lead('proxy') },
      servers: per('gateway', (site) => ({
        sharedAddress: proxyAddress(ground, edgeOf(servers, site)),
        interface: 'lan',
        ...sharedAddressFiles,
      })),
    }),
    component('registry', 'discovery', {
      leads: {
        [serviceName]: lead('front', per('front', serviceTarget)),
      },
      servers: per('registry', (site) => ({
        address: etcdVoters(ground).find((voter) => voter.name === site)!.client,
        keyPrefix,
      })),
    }),
    component('cache', 'redis', {
      leads: { [redisSet]: lead('engine') },
      servers: per('cache', (site) => ({
        address: at(redisNodes(ground), site, redisPort),
        sentinel: at(sentinelNodes(ground), site, sentinelPort),
      })),
    }),
  ];
  const service = plan.services[0]!;
  const routers = sites.flatMap((site) => routersOf(site).map((each) => ({ site, ...each })));
  added.push({
    ...component('router', 'frr', {
      leads: {
        [service.prefix]: lead(
          'front',
          per('front', (site) => service.at.find((place) => place.site === site)!.nextHop),
        ),
      },
      servers: Object.fromEntries(
        routers.map(({ instance, node: id }) => [
          instanceId(instance),
          {
            autonomousSystem: String(plan.routers.find((each) => each.id === id)!.as),
            configFile: '/etc/frr/bgpd.conf',
          },
        ]),
      ),
    }),
    instances: routers.map(({ instance }) => ({
      id: instanceId(instance),
      component: componentId('router'),
      host: hostId(instance),
      replication: 'none' as const,
      eligible: true,
      upstream: null,
    })),
  });
  return {
    ...topology,
    hosts: [
      ...topology.hosts,
      ...routers.map(({ instance, site }) => ({
        id: hostId(instance),
        site: siteId(site),
        rack: null,
        scheduling: null,
      })),
    ],
    components: [...topology.components.filter(({ kind }) => kind !== 'inventory'), ...added],
    groups: topology.groups.map((group) => ({
      ...group,
      components: [...group.components, ...added.map(({ id }) => id)],
    })),
  };
}
