import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LivedTime } from '../../../test/builders/lived-time.ts';
import { freePort } from '../../../trading/testing/free-ports.ts';
import type { GateClosed } from '../../adapters/gate/gate.ts';
import { WardenGate } from '../../adapters/gate/warden-gate.ts';
import { parseWardenAddress } from '../../adapters/gate/warden-protocol.ts';
import { locateBinaries } from '../../adapters/postgres/binaries.ts';
import { PostgresDriver } from '../../adapters/postgres/driver.ts';
import { Session } from '../../adapters/postgres/session.ts';
import { Deadline } from '../../adapters/process/deadline.ts';
import { hostMonoMs } from '../../adapters/process/host-clock.ts';
import { readProcess } from '../../adapters/process/proc-entry.ts';
import { findTree } from '../../adapters/process/process-tree.ts';
import { epoch, instanceId, type MonoMs } from '../../core/base/ids.ts';

/** Generous, for a machine that runs other suites as well; what was measured is printed. */
const BOUND_MS = 750;
/** Closings within the bound that are wanted, and how many are tried: a busy machine may run the warden late now and then. */
const WANTED = 4;
const TRIED_AT_MOST = 12;
/** For what must come. */
const PATIENT_MS = 30_000;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast pé-')));
const address = `abstract:holdfast-warden-test-${process.pid}`;
const tokenFile = join(folder, 'token');
const instance = instanceId('db');
const dataDir = join(folder, 'db', 'data');
const tree = { root: null, directory: dataDir, environment: null };
const children: ChildProcess[] = [];
const closed: GateClosed[] = [];

let driver: PostgresDriver;
let gate: WardenGate;
let port = 0;
let warden: ChildProcess;

const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
/** A stand-in for the agent: arms the gate for 900 ms, every 60 ms, and prints each moment that was confirmed. */
const REFRESHER = `
const { WardenGate } = await import(${here('../../adapters/gate/warden-gate.ts')});
const { parseWardenAddress } = await import(${here('../../adapters/gate/warden-protocol.ts')});
const { hostMonoMs } = await import(${here('../../adapters/process/host-clock.ts')});
const [address, directory, root] = process.argv.slice(1);
const gate = new WardenGate({ address: parseWardenAddress(address), token: 'secret', boundMs: 1, onClosed() {}, onLost() {} });
gate.protect('db', { root: JSON.parse(root), directory, address: null });
setInterval(async () => {
  const untilMono = hostMonoMs() + 900;
  const outcome = await gate.arm({ instance: 'db', epoch: 1, untilMono, deadlineMs: 5000 });
  if (outcome.kind === 'ok') process.stdout.write(untilMono + '\\n');
}, 60);`;

async function startWarden(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), address, tokenFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  assert.ok(child.stdout);
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
  assert.match(String(line), /"ready"/);
  return child;
}

/** Starts the refresher and returns what it has confirmed so far. */
async function startRefresher(): Promise<{ child: ChildProcess; lastUntil: () => number }> {
  const postmaster = readProcess(Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]));
  const root = postmaster === null ? null : { pid: postmaster.pid, startTicks: postmaster.startTicks };
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', REFRESHER, address, dataDir, JSON.stringify(root)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  assert.ok(child.stdout);
  let last = 0;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    last = Number(String(text).trim().split('\n').at(-1));
  });
  await new Deadline({ afterMs: PATIENT_MS }).until('the first refresh', () => (last > 0 ? true : null));
  return { child, lastUntil: () => last };
}

async function startPrimary(at: number): Promise<void> {
  const started = await driver.perform({ kind: 'start' }, { deadlineMs: PATIENT_MS });
  assert.equal(started.kind, 'ok');
  const leaseUntil = (hostMonoMs() + 60_000) as MonoMs;
  const promoted = await driver.perform(
    { kind: 'promote', epoch: epoch(at), leaseUntil, ackSet: [], tradingEnabled: true },
    { deadlineMs: PATIENT_MS },
  );
  assert.equal(promoted.kind, 'ok', JSON.stringify(promoted));
}

/**
 * Commits as fast as it can; once the server is gone it resolves with the moment at which the last commit that was acknowledged had
 * been sent. Whoever closed the gate before that moment let a commit through; when this process read the answer says nothing.
 */
async function commitUntilGone(): Promise<number> {
  const session = await Session.connect(
    { host: '127.0.0.1', port, user: 'app', password: 'pw', database: 'trading', applicationName: 'load' },
    new Deadline({ afterMs: PATIENT_MS }),
  );
  let lastSentMs = 0;
  try {
    for (;;) {
      const sentMs = hostMonoMs();
      await session.query('insert into load values (1)', new Deadline({ afterMs: PATIENT_MS }));
      lastSentMs = sentMs;
    }
  } catch {
    return lastSentMs;
  }
}

const until = (what: string, holds: () => boolean, withinMs = PATIENT_MS) =>
  new Deadline({ afterMs: withinMs }).until(what, () => (holds() ? true : null), 5);

