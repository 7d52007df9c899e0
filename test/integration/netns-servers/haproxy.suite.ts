import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { frontPort, haproxyName, ordersPort, proxyNodes } from '../../../lab/netns/servers/haproxy.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { waitFor } from '../../../lab/wait.ts';
import { HaproxyDriver } from '../../../src/adapters/haproxy/driver.ts';
import { runtimeSocket } from '../../../src/adapters/haproxy/runtime-socket.ts';
import { servedWithinMs } from '../../../src/engine/served-routes.ts';
import { codeOf, epoch, probe, type ServersUnderTest, withinDeadline } from './servers-under-test.ts';

/** Over the socket on the proxy's disk. */
export function haproxyDriver(servers: ServersUnderTest, node: PlannedNode): HaproxyDriver {
  // The path of a socket may have 108 bytes; what leads to it may have any.
  const link = servers.newName('haproxy');
  symlinkSync(serverState(servers.under.context, { name: haproxyName, node }), link);
  return new HaproxyDriver({ talk: runtimeSocket(join(link, 'admin.sock')), epochs: servers.newEpochs() });
}

export function haproxySuite(servers: () => ServersUnderTest): void {
  const backend = 'orders';
  const soon = { deadlineMs: 2_000 };
  const front = (site: string) => `front-${site}`;

  const driver = (node: PlannedNode) => haproxyDriver(servers(), node);
  const proxyAt = (site: string) => proxyNodes(servers().ground).find((node) => node.site === site)!;

  it('there are two in each trading site, and all of them are closed', async () => {
    const nodes = proxyNodes(servers().ground);
    assert.deepEqual(
      nodes.map(({ site }) => site),
      ['nyc', 'nyc', 'chi', 'chi'],
    );
    for (const node of nodes) {
      const proxy = driver(node);
      const seen = await proxy.observe({ ...soon, backends: [backend] });
      assert.deepEqual(seen.reasons, []);
      assert.deepEqual(
        seen.backends[backend]?.map(({ name, admitted, up }) => [name, admitted, up]),
        [
          ['front-nyc', false, false],
          ['front-chi', false, false],
        ],
      );
      assert.equal(await proxy.confirm({ kind: 'routed', backend, server: null }, soon), 'holds');
    }
  });

  it('leads to one server, then to another: old sessions are cut, an older epoch moves nothing, a restart closes', async (context: TestContext) => {
    const { under, ground } = servers();
    const fronts = await Promise.all(
      ground.topology.components
        .find(({ kind }) => kind === 'front')!
        .instances.map(({ id, host }) => under.start(`host/${host}`, ...probe, 'serve', id, String(frontPort))),
    );
    const node = proxyAt('nyc');
    const proxy = driver(node);
    const address = lanAddress(ground.plan, node);
    const route = (site: string | null, at: number, deadlineMs = 2_000) =>
      proxy.perform(
        { kind: 'route', epoch: epoch(at), backend, server: site === null ? null : front(site) },
        { deadlineMs },
      );
    const nobody = await servers().asked(
      'observer/nyc',
      { host: address, port: ordersPort },
      () => new Promise((resolve) => setTimeout(resolve, 100)),
    );
    assert.deepEqual(nobody.answers, []);

    assert.equal(codeOf(await route('nyc', 3)), 'ok');
    let tookMs = Number.NaN;
    const moved = await servers().asked('observer/nyc', { host: address, port: ordersPort }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const begun = performance.now();
      assert.equal(codeOf(await route('chi', 4)), 'ok');
      tookMs = performance.now() - begun;
      await new Promise((resolve) => setTimeout(resolve, 300));
    });
    const [first, second] = moved.answers;
    assert.deepEqual(
      moved.answers.map(({ name }) => name),
      [front('nyc'), front('chi')],
    );
    context.diagnostic(
      `moved in ${tookMs.toFixed(1)} ms; between the last answer here and the first over 8 ms of link ${(second!.firstMs - first!.lastMs).toFixed(1)} ms`,
    );
    assert.ok(moved.heldUntilMs !== null && moved.heldUntilMs <= second!.firstMs, 'the old session was not cut first');
    assert.equal(codeOf(await route('nyc', 3)), 'stale-epoch');
    const chicago = { kind: 'routed', backend, server: front('chi') } as const;
    assert.equal(await proxy.confirm(chicago, soon), 'holds');

    const key = serverKey({ name: haproxyName, node });
    const frozen = await servers().freeze(key);
    assert.equal(codeOf(await withinDeadline(400, route('nyc', 5, 400))), 'unknown');
    assert.equal(await withinDeadline(400, proxy.confirm(chicago, { deadlineMs: 400 })), 'unknown');
    assert.equal((await withinDeadline(400, proxy.observe({ deadlineMs: 400, backends: [backend] }))).process, null);
    await servers().thaw(frozen);
    await waitFor('the proxy to answer', async () => (await proxy.confirm(chicago, soon)) !== 'unknown', 5_000);

    await servers().kill(key);
    assert.equal(codeOf(await withinDeadline(400, route('nyc', 5, 400))), 'unknown');
    await servers().restart(key);
    await waitFor('it to be back', async () => (await proxy.confirm(chicago, soon)) !== 'unknown', 10_000);
    assert.equal(await proxy.confirm({ kind: 'routed', backend, server: null }, soon), 'holds');
    assert.equal(codeOf(await route('nyc', 5)), 'ok');
    assert.equal(codeOf(await route(null, 6)), 'ok');
    for (const front of fronts) await under.end(front);
  });

  it('cuts a session that its client has half closed and its server would keep', async () => {
    const { under, ground } = servers();
    const node = proxyAt('nyc');
    const proxy = driver(node);
    const { host } = ground.topology.components
      .find(({ kind }) => kind === 'front')!
      .instances.find(({ id }) => id === front('nyc'))!;
    const keeper = await under.start(`host/${host}`, ...probe, 'keep', front('nyc'), String(frontPort));
    const route = (server: string | null, at: number, deadlineMs: number) =>
      proxy.perform({ kind: 'route', epoch: epoch(at), backend, server }, { deadlineMs });
    assert.equal(codeOf(await route(front('nyc'), 1, 2_000)), 'ok');
    const isUp = async () => {
      const { backends } = await proxy.observe({ ...soon, backends: [backend] });
      return backends[backend]?.some(({ name, up }) => name === front('nyc') && up) === true;
    };
    await waitFor('the proxy to find it up', isUp, 5_000);
    const to = { host: lanAddress(ground.plan, node), port: ordersPort };
    const session = await servers().dialFrom('observer/nyc')(to, soon);
    try {
      const answered = once(session, 'data');
      session.write('?');
      await answered;
      session.end();
      await once(session, 'finish');
      assert.equal(codeOf(await route(null, 2, servedWithinMs('haproxy'))), 'ok');
    } finally {
      session.destroy();
      await under.end(keeper);
    }
  });
}
