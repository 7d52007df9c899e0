import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { labBreak, labDown, labHeal, labRestart } from '../../lab/cli.ts';
import { namespaceLabUp } from '../../lab/netns/namespace-lab-up.ts';
import { etcdVoters } from '../../lab/netns/servers/etcd.ts';
import { backupConfigFile, backupRepositories } from '../../lab/netns/servers/pgbackrest.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import { waitFor } from '../../lab/wait.ts';
import { runCommand } from '../../src/adapters/gate/nftables-gate.ts';
import type { ClusterAction, PatroniDriver } from '../../src/adapters/patroni/driver.ts';
import type { DelegateEvent } from '../../src/adapters/patroni/promotion-watch.ts';
import type { UpstreamKeeper } from '../../src/adapters/patroni/upstream-keeper.ts';
import { PgBackRestDriver } from '../../src/adapters/pgbackrest/driver.ts';
import { GuardedEpochs } from '../../src/adapters/system/guarded-epochs.ts';
import type { Epoch } from '../../src/core/base/ids.ts';
import type { ActionOutcome } from '../../src/engine/driver-port.ts';
import { DatabaseUnderTest } from './netns-database/database-under-test.ts';
import type { WriterReport } from './netns-database/ledger-writer.ts';
import { exampleFirm, NamespaceLabUnderTest, projectRoot, reasonToSkipNamespaces } from './netns-lab.under-test.ts';

const skip = await reasonToSkipNamespaces();

const lab = { root: projectRoot, name: 'suite-database' };
const topology = exampleFirm();
const [nyc, chi, ldn] = ['database-nyc', 'database-chi', 'database-ldn'] as const;
/** What the firm asks of a planned move, there and back, which is printed. */
const gapGoalMs = 4_000;
/** Beyond this it was no planned move: a lock ends after 10 s. */
const gapWithinMs = 10_000;
/** A dead primary's lock ends after 10 s; then there is an election, and a promotion. */
const takeOverWithinMs = 40_000;
const long = { deadlineMs: 30_000 };
const stuckForMs = 15_000;