describe('the warden beside a real database', { timeout: 280_000 }, () => {
  before(async () => {
    writeFileSync(tokenFile, 'secret\n', { mode: 0o600 });
    for (const user of ['holdfast', 'replicator', 'app']) writeFileSync(join(folder, user), 'pw', { mode: 0o600 });
    mkdirSync(join(folder, 'db'));
    port = await freePort();
    const credential = (user: string) => ({ user, passwordFile: join(folder, user) });
    driver = new PostgresDriver({
      binaries: await locateBinaries({ binDir: null, workDir: folder }),
      gate: null,
      config: {
        instance,
        dataDir,
        stateDir: join(folder, 'db', 'state'),
        listen: { host: '127.0.0.1', port },
        roles: {
          superuser: credential('holdfast'),
          replication: credential('replicator'),
          application: credential('app'),
        },
        peers: {},
        initial: true,
        upstreamOverride: null,
        database: 'trading',
        networks: ['127.0.0.0/8'],
        initialStatements: ['create table load (n int)'],
        rebuildDiverged: true,
        listDiverged: false,
        tailKinds: {},
        cutUpstreamOnFence: false,
        memory: 'small',
        extraSettings: {},
        observeEveryMs: 200,
        observeDeadlineMs: 800,
      },
    });
    await driver.start({ observed: () => undefined, exited: () => undefined });
    warden = await startWarden();
    gate = new WardenGate({
      address: parseWardenAddress(address),
      token: 'secret',
      boundMs: BOUND_MS,
      onClosed: (event) => closed.push(event),
      onLost: () => undefined,
    });
    gate.protect(instance, { root: null, directory: dataDir, address: null });
  });

  after(async () => {
    await gate?.end();
    for (const child of children) child.kill('SIGKILL');
    await driver?.perform({ kind: 'kill' }, { deadlineMs: PATIENT_MS });
    await driver?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('beside a frozen refresher it stops every acknowledgement within its bound', async () => {
    const tookMs: number[] = [];
    for (let round = 1; tookMs.filter((ms) => ms <= BOUND_MS).length < WANTED; round++) {
      assert.ok(round <= TRIED_AT_MOST, `it took ${tookMs.join(' ')} ms`);
      await startPrimary(round);
      const { child, lastUntil } = await startRefresher();
      const committing = commitUntilGone();
      // Refused, since it runs; opens the connection over which the closing is announced.
      await gate.disarm(instance, { deadlineMs: PATIENT_MS });
      const before = closed.length;
      child.kill('SIGSTOP');
      const lastSentMs = await committing;
      await until('the announcement', () => closed.length > before);
      const event = closed.at(-1);
      assert.ok(event);
      assert.equal(event.treeEmpty, true);
      assert.deepEqual(findTree(tree), []);
      assert.ok(event.dueMono >= lastUntil() - 1);
      assert.ok(
        lastSentMs <= event.dueMono + event.tookMs,
        `a commit of ${lastSentMs - event.dueMono} ms after it was due was acknowledged, and it said that it took ${event.tookMs} ms`,
      );
      tookMs.push(event.tookMs);
      child.kill('SIGKILL');
    }
    console.log(`gate closed, tree empty after (ms): ${tookMs.map((ms) => ms.toFixed(1)).join(' ')}`);
  });

  test('a warden that was frozen itself closes the overdue gate first, also when a fresh request waits in its socket', async () => {
    await startPrimary(101);
    const { child } = await startRefresher();
    await gate.disarm(instance, { deadlineMs: PATIENT_MS });
    const before = closed.length;
    warden.kill('SIGSTOP');
    child.kill('SIGSTOP');
    const frozenMs = hostMonoMs();
    await until('the moment to pass', () => hostMonoMs() > frozenMs + 1_050);
    assert.ok(findTree(tree).length > 0, 'nobody could close it');
    child.kill('SIGCONT');
    const thawedMs = hostMonoMs();
    await until('late requests to queue up', () => hostMonoMs() > thawedMs + 200);
    warden.kill('SIGCONT');
    await until('the gate to close', () => closed.length > before);
    assert.deepEqual(findTree(tree), []);
    child.kill('SIGKILL');
  });

  test('a gate on which something still runs cannot be let go, and closing it on request empties the tree', async () => {
    await startPrimary(102);
    const armed = await gate.arm({
      instance,
      epoch: epoch(102),
      untilMono: (hostMonoMs() + 60_000) as MonoMs,
      deadlineMs: PATIENT_MS,
    });
    assert.equal(armed.kind, 'ok', JSON.stringify(armed));
    const stale = await gate.arm({
      instance,
      epoch: epoch(3),
      untilMono: (hostMonoMs() + 60_000) as MonoMs,
      deadlineMs: PATIENT_MS,
    });
    assert.equal(stale.kind === 'refused' && stale.code, 'stale-epoch');
    const refused = await gate.disarm(instance, { deadlineMs: PATIENT_MS });
    assert.equal(refused.kind === 'refused' && refused.code, 'still-running');
    assert.equal((await gate.close(instance, { deadlineMs: PATIENT_MS })).kind, 'ok');
    assert.deepEqual(findTree(tree), []);
  });

  test('a frozen warden makes an arm unknown by its deadline, and a wrong token gets nothing', async () => {
    warden.kill('SIGSTOP');
    const lived = new LivedTime();
    const unknown = await gate.arm({
      instance,
      epoch: epoch(103),
      untilMono: (hostMonoMs() + 60_000) as MonoMs,
      deadlineMs: 200,
    });
    assert.equal(unknown.kind, 'unknown');
    assert.ok(lived.stop() < 400, `after ${lived.elapsedMs} ms`);
    warden.kill('SIGCONT');
    const stranger = new WardenGate({
      address: parseWardenAddress(address),
      token: 'guess',
      boundMs: BOUND_MS,
      onClosed: () => undefined,
      onLost: () => undefined,
    });
    assert.equal((await stranger.close(instance, { deadlineMs: PATIENT_MS })).kind, 'unknown');
    await stranger.end();
    const pssKb = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${warden.pid}/smaps_rollup`, 'latin1'))?.[1];
    console.log(`warden: ${pssKb} kB proportional memory`);
  });
});
