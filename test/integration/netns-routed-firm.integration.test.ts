import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import type { GroupView } from '../../lab/demo/status-view.ts';
import { unsettled } from '../../lab/demo/status-view.ts';
import { instanceEndpoint } from '../../lab/layout.ts';
import { haproxyName, proxyNodes } from '../../lab/netns/servers/haproxy.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import type { InstanceId, SiteId } from '../../src/core/base/ids.ts';
import { activeSite, example, LabUnderTest, standbySite } from '../lab/lab-under-test.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { closedWithoutResidue, comeBeforeOtherWork, countedBothWays, outageSeen } from './netns-platform.under-test.ts';
import { everyServerIsWell } from './netns-servers/every-server-is-well.ts';
import { RoutedFirm, type SiteRoutes } from './netns-servers/routed-firm.ts';

const skip = await reasonToSkipNamespaces();
const sites = ['nyc', 'chi'] as const;
/** Half of the plain firm's: routers and their agents need processors, too. */
const ordersPerSecond = 50;
const darkForMs = 300_000;
const agreedWithinMs = 60_000;
/** Each look starts programs on every machine. */
const lookEveryMs = 1_000;

/**
 * Clients outside every site know a name that always stands for one address. Routers announce it where the traffic is, with the way to the
 * address that the proxies of a site share; the lab's own agents lead all of it.
 */
