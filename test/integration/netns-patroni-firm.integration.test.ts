import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import type { GroupView } from '../../lab/demo/status-view.ts';
import { hostMonoMs } from '../../src/adapters/process/host-clock.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { activeSite, example, LabUnderTest, projectRoot, standbySite } from '../lab/lab-under-test.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { PatroniFirm } from './netns-patroni/patroni-firm.ts';
import { closedWithoutResidue, countedBothWays, outageSeen } from './netns-platform.under-test.ts';
import { LedFirm } from './netns-servers/led-firm.ts';

const skip = await reasonToSkipNamespaces();
const ordersPerSecond = 100;
const agreedWithinMs = 45_000;
const lockTtlMs = 30_000;
/** A dead primary's lock ends after 30 s; then there is an election, and a promotion. */
const promotedWithinMs = 90_000;
const darkForMs = 300_000;

const ms = (value: number | null) => (value === null ? 'none' : `${Math.round(value)} ms`);

/** Patroni with the timers that it comes with says who is primary; the lab's own controllers and agents move the rest with it. */
describe('a firm whose database is under Patroni, on network namespaces', { skip, timeout: 700_000 }, () => {
  let lab: LabUnderTest;
  let servers: LedFirm;
  let firm: PatroniFirm;
  let atBoot: readonly unknown[] = [];
  before(async () => {
    lab = await LabUnderTest.open('suite-patroni-firm', {
      ground: 'netns',
      servers: 'led',
      topologyFile: example('three-site-patroni.yaml'),
      overlays: [`${projectRoot}/test/lab/led-servers.yaml`],
      ratePerSecond: ordersPerSecond,
      beforeActivation: async (opened) => {
        servers = new LedFirm(opened);
        firm = new PatroniFirm(opened);
        await opened.eventually('every pooler answers', agreedWithinMs, async () => {
          atBoot = await Promise.all(['nyc', 'chi'].map(async (site) => (await servers.leads(site, 1)).pooler));
          return !JSON.stringify(atBoot).includes('unknown');
        });
      },
    });
  });
  afterEach((context) => lab?.noteResult(context));
  after(async () => {
    servers?.close();
    if (lab === undefined) return;
    await closedWithoutResidue(lab);
  });

  const counted = (context: TestContext) => countedBothWays(lab, context);
  const acknowledged = () =>
    lab.eventually('the take-over is acknowledged', 60_000, () =>
      lab.acknowledge().then(
        () => true,
        () => false,
      ),
    );

  /** Poolers lead to the primary that the record names, at its site and where clients are led to, and nowhere else. */
  async function poolersFollow(context: TestContext): Promise<void> {
    const begun = performance.now();
    let found = '';
    let wanted = '';
    const same = async () => {
      const view = await lab.platform.group();
      const holder = firm.adopted(view);
      const reached = holder === null ? [] : [view.record?.traffic, firm.siteOf(holder)];
      const primary = holder === null ? null : servers.databaseOf(lab, firm.siteOf(holder));
      wanted = JSON.stringify(['nyc', 'chi'].map((site) => (reached.includes(site) ? primary : null)));
      found = JSON.stringify(
        await Promise.all(['nyc', 'chi'].map(async (site) => (await servers.leads(site, 1)).pooler)),
      );
      return found === wanted;
    };
    await lab.eventually('poolers follow', agreedWithinMs, same).catch(() => assert.equal(found, wanted));
    context.diagnostic(`poolers lead ${found}, seen ${ms(performance.now() - begun)} after the question`);
  }

  /** Times of what controllers did about it, by their evidence. */
  function adoptions(context: TestContext, sinceMonoMs: number): void {
    const told = lab.evidence().filter(({ kind, monoMs }) => kind === 'delegate-adopted' && monoMs >= sinceMonoMs);
    for (const { monoMs, data } of told)
      context.diagnostic(`adopted ${ms(monoMs - sinceMonoMs)}: ${JSON.stringify(data)}`);
  }

  /** On what it rests that the lock was not waited for, as evidence has it. */
  function releasedEarly(
    context: TestContext,
    { former, by, sinceMonoMs }: { former: string; by: 'process-dead' | 'lease-expired'; sinceMonoMs: number },
  ): void {
    const told = (kind: string, name: string, value: string) =>
      lab
        .evidence()
        .map((each) => ({ ...each, data: each.data as Record<string, unknown> }))
        .find((each) => each.kind === kind && each.monoMs >= sinceMonoMs && each.data[name] === value);
    const proof = told('fencing-proof', 'scope', former);
    assert.equal(proof?.data['method'], by);
    const adopted = told('delegate-adopted', 'asked', 'by this run');
    assert.ok(adopted !== undefined && adopted.monoMs - sinceMonoMs < lockTtlMs, 'its lock was not waited for');
    context.diagnostic(`proof ${ms(proof!.monoMs - sinceMonoMs)}: ${JSON.stringify(proof!.data)}`);
    const permit = told('promotion-checked', 'kind', 'granted');
    assert.match(String(permit?.data['reason']), /moves database here$/, 'Patroni asked before it promoted');
    context.diagnostic(`asked ${ms(permit!.monoMs - sinceMonoMs)}: ${JSON.stringify(permit!.data)}`);
  }

  async function movedByCommand(context: TestContext, to: string): Promise<GroupView> {
    const before = await lab.platform.group();
    const mark = `to ${to}`;
    await lab.platform.mark(mark);
    const begun = hostMonoMs();
    const { code, text } = await firm.switchover(to);
    assert.equal(code, 0, text);
    const moved = await lab.takenOver(before.record!.epoch);
    assert.equal(activeSite(moved), to);
    assert.equal(firm.siteOf(firm.adopted(moved)!), to);
    adoptions(context, begun);
    const step = /✓ +7 promote-components +ok +(\S+ s)/.exec(text)?.[1];
    context.diagnostic(`to ${to}: promote-components ${step ?? 'not shown'}`);
    await outageSeen(lab, context, mark);
    await firm.settled(to);
    await poolersFollow(context);
    await counted(context);
    return moved;
  }

  it('boots with every pooler closed', () => {
    assert.deepEqual(atBoot, [null, null]);
  });

  it('is activated where Patroni has its primary: the record names its lock, and poolers lead there', async (test) => {
    const context = test as TestContext;
    const view = await firm.settled('nyc');
    assert.equal(activeSite(view), 'nyc');
    const { holder, lock } = view.record!.delegates!['database' as never]!;
    assert.equal(holder, 'database-nyc');
    const seen = view.instances.find(({ instance }) => instance === holder)!.observation!;
    assert.deepEqual([seen.delegate!.lock, seen.delegate!.durability], [{ holder, since: lock }, 'strict']);
    assert.equal(seen.delegate!.lockTtlMs, lockTtlMs);
    await poolersFollow(context);
    await counted(context);
  });

  it('goes to the other site and back as ordered at the command line, and loses nothing', async (test) => {
    const context = test as TestContext;
    for (const to of ['chi', 'nyc']) await movedByCommand(context, to);
  });

  it('its primary killed with its Patroni: its agent proves it, its lock is released, commits go to the other site, and the group follows when ordered', async (test) => {
    const context = test as TestContext;
    const view = await firm.settled('nyc');
    const killed = firm.adopted(view)!;
    await lab.platform.mark('kill');
    const begun = hostMonoMs();
    await lab.break({ kind: 'kill', target: { kind: 'process', key: firm.keyOf(killed) } }, null);
    await lab.eventually('Patroni and PostgreSQL are dead', 10_000, () => firm.isDead(killed));
    const after = await lab.platform.until(
      'another one is adopted',
      (seen) => ([null, killed].includes(firm.adopted(seen)) ? `${firm.adopted(seen)} is adopted` : null),
      promotedWithinMs,
    );
    adoptions(context, begun);
    assert.equal(firm.siteOf(firm.adopted(after)!), 'chi');
    assert.equal(activeSite(after), 'nyc', 'nothing else moves with it');
    // Its own agent proved that nothing of it was left.
    releasedEarly(context, { former: killed, by: 'process-dead', sinceMonoMs: begun });
    await poolersFollow(context);
    await lab.eventually(
      'commits go on',
      60_000,
      async () => (await lab.platform.flow('kill')).commitState === 'interrupted',
    );
    await outageSeen(lab, context, 'kill');
    await counted(context);
    await lab.restart(firm.keyOf(killed));
    const rejoined = hostMonoMs();
    await lab.platform.until('it follows', (seen) => firm.lacks(seen, 'chi'), 120_000);
    context.diagnostic(
      `the killed one is a synchronous standby again ${ms(hostMonoMs() - rejoined)} after it was started`,
    );
    await movedByCommand(context, 'chi');
  });

  const losses = [
    ['loses its power', (site: SiteId) => ({ kind: 'site-power-off', site }) as const],
    ['is cut off from everybody', (site: SiteId) => ({ kind: 'site-isolated', site }) as const],
  ] as const;
  for (const [what, fault] of losses)
    it(`the active site ${what}: its gate has closed, the database is primary at the other one, unattended, and comes back as a copy`, async (test) => {
      const context = test as TestContext;
      await acknowledged();
      const lost = activeSite(await lab.platform.group());
      const other = standbySite(lab.topology, lost);
      const view = await firm.settled(lost);
      await lab.platform.mark(what);
      const begun = hostMonoMs();
      const broken = await lab.break(fault(lost as SiteId), darkForMs);
      const taken = await lab.takenOver(view.record!.epoch);
      assert.equal(activeSite(taken), other);
      adoptions(context, begun);
      // Nobody is there to prove anything.
      releasedEarly(context, { former: firm.adopted(view)!, by: 'lease-expired', sinceMonoMs: begun });
      await outageSeen(lab, context, what);
      await lab.heal(broken);
      await firm.settled(other);
      await poolersFollow(context);
      await counted(context);
    });

  it('no password of it is in a log, a journal or in evidence', () => {
    assert.deepEqual(firm.secretsTold(), []);
  });
});
