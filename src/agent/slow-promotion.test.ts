import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { PostgresWorld } from '../../test/builders/postgres-world.ts';
import type { GateClosed } from '../adapters/gate/gate.ts';
import { WardenGate } from '../adapters/gate/warden-gate.ts';
import { parseWardenAddress } from '../adapters/gate/warden-protocol.ts';
import { hostMonoMs } from '../adapters/process/host-clock.ts';
import { findTree, type ProcessName, signalProcess } from '../adapters/process/process-tree.ts';
import { epoch, instanceId, type MonoMs } from '../core/base/ids.ts';
import type { ActionOutcome } from '../engine/driver-port.ts';

const LEASE_MS = 900;
const BOUND_MS = 750;
const lease = (): MonoMs => (hostMonoMs() + LEASE_MS) as MonoMs;

const treeOf = (world: PostgresWorld, name = 'a') =>
  findTree({ root: null, directory: world.site(name).dataDir, environment: null });

/** The process that replays: while it is stopped, a promotion that was asked for does not come about. */
function startupProcess(world: PostgresWorld, name: string): ProcessName {
  const found = treeOf(world, name).find((entry) =>
    readFileSync(`/proc/${entry.pid}/cmdline`, 'latin1').includes('startup'),
  );
  return found ?? assert.fail('no startup process');
}

const moment = (world: PostgresWorld, at: number) =>
  world.until(`${Math.round(at)}`, async () => (hostMonoMs() > at ? true : null), 20_000);

/** Begins a promotion that cannot come about; `thaw` lets it. */
function beginSlowPromotion(world: PostgresWorld, at: number, name = 'a') {
  const startup = startupProcess(world, name);
  signalProcess(startup, 'SIGSTOP');
  const leaseUntil = lease();
  const outcome: Promise<ActionOutcome> = world.perform(name, {
    kind: 'promote',
    epoch: epoch(at),
    leaseUntil,
    ackSet: [],
    tradingEnabled: true,
  });
  return { leaseUntil, outcome, thaw: () => signalProcess(startup, 'SIGCONT') };
}

const commitsNothing = (world: PostgresWorld, key: number) =>
  assert.rejects(world.sql('a', `insert into trades values (${key}, 'too late')`, 700), { name: 'DeadlineExceeded' });

const untilPrimary = (world: PostgresWorld) =>
  world.untilSeen('a', 'a left recovery', (observed) => observed.role === 'primary');

/** The driver notes it durably just before. */
const untilAskedFor = (world: PostgresWorld) =>
  world.until('the promotion is asked for', async () =>
    readFileSync(join(world.root, 'a', 'state', 'driver-state.json'), 'utf8').includes('"primary"') ? true : null,
  );

describe('a promotion that takes longer than its lease, without a gate', { timeout: 120_000 }, () => {
  let world: PostgresWorld;
  beforeEach(async () => {
    world = new PostgresWorld();
    await world.add(['a']);
  });
  afterEach(() => world.down());

  test('I1, I3: it becomes primary too late, says so, and acknowledges no commit', async () => {
    const slow = beginSlowPromotion(world, 1);
    await moment(world, slow.leaseUntil);
    slow.thaw();
    const outcome = await slow.outcome;
    assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.code], ['failed', 'no-lease']);
    const seen = await untilPrimary(world);
    assert.equal(seen.releasing, false);
    await commitsNothing(world, 1);
    await world.promote('a', 1, []);
    await world.sql('a', `insert into trades values (2, 'with a lease')`);
  });

  test('I1: it comes about when nobody drives it any more, and acknowledges nothing until somebody with a lease opens it', async () => {
    const slow = beginSlowPromotion(world, 1);
    await untilAskedFor(world);
    await world.site('a').driver.close();
    await slow.outcome;
    await moment(world, slow.leaseUntil);
    slow.thaw();
    const next = world.build('a', null);
    world.sites.set('a', next);
    await next.driver.start({ observed: () => undefined, exited: () => undefined });
    await untilPrimary(world);
    await commitsNothing(world, 1);
    const early = await world.perform('a', { kind: 'set-ack-set', epoch: epoch(1), ackSet: [] });
    assert.deepEqual([early.kind, early.kind === 'failed' && early.code], ['failed', 'no-lease']);
    await commitsNothing(world, 2);
    await world.ok('a', { kind: 'lease', epoch: epoch(1), leaseUntil: (hostMonoMs() + 20_000) as MonoMs });
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(1), ackSet: [] });
    await world.sql('a', `insert into trades values (3, 'with a lease')`);
  });

  test('a newer epoch that arrives meanwhile ends it', async () => {
    const slow = beginSlowPromotion(world, 1);
    await untilAskedFor(world);
    await world.ok('a', { kind: 'fence', epoch: epoch(2) });
    slow.thaw();
    const outcome = await slow.outcome;
    assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.code], ['failed', 'stale-epoch']);
    await commitsNothing(world, 1);
  });
});

