import assert from 'node:assert/strict';
import { before, it, type TestContext } from 'node:test';
import { dnsName, dnsNodes, dnsZone } from '../../../lab/netns/servers/dns.ts';
import { etcdctl, etcdVoters } from '../../../lab/netns/servers/etcd.ts';
import { frontPort, haproxyName, ordersPort, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { pgbouncerName, pgbouncerNodes, pooledDatabase } from '../../../lab/netns/servers/pgbouncer.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import { redisName, redisNodes, redisPort, redisSecrets } from '../../../lab/netns/servers/redis.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { waitFor } from '../../../lab/wait.ts';
import { redisTalk } from '../../../src/adapters/redis-sentinel/redis-talk.ts';
import { addressIn } from '../../../src/core/topology/served.ts';
import type { InstanceAction } from '../../../src/engine/driver-port.ts';
import {
  type AgentsUnderTest,
  databaseTarget,
  keyPrefix,
  routersOf,
  serviceAddress,
  serviceName,
  serviceTarget,
  sites,
  type TradingSite,
} from './agents-under-test.ts';
import { haproxyDriver } from './haproxy.suite.ts';
import { pgbouncerDriver } from './pgbouncer.suite.ts';
import { codeOf, epoch, probe, type ServersUnderTest } from './servers-under-test.ts';

/** Real servers, led by agent processes. What they did is looked at by somebody else: a client, a tool, another connection. */
export function agentsSuite(servers: () => ServersUnderTest, ledBy: () => AgentsUnderTest): void {
  const soon = { deadlineMs: 2_000 };
  const kinds = ['proxy', 'pooler', 'names', 'registry', 'cache'] as const;
  let agents: AgentsUnderTest;
  before(() => {
    agents = ledBy();
  });

  const at = <Node extends { readonly site: string | null }>(nodes: readonly Node[], site: TradingSite): Node =>
    nodes.find((node) => node.site === site)!;
  const health = (instance: string) => agents.seen(instance)?.health ?? null;
  const role = (instance: string) => agents.seen(instance)?.role ?? null;

  const resolved = async (site: TradingSite) => {
    const { ground, under } = servers();
    const server = `@${lanAddress(ground.plan, at(dnsNodes(ground), site))}`;
    const name = `${serviceName}.${dnsZone}`;
    return (await under.run('observer/ldn', 'dig', server, '+short', '+time=2', '+tries=1', name)).trim();
  };
  const voterOf = (site: TradingSite) => etcdVoters(servers().ground).find(({ name }) => name === site)!;
  const foundAt = async (site: TradingSite) => {
    const get = etcdctl('get', '--print-value-only', `${keyPrefix}${serviceName}`);
    return (await servers().under.run(voterOf(site).node.id, ...get)).trim();
  };
  const writes = async (site: TradingSite, as: number, value: string) => {
    const { ground } = servers();
    const address = { host: lanAddress(ground.plan, at(redisNodes(ground), site)), port: redisPort };
    const login = { address, user: `writer-${as}`, password: ground.secret(redisSecrets.writer) };
    const answer = await redisTalk(login, servers().dialFrom('observer/nyc'))([['SADD', 'written', value]], soon);
    return answer.kind === 'ok' && answer.replies[0] === 1;
  };
  const proxyLeads = (site: TradingSite, server: string | null) => async () =>
    (await haproxyDriver(servers(), at(proxyNodes(servers().ground), site)).confirm(
      { kind: 'routed', backend: 'orders', server },
      soon,
    )) === 'holds';
  const pooler = (site: TradingSite) => pgbouncerDriver(servers(), at(pgbouncerNodes(servers().ground), site));
  const poolerLeads = (site: TradingSite, to: TradingSite) => async () => {
    const target = addressIn(databaseTarget[to])!;
    return (await pooler(site).confirm({ kind: 'leads-to', database: pooledDatabase, target }, soon)) === 'holds';
  };
  const poolerStopped = (site: TradingSite) => async () =>
    (await pooler(site).confirm({ kind: 'stopped', database: pooledDatabase }, soon)) === 'holds';
  const route = (instance: string, routes: Readonly<Record<string, string | null>>, as: number): InstanceAction =>
    ({ kind: 'route', epoch: epoch(as), routes, instance }) as unknown as InstanceAction;
  const other = (site: TradingSite): TradingSite => (site === 'nyc' ? 'chi' : 'nyc');

  async function ledTo(site: TradingSite, as: number, withinMs: number): Promise<void> {
    const there = other(site);
    await waitFor(`the proxy of ${site}`, proxyLeads(site, `front-${site}`), withinMs);
    await waitFor(`the proxy of ${there} to close`, proxyLeads(there, null), withinMs);
    await waitFor(`the pooler of ${site}`, poolerLeads(site, site), withinMs);
    await waitFor(`the pooler of ${there} to stop`, poolerStopped(there), withinMs);
    for (const each of sites)
      await waitFor(`the name in ${each}`, async () => (await resolved(each)) === serviceAddress[site], withinMs);
    const found = JSON.stringify({ address: serviceTarget(site), epoch: as });
    for (const each of sites)
      await waitFor(`the service at etcd in ${each}`, async () => (await foundAt(each)) === found, withinMs);
    await waitFor(`a write in ${site}`, () => writes(site, as, `first-${as}`), withinMs);
    assert.equal(await writes(there, as, `elsewhere-${as}`), false);
  }

  it('before any record everything is looked at, closed, and left as it is', async () => {
    for (const site of sites)
      for (const instance of [
        ...kinds.map((kind) => `${kind}-${site}`),
        ...routersOf(site).map((router) => router.instance),
      ]) {
        await waitFor(`${instance} to be seen`, () => health(instance) !== null, 20_000);
        await waitFor(`${instance} to answer`, () => health(instance) === 'ok', 20_000);
        assert.equal(role(instance), 'closed', instance);
      }
  });

  it('a record leads all of them: proxy, pooler, both name servers, the record of the service, Redis', async (context: TestContext) => {
    const begun = performance.now();
    await agents.record(101, 'nyc', 'nyc');
    await ledTo('nyc', 101, 20_000);
    context.diagnostic(`led, and seen by others, within ${Math.round(performance.now() - begun)} ms`);
    for (const kind of kinds) await waitFor(`${kind} to be said open`, () => role(`${kind}-nyc`) === 'standby', 5_000);
    for (const kind of ['proxy', 'pooler', 'cache']) assert.equal(role(`${kind}-chi`), 'closed', kind);
  });

  it('between two holders nobody is led to either; then all of them lead to the other site, and Redis has moved without loss', async (context: TestContext) => {
    const { under, ground } = servers();
    const fronts = await Promise.all(
      ground.topology.components
        .find(({ kind }) => kind === 'front')!
        .instances.map(({ id, host }) => under.start(`host/${host}`, ...probe, 'serve', id, String(frontPort))),
    );
    assert.ok(await writes('nyc', 101, 'kept'));
    await agents.record(102, null, 'nyc');
    await waitFor('the pooler to stop', poolerStopped('nyc'), 10_000);
    await waitFor('Redis to close', async () => !(await writes('nyc', 101, `late-${performance.now()}`)), 10_000);
    for (const site of sites) assert.equal(await resolved(site), serviceAddress.nyc, 'a name is never taken away');
    const begun = performance.now();
    await agents.record(102, 'chi', 'chi');
    await ledTo('chi', 102, 30_000);
    context.diagnostic(`moved, and seen by others, within ${Math.round(performance.now() - begun)} ms`);
    assert.equal(await writes('chi', 102, 'kept'), false, 'what was acknowledged before is there');
    for (const site of sites) assert.equal(await writes(site, 101, `stale-${site}`), false, site);
    const address = lanAddress(ground.plan, at(proxyNodes(ground), 'chi'));
    const report = await servers().asked(
      'observer/chi',
      { host: address, port: ordersPort },
      () => new Promise((resolve) => setTimeout(resolve, 300)),
    );
    assert.deepEqual([...new Set(report.answers.map(({ name }) => name))], ['front-chi']);
    for (const front of fronts) await under.end(front);
  });

  it('a controller’s order is carried out and confirmed by its agent, and an older one is refused', async () => {
    const routes = { orders: 'front-chi' };
    const instance = 'proxy-chi' as never;
    const condition = { kind: 'routed', epoch: epoch(102), routes } as never;
    assert.equal(codeOf(await agents.order(102, { kind: 'confirm', instance, condition })), 'ok');
    const lead = (as: number) => ({ kind: 'perform', instance, action: route('proxy-chi', routes, as) }) as const;
    assert.equal(codeOf(await agents.order(102, lead(102))), 'ok');
    assert.equal(codeOf(await agents.order(102, lead(101))), 'stale-epoch');
    const refused = await agents.order(101, lead(101));
    assert.deepEqual([refused.kind, refused.kind === 'refused' && refused.code], ['refused', 'stale-epoch']);
    const elsewhere = { kind: 'routed', epoch: epoch(102), routes: { orders: null } } as never;
    assert.equal(codeOf(await agents.order(102, { kind: 'confirm', instance, condition: elsewhere })), 'does-not-hold');
  });

  const keyOf: Readonly<Record<(typeof kinds)[number], (site: TradingSite) => string>> = {
    proxy: (site) => serverKey({ name: haproxyName, node: at(proxyNodes(servers().ground), site) }),
    pooler: (site) => serverKey({ name: pgbouncerName, node: at(pgbouncerNodes(servers().ground), site) }),
    names: (site) => serverKey({ name: dnsName, node: at(dnsNodes(servers().ground), site) }),
    registry: (site) => serverKey({ name: 'etcd', node: voterOf(site).node }),
    cache: (site) => serverKey({ name: redisName, node: at(redisNodes(servers().ground), site) }),
  };
  const routesOf: Readonly<Record<(typeof kinds)[number], Readonly<Record<string, string | null>>>> = {
    proxy: { orders: null },
    pooler: { [pooledDatabase]: null },
    names: { [serviceName]: 'front-chi' },
    registry: { [serviceName]: 'front-chi' },
    cache: { cache: 'cache-chi' },
  };

  for (const kind of kinds)
    it(`${kind}: frozen it is unknown to its agent, in every answer, and keeps nobody waiting; thawed it is well`, async (context: TestContext) => {
      const instance = `${kind}-nyc`;
      await waitFor(`${instance} to be well`, () => health(instance) === 'ok', 20_000);
      const frozen = await servers().freeze(keyOf[kind]('nyc'));
      const begun = performance.now();
      await waitFor(`${instance} to be unknown`, () => health(instance) === 'unknown', 10_000);
      context.diagnostic(`said to be unknown after ${Math.round(performance.now() - begun)} ms`);
      const routes = routesOf[kind];
      const condition = { kind: 'routed', epoch: epoch(102), routes } as never;
      const confirmed = await agents.order(102, { kind: 'confirm', instance: instance as never, condition }, 700);
      assert.equal(confirmed.kind, 'unknown');
      const action = route(instance, routes, 102);
      const led = await agents.order(102, { kind: 'perform', instance: instance as never, action }, 700);
      assert.equal(led.kind, 'unknown', JSON.stringify(led));
      await servers().thaw(frozen);
      await waitFor(`${instance} to be well again`, () => health(instance) === 'ok', 30_000);
    });

  it('a proxy that was started anew leads nowhere, and its agent leads it again', async (context: TestContext) => {
    await waitFor('the proxy', proxyLeads('chi', 'front-chi'), 10_000);
    await servers().kill(keyOf.proxy('chi'));
    await waitFor('it to be unknown', () => health('proxy-chi') === 'unknown', 10_000);
    await servers().restart(keyOf.proxy('chi'));
    const begun = performance.now();
    await waitFor('the proxy to lead again', proxyLeads('chi', 'front-chi'), 15_000);
    context.diagnostic(`led again after ${Math.round(performance.now() - begun)} ms`);
  });
}
