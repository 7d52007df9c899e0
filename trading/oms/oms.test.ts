import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ControlClient } from '../control/control-client.ts';
import { between, seededRandom } from '../load/random.ts';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { postgresAvailable, ThrowawayPostgres } from './throwaway-postgres.ts';

const seed = 20_261;

const until = async (what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 30_000): Promise<void> => {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

interface Running {
  readonly process: ChildProcess;
  readonly control: ControlClient;
  kill(): Promise<void>;
}

test('order management', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  let postgres: ThrowawayPostgres;
  let engine: StandInEngine;
  let second: StandInEngine;
  const directory = mkdtempSync(join(tmpdir(), 'holdfast oms é '));
  const running = new Set<ChildProcess>();
  before(async () => {
    postgres = await ThrowawayPostgres.start();
    engine = await StandInEngine.listen();
    second = await StandInEngine.listen({ instance: 'e2' });
    second.primary = false;
    writeFileSync(join(directory, 'token'), 'secret\n', { mode: 0o600 });
    writeFileSync(join(directory, 'password'), 'unused\n', { mode: 0o600 });
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await engine.close();
    await second.close();
    await postgres.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = async (instance: string): Promise<Running> => {
    const config = join(directory, `${instance}.json`);
    const { host, port, user, database } = postgres.address;
    writeFileSync(
      config,
      JSON.stringify({
        instance,
        dataDir: instance,
        control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
        engines: [second.address, engine.address],
        database: { host, port, user, database, passwordFile: 'password' },
      }),
    );
    const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.add(child);
    const line = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data: Buffer) => resolve(data.toString())),
    );
    const control = await ControlClient.open({
      host: '127.0.0.1',
      port: (JSON.parse(line) as { control: number }).control,
      token: 'secret',
      instance,
      deadlineMs: 15_000,
    });
    return {
      process: child,
      control,
      kill: async () => {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
        running.delete(child);
        control.close();
      },
    };
  };
  const leaseFor = (ms: number): string => String(process.hrtime.bigint() + BigInt(ms) * 1_000_000n);
  const promote = (one: Running, epoch: number, ms = 60_000) =>
    one.control.call('promote', { epoch, leaseUntilNs: leaseFor(ms), ackSet: [], tradingEnabled: true }, 15_000);
  const storedSequence = async (): Promise<number> =>
    (await postgres.query<{ sequence: number }>('SELECT sequence::int FROM oms_position'))[0]?.sequence ?? 0;
  const grow = (count: number): void => {
    for (let index = 0; index < count; index += 1) {
      const id = `o${engine.journal.length}`;
      engine.release({ kind: 'order', id, client: 'c1', symbol: 'ABC', side: 'S', price: 7, qty: 5 });
      engine.release({ kind: 'accepted', id });
      engine.release({ kind: 'fill', id, exec: `x1-${id}`, price: 7, qty: 2 });
      if (index % 2 === 0) engine.release({ kind: 'fill', id, exec: `x2-${id}`, price: 7, qty: 3 });
      else engine.release({ kind: 'cancelled', id: '', target: id });
    }
  };

  await suite.test('it boots closed, refuses work without a lease, and persists once it is promoted', async () => {
    const oms = await start('oms-a');
    grow(50);
    const status = await oms.control.call('status', {});
    assert.equal(status.kind === 'ok' && status.result['role'], 'closed');
    assert.deepEqual(
      await promote(oms, 1, -1).then((outcome) => outcome.kind === 'refused' && outcome.code),
      'no-lease',
    );
    assert.equal((await promote(oms, 1)).kind, 'ok');
    await until('everything is stored', async () => (await storedSequence()) === engine.journal.length);
    await until('the lag is reported as 0', async () => {
      const { result } = (await oms.control.call('status', {})) as unknown as {
        result: { business: { lagEntries: number } };
      };
      return result.business.lagEntries === 0;
    });
    await oms.kill();
  });

  await suite.test(`killed at random points it applies every entry exactly once (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    for (let round = 0; round < 12; round += 1) {
      const oms = await start('oms-a');
      const growing = setInterval(() => grow(40), 2);
      assert.equal((await promote(oms, 1)).kind, 'ok');
      const enough = (await storedSequence()) + between(random, 1, 400);
      await until('some of it is stored', async () => (await storedSequence()) >= enough);
      await new Promise((resolve) => setTimeout(resolve, between(random, 0, 25)));
      await oms.kill();
      clearInterval(growing);
    }
    const oms = await start('oms-a');
    await promote(oms, 1);
    await until('everything is stored', async () => (await storedSequence()) === engine.journal.length);
    await oms.kill();
    const expected = engine.journal.filter((entry) => entry['kind'] === 'order').length;
    const rows = await postgres.query(`
      SELECT count(*)::int AS orders, count(*) FILTER (WHERE o.filled = t.sum AND o.state = CASE t.n WHEN 2 THEN 'filled' ELSE 'cancelled' END)::int AS right
      FROM orders o JOIN (SELECT order_id, sum(qty) AS sum, count(*) AS n FROM trades GROUP BY order_id) t ON t.order_id = o.id`);
    assert.deepEqual(rows, [{ orders: expected, right: expected }]);
    const trades = await postgres.query('SELECT count(*)::int AS trades FROM trades');
    assert.deepEqual(trades, [{ trades: engine.journal.filter((entry) => entry['kind'] === 'fill').length }]);
  });

  await suite.test(
    'the old one is refused once its successor was promoted, and calls itself fenced (I1, I2)',
    async () => {
      const old = await start('oms-a');
      await promote(old, 1);
      await until('the old one is caught up', async () => (await storedSequence()) === engine.journal.length);
      const successor = await start('oms-b');
      assert.equal((await promote(successor, 2)).kind, 'ok');
      grow(20);
      await until('the successor has stored it', async () => (await storedSequence()) === engine.journal.length);
      await until('the old one noticed', async () => {
        const status = await old.control.call('status', {});
        return status.kind === 'ok' && status.result['role'] === 'fenced';
      });
      assert.deepEqual(await postgres.query('SELECT epoch::int, holder FROM writer_epoch'), [
        { epoch: 2, holder: 'oms-b' },
      ]);
      const again = await promote(old, 1);
      assert.equal(again.kind === 'refused' && again.code, 'stale-epoch');
      await old.kill();
      await successor.kill();
    },
  );

  await suite.test('it commits nothing after its lease and goes on when the lease is extended', async () => {
    const oms = await start('oms-b');
    assert.equal((await promote(oms, 3)).kind, 'ok');
    await oms.control.call('lease', { epoch: 3, leaseUntilNs: leaseFor(200) });
    await until('the lease is over', async () => {
      const status = await oms.control.call('status', {});
      return status.kind === 'ok' && status.result['releasing'] === false;
    });
    const before = await storedSequence();
    grow(10);
    await until('the entries have arrived', async () => {
      const { result } = (await oms.control.call('status', {})) as unknown as {
        result: { business: { lagEntries: number } };
      };
      return result.business.lagEntries === engine.journal.length - before;
    });
    assert.equal(await storedSequence(), before);
    await oms.control.call('lease', { epoch: 3, leaseUntilNs: leaseFor(60_000) });
    await until('everything is stored', async () => (await storedSequence()) === engine.journal.length);
    await oms.kill();
  });

  await suite.test(
    'a fence is stored before it is answered, raised in the database, and survives a restart',
    async () => {
      const oms = await start('oms-b');
      const fenced = await oms.control.call('fence', { epoch: 9 });
      assert.deepEqual(fenced.kind === 'ok' && fenced.result['receivers'], { database: 'acknowledged' });
      await oms.kill();
      const again = await start('oms-b');
      const refused = await promote(again, 8);
      assert.equal(refused.kind === 'refused' && refused.code, 'stale-epoch');
      await again.kill();
      assert.deepEqual(await postgres.query('SELECT epoch::int FROM writer_epoch'), [{ epoch: 9 }]);
    },
  );

  await suite.test('it follows the engine that becomes primary and takes each entry once', async () => {
    const oms = await start('oms-b');
    assert.equal((await promote(oms, 9)).kind, 'ok');
    await until('the first engine is followed', async () => {
      const status = await oms.control.call('status', {});
      return status.kind === 'ok' && status.result['health'] === 'ok';
    });
    second.takeOver(engine);
    engine.frozen = true;
    second.primary = true;
    second.epoch = 9;
    second.release({ kind: 'order', id: 'after', client: 'c1', symbol: 'ABC', side: 'S', price: 7, qty: 5 });
    await until('the new engine is followed', async () => (await storedSequence()) === second.journal.length);
    await oms.kill();
  });
});
