import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { labBreak, labDown, labHeal, labRestart } from '../../lab/cli.ts';
import { namespaceLabUp } from '../../lab/netns/namespace-lab-up.ts';
import { configFile } from '../../lab/netns/servers/patroni.ts';
import { serverDirectory } from '../../lab/netns/servers/server.ts';
import { waitFor } from '../../lab/wait.ts';
import type { AdoptedPrimary, GroupRecord } from '../../src/core/authority/group-record.ts';
import { epoch, groupId, instanceId, runId } from '../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../src/core/health/instance-observation.ts';
import type { ActionOutcome } from '../../src/engine/driver-port.ts';
import { DatabaseUnderTest } from './netns-database/database-under-test.ts';
import { underPatroni } from './netns-database/delegated-topology.ts';
import type { WriterReport } from './netns-database/ledger-writer.ts';
import { exampleFirm, NamespaceLabUnderTest, projectRoot, reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { DeskUnderTest } from './netns-servers/desk-under-test.ts';

const skip = await reasonToSkipNamespaces();

const lab = { root: projectRoot, name: 'suite-database-agents' };
const firm = exampleFirm();
const topology = underPatroni(firm);
const [nyc, chi, ldn] = ['database-nyc', 'database-chi', 'database-ldn'] as const;
/** What the firm asks of a planned move, there and back, which is printed. */
const gapGoalMs = 4_000;
/** Beyond this it was no planned move: a lock ends after 10 s. */
const gapWithinMs = 10_000;
/** Patroni asks there before it promotes, once its configuration says so; by a copy of the shipped program that its user may read. */
const grantSocket = '/run/holdfast/grant/database.sock';
const grantCheck = '/run/holdfast/grant-check';
/** A dead primary's lock ends after 10 s; then there is an election, and a promotion. */
const takeOverWithinMs = 40_000;

describe('agents beside PostgreSQL under Patroni on the netns ground', { skip, timeout: 280_000 }, () => {
  let under: NamespaceLabUnderTest;
  let database: DatabaseUnderTest;
  let desk: DeskUnderTest;
  let directory: string;
  const reports: WriterReport[] = [];
  let lastEpoch = 100;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'netns-database-agents-'));
    await namespaceLabUp({ ...lab, topology: firm, topologyFile: null, ifThere: 'replace', platform: false }, () => {});
    under = new NamespaceLabUnderTest(lab);
    database = new DatabaseUnderTest(under, firm, directory);
    desk = new DeskUnderTest({
      under,
      topology,
      home: join(directory, 'agents'),
      desk: database.members[0]!.node,
    });
    await desk.up(
      database.members.map(({ name, node }) => {
        const options = database.serverOptions(name, (file, text) => desk.written(file, text));
        const server = { ...options, grantSocket };
        return { host: node.host!, node: node.id, instances: [{ kind: 'served', instance: name, server }] };
      }),
    );
    await settled();
    await database.query(nyc, 'create table ledger (id bigint primary key); grant insert on ledger to application');
  });
  after(async () => {
    await desk?.down();
    database?.close();
    await labDown(lab);
    rmSync(directory, { recursive: true, force: true });
  });

  const seen = (name: string): InstanceObservation | null => desk.seen(name);
  const other = (name: string) => (name === nyc ? chi : nyc);
  const isWell = (name: string) => seen(name)?.health === 'ok';
  const lockOf = (name: string) => seen(name)?.delegate?.lock ?? null;

  /** As agents report it: the primary, once the other trading site acknowledges for it and everybody is well. */
  function settledAt(): string | null {
    const primary = [nyc, chi].find((name) => seen(name)?.role === 'primary' && lockOf(name)?.holder === name);
    if (primary === undefined || ![nyc, chi, ldn].every(isWell)) return null;
    const inStep = seen(primary)?.replicas.some(
      ({ instance, state }) => instance === other(primary) && state === 'in-sync',
    );
    // One agent looks up to a second after the other.
    const agree = [nyc, chi, ldn].every(
      (name) => lockOf(name)?.holder === primary && seen(name)?.delegate?.withoutLoss.join() === other(primary),
    );
    return inStep === true && agree ? primary : null;
  }
  async function settled(): Promise<string> {
    let primary: string | null = null;
    const isSettled = async () => {
      primary = settledAt();
      return primary !== null && (await database.upstreamOf(ldn)) === other(primary);
    };
    try {
      await waitFor('a primary, its synchronous standby and the archive behind that, all well', isSettled, 60_000);
    } catch (cause) {
      throw new Error(`seen: ${JSON.stringify([nyc, chi, ldn].map(seen))}`, { cause });
    }
    return primary!;
  }

  const takeOver = (to: string, former: string | null, planned: boolean, at: number, deadlineMs = 20_000) =>
    desk.order(
      at,
      {
        kind: 'perform',
        instance: instanceId(to),
        action: { kind: 'take-over', epoch: epoch(at), former: former === null ? null : instanceId(former), planned },
      },
      deadlineMs,
    );
  /** What a controller writes before it orders anything: agents ask Patroni only for the run that it names. */
  const begin = (at: number, change: Partial<GroupRecord> = {}) =>
    desk.record({
      group: groupId('trading'),
      epoch: epoch(at),
      activeSite: null,
      traffic: null,
      grants: {},
      run: runId('run'),
      tradingEnabled: false,
      ...change,
    });
  const wordOf = (outcome: { readonly kind: string }) => JSON.stringify(outcome);
  const detailOf = (outcome: object) => (outcome as Extract<ActionOutcome, { kind: 'ok' }>).detail;

  async function writtenWhile(context: TestContext, what: string, work: () => Promise<void>): Promise<WriterReport> {
    const report = await database.written(work);
    reports.push(report);
    const { sent, acknowledged, unknown, longestGapMs } = report;
    context.diagnostic(
      `${what}: ${sent} sent, ${acknowledged.length} acknowledged, ${unknown.length} unknown; longest without one ${longestGapMs} ms`,
    );
    return report;
  }
  async function assertNothingMissing(): Promise<void> {
    assert.deepEqual(await database.compare(await settled(), reports), { missing: [], surplus: [], twice: 0 });
  }

  it('each member is reported with its role, timeline, position and lag, and everybody names the same lock', async () => {
    assert.equal(await settled(), nyc);
    const primary = seen(nyc)!;
    assert.deepEqual([primary.role, primary.releasing, primary.ackSet], ['primary', true, [chi]]);
    for (const name of [chi, ldn]) {
      const { role, figures, releasing, position } = seen(name)!;
      assert.deepEqual([role, releasing, position?.generation], ['standby', false, primary.position?.generation], name);
      assert.ok(figures['lagBytes'] !== undefined, name);
    }
    for (const name of [nyc, chi, ldn]) {
      const { lock, withoutLoss, durability, paused, dangers } = seen(name)!.delegate!;
      assert.deepEqual(
        [lock, withoutLoss, durability, paused, dangers],
        [lockOf(nyc), [chi], 'strict', false, []],
        name,
      );
    }
  });

  it('ordered to, an agent has Patroni switch over, there and back: short for an independent client, nothing lost, and proved', async (context: TestContext) => {
    const gaps: number[] = [];
    for (const to of [chi, nyc]) {
      const from = await settled();
      assert.equal(from, other(to));
      const before = lockOf(from)!;
      lastEpoch += 1;
      await begin(lastEpoch);
      let outcome: Awaited<ReturnType<typeof takeOver>> | null = null;
      let tookMs = 0;
      const report = await writtenWhile(context, `to ${to}`, async () => {
        const begun = performance.now();
        outcome = await takeOver(to, from, true, lastEpoch);
        tookMs = Math.round(performance.now() - begun);
        await waitFor('everybody to be in step', () => settledAt() === to, 60_000);
      });
      gaps.push(report.longestGapMs);
      context.diagnostic(`to ${to}: proved after ${tookMs} ms: ${wordOf(outcome!)}`);
      const lock = lockOf(to)!;
      assert.ok(lock.holder === to && lock.since > before.since);
      assert.deepEqual(detailOf(outcome!), {
        lock: `of ${to} since revision ${lock.since}`,
        former: `${from} is demoted`,
      });
      const primaryAt = {
        kind: 'confirm',
        instance: instanceId(to),
        condition: { kind: 'primary-at', epoch: epoch(lastEpoch) },
      } as const;
      assert.equal((await desk.order(lastEpoch, primaryAt)).kind, 'ok');
    }
    await assertNothingMissing();
    const met = Math.max(...gaps) <= gapGoalMs ? 'met' : 'missed';
    const shown = `without a write ${gaps.join(' ms there and ')} ms back, goal ${gapGoalMs} ms: ${met}`;
    context.diagnostic(shown);
    assert.ok(Math.max(...gaps) <= gapWithinMs, shown);
  });

  it('an older epoch, a wrong primary and a member that may not lead move nothing', async () => {
    const primary = await settled();
    const before = lockOf(primary);
    const stale = await takeOver(other(primary), primary, true, lastEpoch - 1);
    assert.equal(stale.kind === 'refused' ? stale.code : stale.kind, 'stale-epoch');
    const archive = await takeOver(ldn, primary, true, lastEpoch);
    assert.equal(archive.kind === 'failed' && archive.code, 'not-eligible', wordOf(archive));
    const wrong = await takeOver(other(primary), ldn, true, lastEpoch);
    assert.equal(wrong.kind === 'failed' && wrong.code, 'other-primary', wordOf(wrong));
    assert.equal(await settled(), primary);
    assert.deepEqual(lockOf(primary), before);
  });

  it('a member that stands still is unknown to its agent, in every answer, and nothing moves', async (context: TestContext) => {
    const primary = await settled();
    const standby = other(primary);
    await labBreak(lab, { kind: 'freeze', target: { kind: 'process', key: database.keyOf(standby) } }, 30_000);
    const begun = performance.now();
    await waitFor(`${standby} to be unknown`, () => seen(standby)?.health === 'unknown', 10_000);
    context.diagnostic(`said to be unknown after ${Math.round(performance.now() - begun)} ms`);
    const { role, releasing } = seen(standby)!;
    assert.deepEqual([role, releasing], ['unknown', false]);
    const instance = instanceId(standby);
    const condition = { kind: 'primary-at', epoch: epoch(lastEpoch) } as const;
    const held = await desk.order(lastEpoch, { kind: 'confirm', instance, condition }, 700);
    assert.notEqual(held.kind, 'ok', wordOf(held));
    assert.equal((await takeOver(standby, primary, true, lastEpoch, 1_500)).kind, 'unknown');
    await labHeal(lab, 'all');
    assert.equal(await settled(), primary);
  });

  it('a promotion of Patroni’s own is observed by every agent, and an unplanned take-over that comes after it only makes sure', async (context: TestContext) => {
    const primary = await settled();
    const standby = other(primary);
    const before = lockOf(primary)!;
    const key = database.keyOf(primary);
    await writtenWhile(context, 'primary killed', async () => {
      await labBreak(lab, { kind: 'kill', target: { kind: 'process', key } }, null);
      await waitFor(`${primary} to be unknown`, () => seen(primary)?.health === 'unknown', 10_000);
      await waitFor(
        'the promotion to be reported',
        () => seen(standby)?.role === 'primary' && lockOf(standby)?.holder === standby,
        takeOverWithinMs,
      );
      assert.ok(lockOf(standby)!.since > before.since);
      await waitFor('the archive to name the lock', () => lockOf(ldn)?.holder === standby, 5_000);
      lastEpoch += 1;
      await begin(lastEpoch);
      const outcome = await takeOver(standby, primary, false, lastEpoch);
      context.diagnostic(wordOf(outcome));
      assert.match(String(detailOf(outcome)['former']), /is not heard; commits are synchronous and strict/);
      await labRestart(lab, key);
      await waitFor('the one before to follow', () => settledAt() === standby, 90_000);
    });
    await assertNothingMissing();
  });

  /** What agents answered the Patroni beside them, by their evidence. */
  function answers(): readonly Readonly<Record<string, unknown>>[] {
    return globSync(join(directory, 'agents', '*', 'evidence', '*')).flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"promotion-checked"'))
        .map((line) => (JSON.parse(line) as { readonly data: Record<string, unknown> }).data),
    );
  }

  it('made to ask, Patroni promotes nobody whom the run under way does not name, and goes on as soon as nothing forbids it', async (context: TestContext) => {
    const primary = await settled();
    const standby = other(primary);
    assert.match(seen(primary)?.reason ?? '', /promotion-unchecked/, 'it asks nobody yet');
    for (const { node } of database.members)
      await under.run(node.id, 'install', '-m', '755', join(projectRoot, 'bin', 'holdfast-grant-check'), grantCheck);
    const { node, server, instance } = database.member(primary);
    const config = `${serverDirectory(server)}/${configFile}`;
    const command = `python3 ${grantCheck} ${grantSocket}`;
    const setting = ['-s', `postgresql.pre_promote=${command}`];
    await under.run(node.id, 'patronictl', '-c', config, 'edit-config', '--force', ...setting, 'database');
    const asks = (name: string) => isWell(name) && seen(name)?.reason?.includes('promotion-unchecked') !== true;
    await waitFor('agents to see it', () => [nyc, chi, ldn].every(asks), 30_000);

    lastEpoch += 1;
    const seat: AdoptedPrimary = {
      component: instance.component,
      holder: null,
      lock: lockOf(primary)!.since,
      epoch: epoch(lastEpoch),
      moving: { run: runId('run'), to: instanceId(primary) },
    };
    const delegates = { [instance.component]: seat };
    await begin(lastEpoch, { delegates });
    await writtenWhile(context, 'refused, then granted', async () => {
      const driver = await database.driver(standby);
      const order = { kind: 'switchover', epoch: epoch(lastEpoch), from: primary, to: standby } as const;
      const outcome = await driver.perform(order, { deadlineMs: 12_000 });
      context.diagnostic(`behind the back of the run: ${wordOf(outcome)}`);
      assert.notEqual(outcome.kind, 'ok');
      await waitFor('its agent to refuse it', () => answers().some(({ code }) => code === 'moved-elsewhere'), 20_000);
      assert.equal(await database.query(standby, 'select pg_is_in_recovery()'), 't', 'it is no primary');
      await begin(lastEpoch, { delegates, run: null });
      const begun = performance.now();
      await waitFor('it to be promoted', () => seen(standby)?.role === 'primary', takeOverWithinMs);
      context.diagnostic(`promoted ${Math.round(performance.now() - begun)} ms after the run was over`);
      await waitFor('everybody to be in step', () => settledAt() === standby, 90_000);
    });
    context.diagnostic(`answers: ${JSON.stringify(answers())}`);
    assert.ok(answers().some(({ kind }) => kind === 'granted'));
    await assertNothingMissing();

    lastEpoch += 1;
    const back = { ...seat, lock: lockOf(standby)!.since, epoch: epoch(lastEpoch) };
    await begin(lastEpoch, { delegates: { [instance.component]: back } });
    const begun = performance.now();
    const outcome = await takeOver(primary, standby, true, lastEpoch);
    context.diagnostic(`as the run names it, after ${Math.round(performance.now() - begun)} ms: ${wordOf(outcome)}`);
    assert.equal(outcome.kind, 'ok');
    assert.ok(answers().some(({ instance: asked, kind }) => asked === primary && kind === 'granted'));
    assert.equal(await settled(), primary);
    const asked = performance.now();
    await under.run(
      node.id,
      'setpriv',
      '--reuid=postgres',
      '--regid=postgres',
      '--init-groups',
      grantCheck,
      grantSocket,
    );
    context.diagnostic(`asked by hand: ${Math.round(performance.now() - asked)} ms with the way into the machine`);
  });
});
