import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, it, type TestContext } from 'node:test';
import { waitFor } from '../../../lab/wait.ts';
import { type AgentsUnderTest, routersOf, sites, type TradingSite } from './agents-under-test.ts';
import { codeOf, epoch, type ServersUnderTest } from './servers-under-test.ts';

/** The firm asks for 100 ms at a planned move, which is printed. Beyond this the new site was not announced when the old one withdrew. */
const movedWithinMs = 1_000;

/** Real routers, led by agent processes that run on them. An independent client says where packets go. */
export function routesSuite(servers: () => ServersUnderTest, ledBy: () => AgentsUnderTest): void {
  let agents: AgentsUnderTest;
  let prefix: string;
  let address: string;
  before(() => {
    agents = ledBy();
    ({ prefix, address } = servers().ground.plan.services[0]!);
  });

  const seen = (instance: string) => agents.seen(instance);
  const announces = (site: TradingSite) => () =>
    routersOf(site).every(({ instance }) => seen(instance)?.role === 'standby');
  const isClosed = (site: TradingSite) => () =>
    routersOf(site).every(({ instance }) => seen(instance)?.role === 'closed');
  const answers = async () =>
    (await servers().under.run('client', 'ping', '-n', '-c', '1', '-W', '1', address)).includes(' 1 received');
  const hostOf = (site: TradingSite) =>
    `host/${servers().ground.plan.services[0]!.at.find((place) => place.site === site)!.host}`;
  const configOf = (node: string) => join(servers().under.context.stateOf(node), 'etc-frr', 'bgpd.conf');
  /** As the router itself says, not its agent. */
  const isSourced = async (node: string) => {
    const text = await servers().under.run(
      node,
      ...['vtysh', '-d', 'bgpd', '-c', `show bgp ipv4 unicast ${prefix} json`],
    );
    return text.includes('"sourced":true');
  };
  const restart = async (node: string) => {
    await servers().kill(`${node}/bgpd`);
    await servers().restart(`${node}/bgpd`);
  };

  it('nobody announces a service that no site has the traffic of', async () => {
    await agents.record(110, null, null);
    for (const site of sites) await waitFor(`${site} to withdraw`, isClosed(site), 30_000);
    assert.equal(await answers(), false);
  });

  it('the routers of the site that has the traffic announce it, and a client outside reaches it', async () => {
    await agents.record(111, 'nyc', 'nyc');
    await waitFor('the client to be answered', answers, 10_000);
    await waitFor('nyc to say so', announces('nyc'), 10_000);
    assert.ok(isClosed('chi')());
    for (const { instance } of routersOf('nyc'))
      await waitFor(`${instance} to be well`, () => seen(instance)?.health === 'ok', 15_000);
    const { figures } = seen('router-nyc-1')!;
    assert.deepEqual([figures['bgpEstablished'], figures['bfdUp']], [5, 5]);
  });

  it('moved to the other site as planned, the client loses at most what the bound lets it', async (context: TestContext) => {
    const { under } = servers();
    const move = async (to: TradingSite, as: number) => {
      const from = sites.find((site) => site !== to)!;
      const other = await under.startEcho(hostOf(from));
      const report = await under.probed('client', { node: hostOf(to), address }, async () => {
        await agents.record(as, to, to);
        await waitFor(`${to} to announce`, announces(to), 15_000);
        await waitFor(`${from} to withdraw`, isClosed(from), 15_000);
        await new Promise((resolve) => setTimeout(resolve, 500));
      });
      await under.end(other);
      context.diagnostic(
        `moved to ${to}: ${report.lost} of ${report.sent} messages lost, one every 5 ms, silent for ${report.longestLossMs} ms`,
      );
      assert.ok(report.longestLossMs <= movedWithinMs, `${report.longestLossMs} ms`);
      for (const { node } of routersOf(from)) assert.equal(await isSourced(node), false, node);
    };
    await move('chi', 112);
    await move('nyc', 113);
    await move('chi', 114);
  });

  it('a bgpd that is started anew announces again what holds, and only that', async (context: TestContext) => {
    const [here] = routersOf('chi');
    const [there] = routersOf('nyc');
    await restart(there!.node);
    await restart(here!.node);
    const begun = performance.now();
    await waitFor('it to announce again', () => isSourced(here!.node), 15_000);
    context.diagnostic(`announced again after ${Math.round(performance.now() - begun)} ms`);
    await waitFor('its agent to say so', () => seen(here!.instance)?.health === 'ok', 15_000);
    await waitFor('the other one to be well', () => seen(there!.instance)?.health === 'ok', 15_000);
    assert.equal(await isSourced(there!.node), false);
    assert.equal(seen(there!.instance)?.role, 'closed');
  });

  it('a saved configuration that announces is said at once, and what it announces after a restart is withdrawn', async (context: TestContext) => {
    const [{ node, instance }] = routersOf('nyc') as [{ node: string; instance: string }];
    const before_ = readFileSync(configOf(node), 'utf8');
    appendFileSync(configOf(node), `router bgp 65001\n address-family ipv4 unicast\n  network ${prefix}\n`);
    try {
      await waitFor('its agent to say so', () => seen(instance)?.health === 'degraded', 10_000);
      assert.match(seen(instance)?.reason ?? '', /a router that starts with it does so/);
      await servers().kill(`${node}/bgpd`);
      const begun = performance.now();
      await servers().restart(`${node}/bgpd`);
      await waitFor('it to announce by itself', () => isSourced(node), 10_000);
      await waitFor('its agent to withdraw it', async () => !(await isSourced(node)), 15_000);
      context.diagnostic(`withdrawn ${Math.round(performance.now() - begun)} ms after the restart was asked for`);
    } finally {
      writeFileSync(configOf(node), before_);
    }
    await waitFor('it to be well', () => seen(instance)?.health === 'ok', 15_000);
  });

  it('frozen it is unknown to its agent, in every answer, by the deadline; thawed it is well', async (context: TestContext) => {
    const [{ node, instance }] = routersOf('chi') as [{ node: string; instance: string }];
    await waitFor('it to be well', () => seen(instance)?.health === 'ok', 20_000);
    const frozen = await servers().freeze(`${node}/bgpd`);
    const begun = performance.now();
    await waitFor('it to be unknown', () => seen(instance)?.health === 'unknown', 10_000);
    context.diagnostic(`said to be unknown after ${Math.round(performance.now() - begun)} ms`);
    const routes = { [prefix]: 'front-chi' };
    const condition = { kind: 'routed', epoch: epoch(114), routes } as never;
    const order = (what: object) => agents.order(114, { instance, ...what } as never, 700);
    assert.equal((await order({ kind: 'confirm', condition })).kind, 'unknown');
    const action = { kind: 'route', epoch: epoch(114), routes };
    assert.equal((await order({ kind: 'perform', action })).kind, 'unknown');
    await servers().thaw(frozen);
    await waitFor('it to be well again', () => seen(instance)?.health === 'ok', 30_000);
    const stale = { kind: 'route', epoch: epoch(113), routes };
    assert.equal(codeOf(await agents.order(114, { kind: 'perform', instance, action: stale } as never)), 'stale-epoch');
  });
}