describe('PostgreSQL under Patroni on the netns ground', { skip, timeout: 480_000 }, () => {
  let under: NamespaceLabUnderTest;
  let database: DatabaseUnderTest;
  let directory: string;
  const drivers = new Map<string, PatroniDriver>();
  /** Beside the archive, so that nobody else’s news are taken from him. */
  let watcher: PatroniDriver;
  /** As the archive's agent would: nobody is one here. */
  let upstream: UpstreamKeeper;
  const reports: WriterReport[] = [];
  let lastEpoch = 0;
  const copiedAnew: string[] = [];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'netns-database-'));
    await namespaceLabUp({ ...lab, topology, topologyFile: null, ifThere: 'replace', platform: false }, () => {});
    under = new NamespaceLabUnderTest(lab);
    database = new DatabaseUnderTest(under, topology, directory);
    for (const name of [nyc, chi, ldn]) drivers.set(name, await database.driver(name));
    watcher = await database.driver(ldn);
    upstream = database.upstreamKeeper(ldn, watcher);
    await database.query(nyc, 'create table ledger (id bigint primary key); grant insert on ledger to application');
  });
  after(async (context) => {
    if (copiedAnew.length > 0 && 'diagnostic' in context) context.diagnostic(`copied anew: ${copiedAnew.join(', ')}`);
    database?.close();
    await labDown(lab);
    rmSync(directory, { recursive: true, force: true });
  });

  const driver = (name: string) => drivers.get(name)!;
  const nextEpoch = () => ++lastEpoch as Epoch;
  const other = (name: string) => (name === nyc ? chi : nyc);
  const codeOf = (outcome: ActionOutcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

  /**
   * Who is primary, once there is one, the other trading site acknowledges for it and the archive is behind that. A former primary that
   * Patroni cannot bring back, because its rewind was interrupted, is copied anew.
   */
  async function settled(): Promise<string> {
    let primary = '';
    let stuckSince: number | null = null;
    await waitFor(
      'a primary with a synchronous standby and the archive behind that',
      async () => {
        const seen = await watcher.observe({ deadlineMs: 5_000 });
        await upstream.keep(seen, { deadlineMs: 2_000 });
        const { store } = seen;
        primary = store?.leader ?? '';
        if (store === null || primary === '') return false;
        const standby = store.members.find(({ name }) => name === other(primary));
        stuckSince =
          standby?.state === 'start failed' || standby?.state === 'starting' ? (stuckSince ?? performance.now()) : null;
        if (stuckSince !== null && performance.now() - stuckSince > stuckForMs) {
          copiedAnew.push(standby!.name);
          const anew = { kind: 'reinitialise', epoch: nextEpoch(), writesMayStop: true } as const;
          await driver(standby!.name).perform(anew, { deadlineMs: 40_000 });
        }
        if (store.sync?.standbys.join() !== other(primary)) return false;
        const acknowledges = await database.query(
          primary,
          "select count(*) from pg_stat_replication where sync_state = 'sync'",
        );
        return acknowledges === '1' && (await database.upstreamOf(ldn)) === other(primary);
      },
      90_000,
    );
    return primary;
  }

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
    const primary = await settled();
    assert.deepEqual(await database.compare(primary, reports), { missing: [], surplus: [], twice: 0 });
  }

  it('is as the topology says: a primary at the preferred site, the other one acknowledging, the archive behind that', async () => {
    assert.equal(await settled(), nyc);
    const seen = await driver(nyc).observe(long);
    assert.deepEqual([seen.reasons, seen.concerns], [[], []]);
    assert.deepEqual([seen.member?.role, seen.settings?.durability], ['primary', 'strict']);
    assert.equal(seen.store?.members.find(({ name }) => name === ldn)?.tags.replicatefrom, chi);
    const standby = await driver(chi).observe(long);
    assert.deepEqual([standby.member?.role, standby.member?.synchronous], ['replica', true]);
  });

  it('a planned switchover, there and back, is short for an independent client and loses nothing', async (context: TestContext) => {
    const gaps: number[] = [];
    for (const [from, to] of [
      [nyc, chi],
      [chi, nyc],
    ] as const) {
      assert.equal(await settled(), from);
      for (const each of [from, ldn]) await driver(each).observe(long);
      const epoch = nextEpoch();
      let outcome: ActionOutcome | null = null;
      const report = await writtenWhile(context, `switchover to ${to}`, async () => {
        outcome = await driver(from).perform({ kind: 'switchover', epoch, from, to }, long);
        await waitFor('writes at the new primary', async () => (await settled()) === to, 60_000);
      });
      assert.equal(outcome!.kind, 'ok');
      gaps.push(report.longestGapMs);
      assert.equal(await driver(to).confirm({ kind: 'primary', member: to }, long), 'holds');
      assert.equal(await driver(to).confirm({ kind: 'standby', member: from }, long), 'holds');
      const told = (await driver(from).observe(long)).events.map(({ kind, asked }) => `${kind} ${asked}`);
      assert.deepEqual(told, [`lock-moved ${epoch}`, `promoted ${epoch}`]);
      const elsewhere = (await driver(ldn).observe(long)).events;
      assert.ok(elsewhere.some(({ kind, asked }) => kind === 'promoted' && asked === null));
    }
    await assertNothingMissing();
    const met = Math.max(...gaps) <= gapGoalMs ? 'met' : 'missed';
    const shown = `without a write ${gaps.join(' ms there and ')} ms back, goal ${gapGoalMs} ms: ${met}`;
    context.diagnostic(shown);
    assert.ok(Math.max(...gaps) <= gapWithinMs, shown);
  });

  it('an older epoch, a member that may not lead and a wrong password move nothing', async () => {
    const from = await settled();
    const move = (change: Partial<Extract<ClusterAction, { kind: 'switchover' }>>) =>
      ({ kind: 'switchover', epoch: lastEpoch as Epoch, from, to: other(from), ...change }) as const;
    const mover = driver(from);
    const newest = nextEpoch();
    assert.equal((await mover.perform({ kind: 'pause', epoch: newest, paused: false }, long)).kind, 'ok');
    assert.equal(codeOf(await mover.perform(move({ epoch: (newest - 1) as Epoch }), long)), 'stale-epoch');
    assert.equal(codeOf(await mover.perform(move({ to: ldn }), long)), 'not-eligible');
    const stranger = await database.driver(from, { password: 'wrong' });
    const refused = await stranger.perform(move({ epoch: nextEpoch() }), long);
    assert.equal(codeOf(refused), 'refused', JSON.stringify(refused));
    assert.equal(await settled(), from);
  });

  it('a repository shows the backup that was made in it and everything written since, and a frozen machine nothing', async (context: TestContext) => {
    await settled();
    const [repository] = backupRepositories({ topology, plan: under.context.plan });
    const { node, number } = repository!;
    const [program, ...first] = under.prefix(node.id);
    const asOwner = ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--init-groups'];
    const backups = new PgBackRestDriver({
      run: (command, args, options) => runCommand(program, [...first, ...asOwner, command, ...args], options),
      command: ['pgbackrest', `--config=${backupConfigFile}`],
      stanza: database.store.scope,
      repository: number,
      epochs: new GuardedEpochs(join(directory, 'epochs-backups.json')),
    });
    const before = await backups.observe(long);
    assert.deepEqual([before.lastGood, before.reasons], ['none', []]);
    const action = { kind: 'backup', epoch: 2 as Epoch, type: 'full', since: Date.now() - 1_000 } as const;
    const begun = performance.now();
    const outcome = await backups.perform(action, { deadlineMs: 150_000 });
    context.diagnostic(`a full backup took ${Math.round((performance.now() - begun) / 1000)} s`);
    assert.equal(outcome.kind, 'ok', JSON.stringify(outcome));
    const { lastGood, gaps, reasons } = await backups.observe(long);
    assert.equal(lastGood !== null && lastGood !== 'none' && lastGood.type, 'full');
    assert.deepEqual([gaps, reasons], [[], []]);
    const older = await backups.perform({ ...action, epoch: 1 as Epoch }, long);
    assert.equal(codeOf(older), 'stale-epoch');

    await labBreak(lab, { kind: 'freeze', target: { kind: 'host', host: node.host! } }, 20_000);
    const frozen = await backups.observe({ deadlineMs: 600 });
    assert.deepEqual([frozen.version, frozen.stanza, frozen.lastGood, frozen.gaps], [null, null, null, null]);
    assert.equal(await backups.confirm({ kind: 'backed-up', since: 0 }, { deadlineMs: 600 }), 'unknown');
    await labHeal(lab, 'all');
    await settled();
  });

  it('it is paused for every member, and weakened and strengthened, each seen to be so', async () => {
    const primary = await settled();
    for (const paused of [true, false]) {
      assert.equal((await driver(primary).perform({ kind: 'pause', epoch: nextEpoch(), paused }, long)).kind, 'ok');
      assert.equal((await driver(ldn).observe(long)).member?.paused, paused);
    }
    for (const durability of ['preferred', 'strict'] as const) {
      const outcome = await driver(primary).perform({ kind: 'durability', epoch: nextEpoch(), durability }, long);
      assert.equal(outcome.kind, 'ok');
    }
    assert.equal(await settled(), primary);
  });

  it('the archive is copied anew, and neither the primary nor the standby that every write waits for is', async () => {
    const primary = await settled();
    const anew = () => ({ kind: 'reinitialise', epoch: nextEpoch(), writesMayStop: false }) as const;
    assert.equal(codeOf(await driver(primary).perform(anew(), long)), 'is-primary');
    assert.equal(codeOf(await driver(other(primary)).perform(anew(), long)), 'sole-synchronous');
    const outcome = await driver(ldn).perform(anew(), { deadlineMs: 60_000 });
    assert.equal(outcome.kind, 'ok', JSON.stringify(outcome));
    await settled();
  });

  it('a member that stands still is unknown within the deadline, in everything, and nothing moves', async () => {
    const primary = await settled();
    const standby = other(primary);
    await labBreak(lab, { kind: 'freeze', target: { kind: 'process', key: database.keyOf(standby) } }, 20_000);
    const begun = performance.now();
    const frozen = driver(standby);
    const seen = await frozen.observe({ deadlineMs: 1_000 });
    assert.deepEqual([seen.member, seen.settings, seen.store?.leader], [null, null, primary]);
    const move = { kind: 'switchover', epoch: nextEpoch(), from: primary, to: standby } as const;
    assert.equal((await frozen.perform(move, { deadlineMs: 1_500 })).kind, 'unknown');
    assert.equal(await frozen.confirm({ kind: 'standby', member: standby }, { deadlineMs: 500 }), 'unknown');
    assert.ok(performance.now() - begun < 6_000);
    await labHeal(lab, 'all');
    assert.equal(await settled(), primary);
  });

  it('one silent voter of the store is not noticed, and of a silent store nothing is known', async () => {
    const primary = await settled();
    const voters = etcdVoters({ topology, plan: under.context.plan });
    const freeze = ({ node }: (typeof voters)[number]) =>
      labBreak(lab, { kind: 'freeze', target: { kind: 'process', key: serverKey({ name: 'etcd', node }) } }, 60_000);
    await freeze(voters[2]!);
    assert.equal((await driver(ldn).observe(long)).store?.leader, primary);
    await freeze(voters[0]!);
    const begun = performance.now();
    const seen = await driver(ldn).observe({ deadlineMs: 600 });
    assert.equal(seen.store, null);
    assert.equal(await driver(primary).confirm({ kind: 'primary', member: primary }, { deadlineMs: 600 }), 'unknown');
    assert.ok(performance.now() - begun < 3_000);
    await labHeal(lab, 'all');
    await settled();
  });

  it('a primary whose Patroni alone stands still is replaced, which is told of, and acknowledges nothing that is lost', async (context: TestContext) => {
    const primary = await settled();
    const standby = other(primary);
    await driver(standby).observe(long);
    const { node } = database.member(primary);
    // Not its postmaster, and nothing else of its machine.
    const patroni = (signal: 'STOP' | 'CONT') =>
      under.run(node.id, 'sh', '-c', `kill -${signal} "$(pgrep -o -u postgres -f patroni.json)"`);
    context.after(() => patroni('CONT'));
    await writtenWhile(context, 'Patroni of the primary stands still', async () => {
      await patroni('STOP');
      await waitFor(
        'another primary',
        async () =>
          (await driver(standby).confirm({ kind: 'primary', member: standby }, { deadlineMs: 5_000 })) === 'holds',
        takeOverWithinMs,
      );
      const told: DelegateEvent[] = [];
      await waitFor(
        'the promotion to be told of',
        async () => {
          told.push(...(await driver(standby).observe(long)).events);
          return told.some(({ kind, asked }) => kind === 'promoted' && asked === null);
        },
        10_000,
      );
      assert.equal(await database.query(primary, 'select pg_is_in_recovery()'), 'f', 'its postmaster still believes');
      await patroni('CONT');
      await waitFor('the one before to follow', async () => (await settled()) === standby, 90_000);
    });
    await assertNothingMissing();
  });

  it('a primary that is killed is replaced without a loss, and comes back as a standby', async (context: TestContext) => {
    const primary = await settled();
    const standby = other(primary);
    const key = database.keyOf(primary);
    await writtenWhile(context, 'primary killed', async () => {
      await labBreak(lab, { kind: 'kill', target: { kind: 'process', key } }, null);
      const dead = await driver(primary).observe({ deadlineMs: 2_000 });
      assert.equal(dead.member, null);
      await waitFor(
        'another primary',
        async () =>
          (await driver(standby).confirm({ kind: 'primary', member: standby }, { deadlineMs: 5_000 })) === 'holds',
        takeOverWithinMs,
      );
      await labRestart(lab, key);
      await waitFor('the one before to follow', async () => (await settled()) === standby, 90_000);
    });
    await assertNothingMissing();
  });
});
