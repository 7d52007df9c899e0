import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { ControlClient } from '../../trading/control/control-client.ts';
import { postgresAvailable, ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { allOrders, OrderStream } from '../../trading/testing/order-stream.ts';
import { type EngineUnderTest, leaseIn, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { binaryLogon, binaryOrder } from '../hostile/wire-messages.ts';
import { ExchangeBook } from './exchange-book.ts';
import { StaleSession } from './stale-session.ts';

const ROUNDS = Number(process.env['HOLDFAST_FREEZES'] ?? 3);
const FIRM = 'ACME';
/** So long that nothing but the receivers stops the frozen one. */
const LEASE_MS = 600_000;

interface Oms {
  readonly process: TradingProcess;
  readonly control: ControlClient;
}

test('a primary that was frozen, and is released after its successor took over, while its lease still runs', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 300_000,
}, async (suite) => {
  let world: TradingWorld;
  let postgres: ThrowawayPostgres;
  const engines = new Map<string, EngineUnderTest>();
  const oms = new Map<string, Oms>();
  const book = new ExchangeBook();
  let [primary, writer, epoch] = ['a', 'x', 1];

  const port = (name: 'venue' | 'binary'): number => world.venue.port(name);
  const others = (): string[] => [...engines.keys()].filter((name) => name !== primary);
  const promoteOms = async (name: string): Promise<void> => {
    const params = { epoch, leaseUntilNs: leaseIn(LEASE_MS), ackSet: [], tradingEnabled: true };
    assert.equal((await oms.get(name)!.control.call('promote', params, 30_000)).kind, 'ok');
  };
  const promoteEngine = async (name: string): Promise<void> => {
    primary = name;
    // The one that is frozen cannot be asked: it does not belong to the set.
    const members = others().filter((each) => each !== frozenEngine);
    await Promise.all([
      engines.get(name)!.promote(epoch, members, LEASE_MS),
      ...members.map((each) => engines.get(each)!.follow(epoch, engines.get(name)!)),
    ]);
    await untilReleasing(engines.get(name)!);
  };
  let frozenEngine = '';
  let whole = 0;

  before(async () => {
    [world, postgres] = await Promise.all([
      TradingWorld.open({ venue: { binary: { port: 0 } } }),
      ThrowawayPostgres.start(),
    ]);
    writeFileSync(`${world.directory}/password`, 'unused\n', { mode: 0o600 });
    for (const engine of await Promise.all(['a', 'b', 'c'].map((name) => world.engine(name))))
      engines.set(engine.instance, engine);
    await promoteEngine('a');
    const { host, port: at, user, database } = postgres.address;
    for (const instance of ['x', 'y']) {
      mkdirSync(`${world.directory}/${instance}`);
      const process = await TradingProcess.start('oms', [
        world.write(instance, {
          instance,
          dataDir: instance,
          control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
          engines: [...engines.values()].map((each) => ({ host: '127.0.0.1', port: each.process.port('orders') })),
          database: { host, port: at, user, database, passwordFile: 'password' },
        }),
      ]);
      world.onClose(() => process.kill());
      const control = await world.control(process.port('control'), instance);
      world.onClose(async () => control.close());
      oms.set(instance, { process, control });
    }
    await promoteOms('x');
  });
  after(async () => {
    await world.close();
    await postgres.close();
  });

  for (let round = 1; round <= ROUNDS; round++)
    await suite.test(`freeze ${round}: exchange, replicas and database take nothing from it`, async (context) => {
      assert.equal(whole, round - 1, 'the freeze before this one did not end as it should');
      const oldEpoch = epoch;
      const [old, oldOms] = [engines.get(primary)!, oms.get(writer)!];
      // Beside the engine's own: sessions of its epoch in both protocols, which go on writing afterwards.
      const [line, binary] = await Promise.all([StaleSession.open(port('venue')), StaleSession.open(port('binary'))]);
      const logon = { firm: FIRM, session: 'beside-1', epoch: oldEpoch };
      await line.ask(`${JSON.stringify({ t: 'logon', ...logon })}\n`);
      await binary.ask(binaryLogon({ firm: FIRM, session: 'beside-2', epoch: oldEpoch }));

      const stream = new OrderStream(await old.client('load'), { prefix: `r${round}`, ordersPerSecond: 800 });
      await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 300 + round * 37);
      await waitUntil('they reach the database', async () => (await stored(postgres)) > 0);
      old.process.signal('SIGSTOP');
      oldOms.process.signal('SIGSTOP');
      frozenEngine = primary;
      epoch += 1;
      const standbys = others();
      await Promise.all(standbys.map((name) => engines.get(name)!.must('fence', { epoch })));
      await promoteEngine(standbys[round % standbys.length]!);
      writer = writer === 'x' ? 'y' : 'x';
      await promoteOms(writer);
      const fresh = new OrderStream(await engines.get(primary)!.client('load'), {
        prefix: `s${round}`,
        ordersPerSecond: 300,
      });
      await waitUntil('the successor acknowledges', () => fresh.acknowledged.size > 100);
      const acknowledgedBefore = new Set(stream.acknowledged.keys());
      const countersBefore = await book.read(port('venue'), FIRM);

      // Released, with everything that clients and replicas had sent it in its sockets.
      old.process.signal('SIGCONT');
      oldOms.process.signal('SIGCONT');
      await waitUntil('both sessions were ended', () => line.ended && binary.ended);
      const stale = { symbol: 'SYM0', price: 1, qty: 1 };
      line.write(`${JSON.stringify({ t: 'new', id: `stale-line-${round}`, side: 'B', ...stale })}\n`);
      binary.write(binaryOrder({ id: `stale-binary-${round}`, ...stale }));
      await waitUntil('what they still sent is refused and counted', async () => {
        const { staleWritesRefused } = await book.read(port('venue'), FIRM);
        return staleWritesRefused >= countersBefore.staleWritesRefused + 2;
      });
      await waitUntil('the old engine has stopped', async () => (await old.status()).role === 'fenced');
      await waitUntil('the old writer has stopped', async () => {
        const outcome = await oldOms.control.call('status', {});
        return outcome.kind === 'ok' && outcome.result.role !== 'primary';
      });
      stream.stop();
      fresh.stop();
      line.close();
      binary.close();

      const successor = engines.get(primary)!;
      await waitUntil('the exchange has answered', async () => (await successor.status()).business.inDoubt === 0);
      const counters = await book.read(port('venue'), FIRM);
      assert.equal(counters.staleWritesAccepted, 0);
      assert.deepEqual(book.wrong, [], 'the exchange took nothing of the older epoch after one of the newer');
      for (const id of [`stale-line-${round}`, `stale-binary-${round}`]) assert.ok(!book.orders.has(id));

      // What it still told its clients was on its successor's disk; of what nobody else had, nothing.
      const late = [...stream.acknowledged.keys()].filter((id) => !acknowledgedBefore.has(id));
      const asker = await successor.client('asker');
      asker.send({ t: 'query', ids: late.slice(0, 1000) });
      const { orders } = await asker.expect(({ t }) => t === 'orders');
      assert.equal((orders as readonly unknown[]).length, Math.min(1000, late.length));
      asker.close();

      await waitUntil('the replica is equal', async () => {
        const [mine, theirs] = await Promise.all(
          [successor, engines.get(others().find((name) => name !== frozenEngine)!)!].map((each) => each.status()),
        );
        return mine!.business.chainCrc === theirs!.business.chainCrc;
      });
      const now = await databaseOf(postgres);
      assert.equal(now.writer, epoch);
      const known = await allOrders(successor.process.port('orders'));
      assert.deepEqual(
        now.ids.filter((id) => !known.has(id)),
        [],
        'the database has orders that the successor does not know',
      );

      const asked = await oldOms.control.call('status', {});
      const oldWriter = asked.kind === 'ok' ? asked.result.reason : asked;
      // It comes back as a replica, its tail kept.
      await old.must('fence', { epoch });
      await old.follow(epoch, successor);
      await waitUntil('the old one follows', async () => (await old.status()).upstream?.connected === true);
      await waitUntil('it is equal', async () => {
        const [mine, theirs] = await Promise.all([old.status(), successor.status()]);
        return (
          mine.business.chainCrc === theirs.business.chainCrc && mine.business.stateHash === theirs.business.stateHash
        );
      });
      const { divergence } = await old.status();
      assert.equal(divergence?.released ?? 0, 0, 'nothing that was cut had been released');
      frozenEngine = '';
      await successor.must('set-ack-set', { epoch, ackSet: others() });
      await oldOms.control.call('fence', { epoch });
      whole += 1;
      const { staleWritesRefused, staleLogonsRefused, staleWritesAccepted, duplicates } = counters;
      context.diagnostic(
        JSON.stringify({
          epoch,
          exchange: { staleWritesRefused, staleLogonsRefused, staleWritesAccepted, duplicates },
          entriesOnlyThere: divergence?.count ?? 0,
          acknowledgedLate: late.length,
          oldWriter,
        }),
      );
    });
});

const stored = async (postgres: ThrowawayPostgres): Promise<number> => {
  const [row] = await postgres.query<{ readonly n: number }>('SELECT count(*)::int AS n FROM orders').catch(() => []);
  return row?.n ?? 0;
};

const databaseOf = async (
  postgres: ThrowawayPostgres,
): Promise<{ readonly writer: number; readonly ids: readonly string[] }> => {
  const [writer] = await postgres.query<{ readonly epoch: number }>('SELECT epoch::int AS epoch FROM writer_epoch');
  const orders = await postgres.query<{ readonly id: string }>('SELECT id FROM orders');
  return { writer: writer!.epoch, ids: orders.map(({ id }) => id) };
};
