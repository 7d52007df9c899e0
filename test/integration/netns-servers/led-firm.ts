import { ClientProcess } from '../../../bench/failover/client-process.ts';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { dnsNodes, dnsZone } from '../../../lab/netns/servers/dns.ts';
import { ordersPort, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { siteAddress } from '../../../lab/netns/servers/led-routes.ts';
import {
  pgbouncerNodes,
  pgbouncerPort,
  pgbouncerSecrets,
  pooledDatabase,
} from '../../../lab/netns/servers/pgbouncer.ts';
import { lanAddress, type Placement } from '../../../lab/netns/servers/placement.ts';
import { redisNodes, redisPort, redisSecrets } from '../../../lab/netns/servers/redis.ts';
import { serverSecrets } from '../../../lab/netns/servers/server-secrets.ts';
import { poolerConsole } from '../../../src/adapters/pgbouncer/console.ts';
import { parseDatabases } from '../../../src/adapters/pgbouncer/parse.ts';
import { redisTalk } from '../../../src/adapters/redis-sentinel/redis-talk.ts';
import type { Dial, DialAddress } from '../../../src/adapters/system/dial.ts';
import { siteId } from '../../../src/core/base/ids.ts';
import { LineClient } from '../../../trading/testing/line-client.ts';
import type { LabUnderTest } from '../../lab/lab-under-test.ts';
import { NamespaceLabUnderTest } from '../netns-lab.under-test.ts';
import { NamespaceDial } from './namespace-dial.ts';

/** Where the servers of one site lead, as somebody sees it who has nothing to do with their agents. Null: nobody is led anywhere. */
export interface SiteLeads {
  /** Of each proxy: the engine that answers behind it. */
  readonly proxies: readonly (string | null)[];
  /** `HOST:PORT`; `unknown: …` where it did not answer. */
  readonly pooler: string | null;
  /** What its name server answers. */
  readonly name: string | null;
  /** Its Redis takes writes of this epoch. */
  readonly writes: boolean;
}

const withinMs = 3_000;

/** The servers of a whole lab, looked at from among the clients and the observers. */
export class LedFirm {
  readonly under: NamespaceLabUnderTest;
  readonly placement: Placement;
  readonly #secret: (name: string) => string;
  readonly #dials = new Map<string, NamespaceDial>();

  constructor({ directory, topology }: LabUnderTest) {
    this.under = new NamespaceLabUnderTest(directory);
    this.placement = { topology, plan: this.under.context.plan };
    this.#secret = serverSecrets(directory.secrets);
  }

  close(): void {
    for (const dial of this.#dials.values()) dial.close();
  }

  /** What the name stands for where that site is active. */
  addressOf(site: string): string {
    return siteAddress(this.placement, siteId(site))!;
  }

  databaseOf(lab: LabUnderTest, site: string): string {
    const { instances } = lab.topology.components.find(({ kind }) => kind === 'postgres' || kind === 'patroni')!;
    const instance = instances.find(({ host }) =>
      lab.topology.hosts.some((each) => each.id === host && each.site === site),
    )!;
    const { host, port } = lab.platform.context.book.realAddress(`instance/${instance.id}/sql`);
    return `${host}:${port}`;
  }

  async leads(site: string, epoch: number): Promise<SiteLeads> {
    const [proxies, pooler, name, writes] = await Promise.all([
      this.proxies(site),
      this.#pooler(site),
      this.name(site),
      this.#writes(site, epoch),
    ]);
    return { proxies, pooler, name, writes };
  }

  proxies(site: string): Promise<readonly (string | null)[]> {
    const nodes = proxyNodes(this.placement).filter((node) => node.site === site);
    return Promise.all(
      nodes.map((node) => this.answers({ host: lanAddress(this.placement.plan, node), port: ordersPort })),
    );
  }

  /** A client's session that is logged on; null where nobody answered. */
  async session(host: string): Promise<LineClient | null> {
    return this.#logOn({ host, port: ordersPort });
  }

  async name(site: string): Promise<string | null> {
    const node = dnsNodes(this.placement).find((each) => each.site === site)!;
    const server = `@${lanAddress(this.placement.plan, node)}`;
    const said = await this.under.run('client', 'dig', server, '+short', '+time=1', '+tries=1', `trading.${dnsZone}`);
    return /^[0-9.]+$/m.exec(said)?.[0] ?? null;
  }

  /** A client of Redis that writes wherever it is let in, under this epoch or a later one. */
  redisClient(epoch: number, key: string): ClientProcess {
    const { plan } = this.placement;
    const users = Array.from({ length: 8 }, (_, ahead) => `writer-${epoch + ahead}`);
    return new ClientProcess(this.under, 'client', {
      service: { kind: 'redis', users, password: this.#secret(redisSecrets.writer), key },
      places: redisNodes(this.placement).map((node) => ({
        ...{ name: node.id, host: lanAddress(plan, node), port: redisPort },
      })),
      first: 0,
    });
  }

  /** The machine of the Redis of a site, by which a client of Redis names it. */
  redisAt(site: string): string {
    return this.#redisNode(site).id;
  }

  /** What is in a set of the Redis of a site. */
  async inRedis(site: string, key: string): Promise<ReadonlySet<number>> {
    const node = this.#redisNode(site);
    const address = { host: lanAddress(this.placement.plan, node), port: redisPort };
    const login = { address, user: 'holdfast', password: this.#secret(redisSecrets.driver) };
    const answer = await redisTalk(login, this.dialFrom(`observer/${site}`))([['SMEMBERS', key]], {
      deadlineMs: withinMs,
    });
    if (answer.kind !== 'ok') throw new Error(answer.reason);
    return new Set((answer.replies[0] as readonly unknown[]).map(Number));
  }

  /** Somebody among the clients who speaks lines there. */
  async lines(address: DialAddress): Promise<LineClient> {
    return LineClient.over(await this.dialFrom('client')(address, { deadlineMs: withinMs }));
  }

  /** The engine that answers there. */
  async answers(address: DialAddress): Promise<string | null> {
    const client = await this.#logOn(address);
    if (client === null) return null;
    const instance = String(client.received[0]!['instance']);
    client.close();
    return instance;
  }

  async #logOn(address: DialAddress): Promise<LineClient | null> {
    try {
      const client = await this.lines(address);
      client.send({ t: 'logon', client: 'onlooker' });
      const deadline = performance.now() + withinMs;
      while (performance.now() < deadline && !client.closed && client.received.length === 0)
        await new Promise((resolve) => setTimeout(resolve, 5));
      if (client.received[0]?.['t'] === 'logon-ok') return client;
      client.close();
      return null;
    } catch {
      return null;
    }
  }

  async #pooler(site: string): Promise<string | null> {
    const node = pgbouncerNodes(this.placement).find((each) => each.site === site)!;
    const address = { host: lanAddress(this.placement.plan, node), port: pgbouncerPort };
    const login = { address, user: 'holdfast', password: this.#secret(pgbouncerSecrets.admin) };
    const answer = await poolerConsole(login, this.dialFrom(`observer/${site}`))(
      ['SHOW DATABASES', 'SHOW SERVERS', 'SHOW POOLS'],
      { deadlineMs: withinMs },
    );
    if (answer.kind !== 'ok') return `unknown: ${answer.reason}`;
    const [databases = [], servers = [], pools = []] = answer.results;
    const found = parseDatabases(databases, servers, pools).find(({ name }) => name === pooledDatabase);
    return found === undefined || found.paused || found.target === null || found.target.port === 1
      ? null
      : `${found.target.host}:${found.target.port}`;
  }

  #redisNode(site: string): PlannedNode {
    return redisNodes(this.placement).find((each) => each.site === site)!;
  }

  async #writes(site: string, epoch: number): Promise<boolean> {
    const node = this.#redisNode(site);
    const address = { host: lanAddress(this.placement.plan, node), port: redisPort };
    const login = { address, user: `writer-${epoch}`, password: this.#secret(redisSecrets.writer) };
    const talk = redisTalk(login, this.dialFrom(`observer/${site}`));
    const answer = await talk([['SADD', 'seen', String(performance.now())]], { deadlineMs: withinMs });
    return answer.kind === 'ok' && answer.replies[0] === 1;
  }

  /** How somebody on that machine connects. */
  dialFrom(node: string): Dial {
    const { namespace } = this.placement.plan.nodes.find(({ id }) => id === node)!;
    const dial = this.#dials.get(namespace) ?? new NamespaceDial(namespace);
    this.#dials.set(namespace, dial);
    return dial.dial;
  }
}
