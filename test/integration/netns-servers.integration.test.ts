import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { labBreak, labDown, labHeal, labRestart } from '../../lab/cli.ts';
import { LabDirectory } from '../../lab/lab-directory.ts';
import { namespaceLabUp } from '../../lab/netns/namespace-lab-up.ts';
import type { PlannedNode } from '../../lab/netns/network-plan.ts';
import { findResidue } from '../../lab/netns/residue.ts';
import { frontPort, haproxyName, ordersPort, proxyNodes } from '../../lab/netns/servers/haproxy.ts';
import { lanAddress, type ServerGround } from '../../lab/netns/servers/placement.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import { serverState } from '../../lab/netns/servers/server-process.ts';
import { serverSecrets } from '../../lab/netns/servers/server-secrets.ts';
import { waitFor } from '../../lab/wait.ts';
import { HaproxyDriver } from '../../src/adapters/haproxy/driver.ts';
import { runtimeSocket } from '../../src/adapters/haproxy/runtime-socket.ts';
import { GuardedEpochs } from '../../src/adapters/system/guarded-epochs.ts';
import type { Epoch } from '../../src/core/base/ids.ts';
import { exampleFirm, NamespaceLabUnderTest, projectRoot, reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import type { SessionReport } from './session-probe.ts';

const skip = await reasonToSkipNamespaces();
const lab = { root: projectRoot, name: process.env['HOLDFAST_TEST_LAB'] ?? 'suite-servers' };
const topology = exampleFirm();
const epoch = (value: number) => value as Epoch;
const probe = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, 'session-probe.ts'),
];

const codeOf = (outcome: { readonly kind: string; readonly code?: string; readonly reason?: string }) =>
  outcome.kind === 'failed' ? outcome.code : outcome.kind;

describe('servers on a lab of network namespaces', { skip, timeout: 400_000 }, () => {
  let under: NamespaceLabUnderTest;
  let ground: ServerGround;
  let directory: string;
  let names = 0;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'netns-servers-'));
    await namespaceLabUp({ ...lab, topology, topologyFile: null, ifThere: 'replace' }, () => {});
    under = new NamespaceLabUnderTest(lab);
    const secret = serverSecrets(new LabDirectory(lab.root, lab.name).secrets);
    ground = { topology, plan: under.context.plan, secret };
  });
  after(async () => {
    await labDown(lab);
    rmSync(directory, { recursive: true, force: true });
    assert.deepEqual(findResidue(new LabDirectory(projectRoot, lab.name).id), { namespaces: [], controlGroups: [] });
  });

  const newEpochs = () => new GuardedEpochs(join(directory, `epochs-${++names}.json`));
  const freeze = (key: string) => labBreak(lab, { kind: 'freeze', target: { kind: 'process', key } }, 60_000);
  const kill = (key: string) => labBreak(lab, { kind: 'kill', target: { kind: 'process', key } }, null);

  async function withinDeadline<Result>(deadlineMs: number, work: Promise<Result>): Promise<Result> {
    const begun = performance.now();
    const result = await work;
    assert.ok(performance.now() - begun < deadlineMs + 500, `it took ${performance.now() - begun} ms`);
    return result;
  }

  async function asked(from: string, host: string, port: number, work: () => Promise<void>): Promise<SessionReport> {
    const child = await under.start(from, ...probe, 'ask', host, String(port));
    let report = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      report += bytes.toString('utf8');
    });
    try {
      await work();
      child.stdin?.end();
      await waitFor('the report', () => report.includes('\n'), 5_000);
      return JSON.parse(report) as SessionReport;
    } finally {
      await under.end(child);
    }
  }

  describe('HAProxy', () => {
    const backend = 'orders';
    const soon = { deadlineMs: 2_000 };
    const front = (site: string) => `front-${site}`;

    function driver(node: PlannedNode): HaproxyDriver {
      // The path of a socket may have 108 bytes; what leads to it may have any.
      const link = join(directory, `haproxy-${++names}`);
      symlinkSync(serverState(under.context, { name: haproxyName, node }), link);
      return new HaproxyDriver({ talk: runtimeSocket(join(link, 'admin.sock')), epochs: newEpochs() });
    }
    const proxyAt = (site: string) => proxyNodes(ground).find((node) => node.site === site)!;

    it('there are two in each trading site, and all of them are closed', async () => {
      const nodes = proxyNodes(ground);
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
      const servers = await Promise.all(
        topology.components
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
      const nobody = await asked(
        'observer/nyc',
        address,
        ordersPort,
        () => new Promise((resolve) => setTimeout(resolve, 100)),
      );
      assert.deepEqual(nobody.answers, []);

      assert.equal(codeOf(await route('nyc', 3)), 'ok');
      let tookMs = Number.NaN;
      const moved = await asked('observer/nyc', address, ordersPort, async () => {
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
      assert.ok(
        moved.heldUntilMs !== null && moved.heldUntilMs <= second!.firstMs,
        'the old session was not cut first',
      );
      assert.equal(codeOf(await route('nyc', 3)), 'stale-epoch');
      const chicago = { kind: 'routed', backend, server: front('chi') } as const;
      assert.equal(await proxy.confirm(chicago, soon), 'holds');

      const key = serverKey({ name: haproxyName, node });
      const frozen = await freeze(key);
      assert.equal(codeOf(await withinDeadline(400, route('nyc', 5, 400))), 'unknown');
      assert.equal(await withinDeadline(400, proxy.confirm(chicago, { deadlineMs: 400 })), 'unknown');
      assert.equal((await withinDeadline(400, proxy.observe({ deadlineMs: 400, backends: [backend] }))).process, null);
      await labHeal(lab, frozen.id);
      await waitFor('the proxy to answer', async () => (await proxy.confirm(chicago, soon)) !== 'unknown', 5_000);

      await kill(key);
      assert.equal(codeOf(await withinDeadline(400, route('nyc', 5, 400))), 'unknown');
      await labRestart(lab, key);
      await waitFor('it to be back', async () => (await proxy.confirm(chicago, soon)) !== 'unknown', 10_000);
      assert.equal(await proxy.confirm({ kind: 'routed', backend, server: null }, soon), 'holds');
      assert.equal(codeOf(await route('nyc', 5)), 'ok');
      assert.equal(codeOf(await route(null, 6)), 'ok');
      for (const server of servers) await under.end(server);
    });
  });
});
