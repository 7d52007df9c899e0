import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
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
} from '../../../lab/netns/servers/redis.ts';
import { serverDirectory } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { proxyAddress, sharedAddressFiles, vrrpInstance } from '../../../lab/netns/servers/shared-address.ts';
import { createPki, createToken } from '../../../lab/pki.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { Grant, GroupRecord } from '../../../src/core/authority/group-record.ts';
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
import type { Command, CommandOutcome } from '../../../src/engine/messages.ts';
import { projectRoot } from '../netns-lab.under-test.ts';
import type { DeskConfig, DeskOrder, DeskWord } from './agent-desk.ts';
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
const ports = { authority: 7910, peers: 7911 };
const node = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;

/**
 * An agent process on a machine of each trading site, which drives the servers of that machine and its site's Redis, and one on each of
 * their routers.
 */
export class AgentsUnderTest {
  readonly topology: Topology;
  readonly #servers: ServersUnderTest;
  readonly #words: DeskWord[] = [];
  readonly #children: ChildProcess[] = [];
  #desk: ChildProcess | null = null;
  #keys = 0;

  static async up(servers: ServersUnderTest): Promise<AgentsUnderTest> {
    const agents = new AgentsUnderTest(servers);
    await agents.#start();
    return agents;
  }

  private constructor(servers: ServersUnderTest) {
    this.#servers = servers;
    this.topology = servedTopology(servers);
  }

  async down(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child === this.#desk) child.stdin?.end();
      else child.kill('SIGTERM');
      await waitFor('a process to end', () => child.exitCode !== null || child.signalCode !== null, 10_000);
    }
  }

  async #start(): Promise<void> {
    const { directory, ground, under } = this.#servers;
    const home = join(directory, 'agents');
    mkdirSync(home, { mode: 0o700 });
    const machines = sites.map((site) => edgeOf(this.#servers, site));
    const routers = sites.flatMap(routersOf);
    const pki = await createPki({
      directory: join(home, 'pki'),
      organisation: 'test',
      machines: [
        { name: 'controller/nyc', role: 'controller', ips: [] },
        ...[...machines.map(({ host }) => host), ...routers.map(({ instance }) => instance)].map((host) => ({
          name: `agent/${host}`,
          role: 'agent' as const,
          ips: [],
        })),
      ],
      operators: [],
      evidenceOwners: [],
    });
    const tokenFile = createToken(join(home, 'token'));
    const address = lanAddress(ground.plan, machines[0]!);
    const desk: DeskConfig = {
      address,
      authorityPort: ports.authority,
      peerPort: ports.peers,
      site: siteId('nyc'),
      database: join(home, 'authority.db'),
      tokenFile,
      tls: pki.identity('controller/nyc'),
    };
    this.#desk = this.#spawn(machines[0]!.id, 'agent-desk.ts', written(home, 'desk.json', desk));
    this.#hear(this.#desk);
    await waitFor('the desk', () => this.#words.some((word) => 'ready' in word), 10_000);
    const secret = (name: string) => written(home, `${name}.secret`, ground.secret(name));
    const secrets = {
      pooler: secret(pgbouncerSecrets.admin),
      redis: secret(redisSecrets.driver),
      writer: secret(redisSecrets.writer),
      sentinel: secret(redisSecrets.sentinel),
    };
    const voter = etcdVoters(ground)[0]!;
    const pem = (name: string) =>
      written(
        home,
        `${name}.pem`,
        readFileSync(join(serverState(under.context, { name: 'etcd', node: voter.node }), `${name}.pem`), 'utf8'),
      );
    const store = { caFile: pem('ca'), certFile: pem('cert'), keyFile: pem('key') };
    const agent = (host: string, machine: string, instances: readonly object[]) => {
      const config = {
        host,
        topology: this.topology,
        stateDir: join(home, host),
        tls: pki.identity(`agent/${host}`),
        controllers: [{ site: 'nyc', host: address, port: ports.peers }],
        authority: { kind: 'lab-only', host: address, port: ports.authority, client: 'nyc', tokenFile },
        instances,
      };
      const file = written(home, `${host}.json`, config);
      this.#track(under.spawn(machine, ...node, join(projectRoot, 'src/agent/main.ts'), file)).stdout?.resume();
    };
    for (const [index, site] of sites.entries())
      agent(machines[index]!.host!, machines[index]!.id, [
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
          },
        },
      ]);
    for (const { instance, node: machine } of routers) agent(instance, machine, [{ kind: 'served', instance }]);
  }

  #spawn(machine: string, script: string, ...args: readonly string[]): ChildProcess {
    return this.#track(this.#servers.under.spawn(machine, ...node, join(import.meta.dirname, script), ...args));
  }

  #track(child: ChildProcess): ChildProcess {
    this.#children.push(child);
    return child;
  }

  #hear(child: ChildProcess): void {
    let rest = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString('utf8')).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#words.push(JSON.parse(line) as DeskWord);
    });
  }

  #tell(order: DeskOrder): void {
    this.#desk?.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** Who holds and where clients are led, as the agents read it; null = nobody. */
  async record(at: number, holders: TradingSite | null, traffic: TradingSite | null): Promise<void> {
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
    const record: Omit<GroupRecord, 'incarnation'> = {
      group: groupId('trading'),
      epoch: epoch(at),
      activeSite: traffic as SiteId | null,
      traffic: traffic as SiteId | null,
      grants,
      run: null,
      tradingEnabled: false,
    };
    const before = this.#words.filter((word) => 'recorded' in word).length;
    this.#tell({ record });
    await waitFor('the record', () => this.#words.filter((word) => 'recorded' in word).length > before, 10_000);
  }

  /** What its agent said last of an instance. */
  seen(instance: string): InstanceObservation | null {
    for (const word of this.#words.toReversed()) {
      const found = 'report' in word && word.report.instances.find((each) => each.instance === instance);
      if (found) return found.observation;
    }
    return null;
  }

  /** As a controller orders it: the outcome, by the deadline and some time for the way. */
  async order(at: number, order: Extract<Command['order'], { instance: InstanceId }>, deadlineMs = 3_000) {
    this.#keys += 1;
    const key = `run/step/${this.#keys}`;
    const { host } = this.topology.components
      .flatMap(({ instances }) => instances)
      .find(({ id }) => id === order.instance)!;
    const command = {
      key,
      group: 'trading',
      run: 'run',
      step: 'move-traffic',
      term: 1,
      epoch: at,
      attempt: 1,
      deadlineMs,
      order,
    };
    this.#tell({ to: host, command: command as unknown as Command });
    const answer = (): CommandOutcome['outcome'] | undefined => {
      for (const word of this.#words) if ('outcome' in word && word.outcome.key === key) return word.outcome.outcome;
      return undefined;
    };
    await waitFor(`an answer to ${order.kind}`, () => answer() !== undefined, deadlineMs + 3_000);
    return answer()!;
  }
}

const edgeOf = (servers: ServersUnderTest, site: TradingSite) =>
  proxyNodes(servers.ground).find((each) => each.site === site)!;

function written(directory: string, name: string, what: unknown): string {
  const file = join(directory, name);
  writeFileSync(file, typeof what === 'string' ? `${what}\n` : JSON.stringify(what), { mode: 0o600 });
  return file;
}

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
