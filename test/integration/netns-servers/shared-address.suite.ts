import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { labBreak } from '../../../lab/cli.ts';
import type { ProbeReport } from '../../../lab/netns/path-probe.ts';
import { frontPort, haproxyName, ordersPort, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { proxyAddress } from '../../../lab/netns/servers/shared-address.ts';
import { waitFor } from '../../../lab/wait.ts';
import { hostId } from '../../../src/core/base/ids.ts';
import { haproxyDriver } from './haproxy.suite.ts';
import { codeOf, epoch, probe, type ServersUnderTest } from './servers-under-test.ts';

/** The firm asks for 400 ms, which is printed. Beyond this it was neither VRRP nor whoever watches the proxy that moved the address. */
const silentWithinMs = 2_000;

/** Two proxies of New York lead to the front of Chicago, so that their machines are nothing but proxies. */
export function sharedAddressSuite(servers: () => ServersUnderTest): void {
  const nodes = () => proxyNodes(servers().ground).filter(({ site }) => site === 'nyc');
  const address = () => proxyAddress(servers().ground, nodes()[0]!).replace(/\/.*/, '');
  const owners = async () => {
    const found = await Promise.all(
      nodes().map(async (node) => {
        const said = await servers().under.run(node.id, 'ip', '-j', 'addr', 'show', 'dev', 'lan');
        return said.includes(`"local":"${address()}"`) ? [node] : [];
      }),
    );
    return found.flat();
  };
  const owner = async () => {
    const [only, ...others] = await owners();
    return others.length === 0 ? (only ?? null) : null;
  };
  const lead = async () => {
    for (const node of nodes()) {
      const route = { kind: 'route', epoch: epoch(40), backend: 'orders', server: 'front-chi' } as const;
      assert.equal(codeOf(await haproxyDriver(servers(), node).perform(route, { deadlineMs: 2_000 })), 'ok');
    }
  };
  const opened = (work: () => Promise<void>): Promise<ProbeReport> =>
    servers().opened('observer/nyc', { host: address(), port: ordersPort }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await work();
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
  const said = (context: TestContext, what: string, { sent, lost, longestLossMs }: ProbeReport) => {
    context.diagnostic(
      `${what}: silent for ${longestLossMs} ms at the shared address, ${lost} of ${sent} sessions lost`,
    );
    assert.ok(lost > 0 && longestLossMs <= silentWithinMs, `${longestLossMs} ms`);
  };

  it('the address of two proxies is at one of them, and follows the one that answers', async (context: TestContext) => {
    const { ground, under, lab } = servers();
    const { id, host } = ground.topology.components
      .find(({ kind }) => kind === 'front')!
      .instances.find(({ id: instance }) => instance === 'front-chi')!;
    const front = await under.start(`host/${host}`, ...probe, 'serve', id, String(frontPort));
    await lead();
    await waitFor('one owner', async () => (await owner()) !== null, 10_000);
    const moved = async (from: { readonly id: string }) => {
      const is = async () => {
        const now = await owners();
        return now.length > 0 && now.every((node) => node.id !== from.id);
      };
      await waitFor('the other machine to have the address', is, 5_000);
    };

    const first = (await owner())!;
    const killed = await opened(async () => {
      await servers().kill(serverKey({ name: haproxyName, node: first }));
      await moved(first);
    });
    said(context, 'proxy killed', killed);
    await servers().restart(serverKey({ name: haproxyName, node: first }));
    await waitFor('the proxy', async () => (await owner()) !== null, 10_000);
    await waitFor(
      'it to be led',
      () =>
        lead().then(
          () => true,
          () => false,
        ),
      10_000,
    );

    const second = (await owner())!;
    let thaw = '';
    const stood = await opened(async () => {
      thaw = await servers().freeze(serverKey({ name: haproxyName, node: second }));
      await moved(second);
    });
    said(context, 'proxy frozen', stood);
    await servers().thaw(thaw);
    await waitFor('one owner', async () => (await owner()) !== null, 10_000);

    const third = (await owner())!;
    let fault = '';
    const frozen = await opened(async () => {
      fault = (await labBreak(lab, { kind: 'freeze', target: { kind: 'host', host: hostId(third.host!) } }, 60_000)).id;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    });
    said(context, 'machine frozen', frozen);
    await servers().heal(fault);
    await waitFor('one owner', async () => (await owner()) !== null, 10_000);
    await under.end(front);
  });
}