describe('a firm behind its routers, on network namespaces', { skip, timeout: 400_000 }, () => {
  let lab: LabUnderTest;
  let firm: RoutedFirm;
  let atBoot: readonly SiteRoutes[] = [];
  let answeredAtBoot: string | null = null;
  before(async () => {
    lab = await LabUnderTest.open('suite-routed-firm', {
      ground: 'netns',
      servers: 'led',
      topologyFile: example('three-site-servers.yaml'),
      ratePerSecond: ordersPerSecond,
      beforeActivation: async (opened) => {
        firm = new RoutedFirm(opened);
        await opened.eventually('every router answers', agreedWithinMs, async () => {
          atBoot = await Promise.all(sites.map((site) => firm.routes(site)));
          return !JSON.stringify(atBoot).includes('unknown');
        });
        answeredAtBoot = await firm.atService();
      },
    });
  });
  afterEach((context) => lab?.noteResult(context));
  after(async () => {
    firm?.close();
    if (lab === undefined) return;
    await closedWithoutResidue(lab);
  });

  const holderOf = ({ record }: GroupView, kind: 'trading-engine' | 'postgres'): InstanceId =>
    record!.grants[lab.component(kind).id]!.holder!;
  const addressOf = (instance: InstanceId, service: 'orders' | 'sql') => {
    const { host, port } = lab.platform.context.book.realAddress(instanceEndpoint(instance, service));
    return `${host}:${port}`;
  };

  /** What all of them say; then routers, shared addresses, records of services and who answers at the address, without their agents. */
  async function agreed(context: TestContext): Promise<void> {
    const begun = performance.now();
    let differ: readonly string[] = [];
    await lab
      .eventually(
        'all agree',
        agreedWithinMs,
        async () => {
          differ = await lab.notAgreed();
          return differ.length === 0;
        },
        lookEveryMs,
      )
      .catch(() => assert.deepEqual(differ, []));
    let found: unknown = null;
    let wanted: unknown = null;
    const asWanted = async () => {
      const view = await lab.platform.group();
      const active = activeSite(view);
      const [routes, services, answers] = await Promise.all([
        Promise.all(sites.map((site) => firm.routes(site))),
        Promise.all(sites.map((site) => firm.services(site))),
        firm.atService(),
      ]);
      const front = lab
        .component('front')
        .instances.find(({ host }) => lab.topology.hosts.some(({ id, site }) => id === host && site === active))!;
      const expected = {
        orders: addressOf(front.id, 'orders'),
        database: addressOf(holderOf(view, 'postgres'), 'sql'),
      };
      found = {
        announced: routes.map(({ announced }) => announced),
        holders: routes.map(({ holders }) => holders.length),
        services: services.map((each) =>
          Object.fromEntries(
            Object.entries(each).map(([name, kept]) => [
              name,
              (kept?.epoch ?? 0) >= view.record!.epoch ? kept?.address : `of epoch ${kept?.epoch}`,
            ]),
          ),
        ),
        answers,
      };
      wanted = {
        announced: sites.map((site) => [site === active, site === active]),
        holders: [1, 1],
        services: [expected, expected],
        answers: holderOf(view, 'trading-engine'),
      };
      return JSON.stringify(found) === JSON.stringify(wanted);
    };
    await lab
      .eventually('routers, addresses and services agree', agreedWithinMs, asWanted, lookEveryMs)
      .catch(() => assert.deepEqual(found, wanted));
    context.diagnostic(
      `routers, addresses, services and network check agree ${Math.round(performance.now() - begun)} ms after the question`,
    );
  }
  const counted = (context: TestContext) => countedBothWays(lab, context);
  const acknowledged = () =>
    lab.eventually('the take-over is acknowledged', 60_000, () =>
      lab.acknowledge().then(
        () => true,
        () => false,
      ),
    );

  it('boots with no prefix announced, and nobody at the service’s address', () => {
    assert.deepEqual(
      atBoot.map(({ announced }) => announced),
      [
        [false, false],
        [false, false],
      ],
    );
    assert.equal(answeredAtBoot, null);
  });

  it('routers of the preferred site announce it; every server is well, and all agree', async (test) => {
    const context = test as TestContext;
    await lab.settled();
    await agreed(context);
    await everyServerIsWell(lab, agreedWithinMs);
    await counted(context);
  });

  it('what detects and fences comes before other work, on every machine', () => comeBeforeOtherWork(lab));

  it('agents on routers are members of the groups of FRR, and have no rights of root but to read and to come before other work', async () => {
    const wrapper = await lab.pidOf('agent/nyc-router-1');
    const [child] = readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'utf8').trim().split(' ');
    const status = readFileSync(`/proc/${child}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim();
    const left = ((1n << 2n) | (1n << 23n)).toString(16).padStart(16, '0');
    assert.deepEqual(['CapPrm', 'CapEff', 'CapBnd', 'NoNewPrivs'].map(field), [left, left, left, '1']);
    const groups = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
    const idsOf = (names: readonly string[]) => groups.filter(([name]) => names.includes(name!)).map(([, , id]) => id!);
    assert.deepEqual(field('Groups')!.split(' ').toSorted(), idsOf(['frr', 'frrvty']).toSorted());
  });

  it('the proxy that has the shared address is killed: orders go on at the other one', async (test) => {
    const context = test as TestContext;
    const site = activeSite(await lab.settled());
    const [holder] = (await firm.routes(site)).holders;
    const node = proxyNodes(firm.placement).find(({ host }) => host === holder)!;
    const key = serverKey({ name: haproxyName, node });
    await lab.platform.mark('proxy');
    await lab.break({ kind: 'kill', target: { kind: 'process', key } }, null);
    await lab.eventually('the other machine has the address', 30_000, async () => {
      const { holders } = await firm.routes(site);
      return holders.length === 1 && holders[0] !== holder;
    });
    await lab.acknowledged('proxy', ordersPerSecond);
    await outageSeen(lab, context, 'proxy');
    await lab.restart(key);
    await agreed(context);
    await counted(context);
  });

  it('an engine that is killed is replaced behind them', async (test) => {
    const context = test as TestContext;
    await acknowledged();
    const view = await lab.settled();
    await lab.platform.mark('engine');
    await lab.break({ kind: 'kill', target: { kind: 'instance', instance: holderOf(view, 'trading-engine') } }, null);
    await lab.takenOver(view.record!.epoch);
    await outageSeen(lab, context, 'engine');
    await lab.settled();
    await agreed(context);
    await counted(context);
  });

  it('a site that loses its power: the routers of the other one announce, unattended; with its power back its own stay silent', async (test) => {
    const context = test as TestContext;
    await acknowledged();
    const view = await lab.settled();
    const lost = activeSite(view);
    await lab.platform.mark('power');
    const power = await lab.break({ kind: 'site-power-off', site: lost }, darkForMs);
    const taken = await lab.takenOver(view.record!.epoch);
    assert.equal(activeSite(taken), standbySite(lab.topology, lost));
    const { outageMs } = await outageSeen(lab, context, 'power');
    assert.ok(outageMs !== null && outageMs < 60_000, `${outageMs}`);
    await lab.heal(power);
    const looks: SiteRoutes['announced'][] = [];
    const back = await lab.platform.until('the platform is settled', unsettled, 120_000, () => {
      void firm.routes(lost).then(({ announced }) => looks.push(announced));
    });
    assert.equal(back.record!.epoch, taken.record!.epoch, 'a second take-over');
    assert.ok(!looks.flat().includes(true), 'a router that came back announced the service');
    context.diagnostic(`routers of ${lost} were looked at ${looks.length} times while it came back: silent`);
    await agreed(context);
    await counted(context);
  });

  it('goes back as planned', async (test) => {
    const context = test as TestContext;
    await acknowledged();
    const view = await lab.settled();
    const to = standbySite(lab.topology, activeSite(view));
    await lab.platform.mark('back');
    await lab.platform.demand('Omar Operator', {
      kind: 'move',
      group: lab.topology.groups[0]!.id,
      move: 'switchover',
      toSite: to as SiteId,
      digest: null,
      overrides: [],
      reason: 'back to the preferred site',
      acceptDataLoss: null,
    });
    assert.equal(activeSite(await lab.takenOver(view.record!.epoch)), to);
    const { outageMs } = await outageSeen(lab, context, 'back');
    assert.ok(outageMs === null || outageMs < 60_000, `${outageMs}`);
    await lab.settled();
    await agreed(context);
    await counted(context);
  });

  it('no secret of the lab is in a log, in the evidence or in a plan', () => {
    const { secrets, logs, path } = lab.directory;
    const hidden = readdirSync(secrets).map((name) => readFileSync(join(secrets, name), 'utf8').trim());
    const told = [logs, join(path, 'sites'), join(path, 'hosts')].flatMap((directory) =>
      globSync('**/{*.log,*.jsonl}', { cwd: directory }).map((name) => join(directory, name)),
    );
    assert.ok(hidden.length > 10 && told.length > 50, `${hidden.length} secrets, ${told.length} files`);
    const found = told.filter((file) => {
      const text = readFileSync(file, 'utf8');
      return hidden.some((secret) => text.includes(secret)) || text.includes('PRIVATE KEY');
    });
    assert.deepEqual(found, []);
  });
});