describe('a promotion that takes longer than its lease, behind a warden', { timeout: 120_000 }, () => {
  const address = `abstract:holdfast-slow-promotion-${process.pid}`;
  const closed: GateClosed[] = [];
  const gate = new WardenGate({
    address: parseWardenAddress(address),
    token: 'secret',
    boundMs: BOUND_MS,
    onClosed: (event) => closed.push(event),
    onLost: () => undefined,
  });
  const world = new PostgresWorld(gate);
  let warden: ChildProcess;

  before(async () => {
    writeFileSync(join(world.root, 'token'), 'secret\n', { mode: 0o600 });
    warden = spawn(
      process.execPath,
      [join(import.meta.dirname, 'warden', 'main.ts'), address, join(world.root, 'token')],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    assert.ok(warden.stdout);
    await once(warden.stdout, 'data');
    await world.add(['a', 'b']);
  });
  after(async () => {
    await gate.end();
    warden.kill('SIGKILL');
    await world.down();
  });

  test('I1: nobody renews it, and the gate ends the server before it is primary', async () => {
    const slow = beginSlowPromotion(world, 1);
    await world.until('the gate to close', async () => (closed.length > 0 ? true : null));
    assert.ok(hostMonoMs() - slow.leaseUntil < BOUND_MS, `${hostMonoMs() - slow.leaseUntil} ms after the lease`);
    assert.deepEqual(treeOf(world), []);
    assert.notEqual((await slow.outcome).kind, 'ok');
  });

  /** Renews until two leases have passed since the first ended; then the promotion may come about. */
  async function renewWhilePromoting(slow: ReturnType<typeof beginSlowPromotion>, at: number, name: string) {
    const before = closed.length;
    const outcomes: ActionOutcome['kind'][] = [];
    await world.until('two leases more', async () => {
      const renewed = await world.perform(name, { kind: 'lease', epoch: epoch(at), leaseUntil: lease() }, 500);
      outcomes.push(renewed.kind);
      return hostMonoMs() > slow.leaseUntil + 2 * LEASE_MS ? true : null;
    });
    assert.deepEqual([...new Set(outcomes.slice(5))], ['ok']);
    await world.ok(name, { kind: 'lease', epoch: epoch(at), leaseUntil: (hostMonoMs() + 20_000) as MonoMs });
    slow.thaw();
    const outcome = await slow.outcome;
    assert.equal(outcome.kind, 'ok', JSON.stringify(outcome));
    assert.equal(closed.length, before);
    await world.sql(name, `insert into trades values (${at}, 'renewed')`);
  }

  test('its lease is renewed while it lasts: the gate stays open, and it opens when it is done', async () => {
    await world.ok('a', { kind: 'start' });
    await renewWhilePromoting(beginSlowPromotion(world, 2), 2, 'a');
  });

  test('nor does the gate close while a standby still replays what it has received', async () => {
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(2), ackSet: [instanceId('b')] });
    await world.follow('b', 2, 'a');
    await world.untilSeen('a', 'b in sync', (observed) => observed.releasing);
    const slow = beginSlowPromotion(world, 3, 'b');
    await renewWhilePromoting(slow, 3, 'b');
    await world.ok('b', { kind: 'kill' });
    await world.ok('a', { kind: 'kill' });
  });

  test('I3: the warden ends meanwhile, and what becomes primary acknowledges nothing', async () => {
    await world.ok('a', { kind: 'start' });
    const slow = beginSlowPromotion(world, 4);
    await untilAskedFor(world);
    warden.kill('SIGKILL');
    await once(warden, 'exit');
    slow.thaw();
    assert.notEqual((await slow.outcome).kind, 'ok');
    await untilPrimary(world);
    await commitsNothing(world, 9);
  });
});
