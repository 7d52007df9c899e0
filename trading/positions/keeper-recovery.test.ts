import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { ContractError } from '../control/contract.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { readKeeperConfig } from './keeper-config.ts';
import { KeeperInstance } from './keeper-instance.ts';
import { KeeperServer } from './keeper-server.ts';
import { PositionBook } from './position-book.ts';
import { profitsThatDiffer } from './profit-check.ts';
import type { Trade } from './trade.ts';

const trade = (exec: string, side: 'B' | 'S', price: number, qty: number): Trade => ({
  exec,
  order: `o-${exec}`,
  account: 'c1',
  symbol: 'ABC',
  side,
  price,
  qty,
});

test('P&L of long, short and turned positions is what was paid and received, and a trade too many shows', () => {
  const trades = [
    trade('1', 'B', 100, 7),
    trade('2', 'S', 103, 10),
    trade('3', 'B', 99, 1),
    trade('4', 'S', 104, 1),
    trade('5', 'B', 101, 9),
  ];
  assert.deepEqual(profitsThatDiffer(PositionBook.of(trades), trades), []);
  const [differing] = profitsThatDiffer(PositionBook.of(trades), trades.slice(1));
  assert.match(differing!, /^c1 ABC: -?\d+ booked, -?\d+ paid and received$/);
  assert.deepEqual(profitsThatDiffer(new PositionBook(), trades), ['c1 ABC: not booked']);
});

test('the position keeper is recovered step by step', async (suite) => {
  let world: TradingWorld;
  let engine: EngineUnderTest;
  let keeper: KeeperServer;
  let instance: KeeperInstance;
  const said: string[] = [];
  before(async () => {
    world = await TradingWorld.open({ fillShare: 1 });
    engine = await world.engine('engine');
    await engine.promote(1, []);
    await untilReleasing(engine);
    const file = world.write('keeper', {
      instance: 'keeper',
      engines: [{ host: '127.0.0.1', port: engine.process.port('orders') }],
      listen: { host: '127.0.0.1', port: 0 },
      reconcile: {
        venues: [{ host: '127.0.0.1', port: world.venue.port('venue'), firm: 'ACME' }],
        settleMs: 400,
        store: 'breaks',
      },
    });
    keeper = new KeeperServer(readKeeperConfig(file));
    await keeper.listen();
    instance = new KeeperInstance({
      keeper,
      epochs: EpochStore.open(join(world.directory, 'keeper-epoch.json')),
      checkEveryMs: 600_000,
      checkDeadlineMs: 5000,
      statusChanged: () => {
        said.push(String(instance?.handlers.status().reason));
      },
    });
    const client = await engine.client('c1');
    for (let n = 0; n < 40; n++)
      client.send({ t: 'new', id: `o${n}`, symbol: 'ABC', side: n % 3 === 0 ? 'S' : 'B', price: 10 + n, qty: 5 });
    await waitUntil('everything is executed', () => keeper.book.trades.length >= 20);
    await waitUntil(
      'nothing more comes',
      async () => keeper.book.through === (await engine.status()).position.sequence,
    );
    client.close();
  });
  after(async () => {
    instance.close();
    await keeper.close();
    await world.close();
  });
  const act = async (action: string): Promise<JsonRecord> =>
    (await instance.handlers.actions![action]!({ epoch: 1, action, options: {} })).detail;
  const refused = async (action: string): Promise<string> => {
    try {
      return JSON.stringify(await act(action));
    } catch (error) {
      assert.ok(error instanceof ContractError);
      return `${error.code}: ${error.message}`;
    }
  };
  const recompute = async () => {
    const { differed, lost } = await act('recompute');
    return { differed, lost };
  };

  await suite.test('no step is taken before its turn, and without a recovery there is nothing to resume', async () => {
    assert.match(await refused('reconcile'), /^not-ready: it comes after recompute-pnl/);
    assert.deepEqual(await act('resume'), { vouched: true });
  });

  await suite.test('a position that went wrong is computed anew and is as engine and exchange have it', async () => {
    const { trades } = keeper.book;
    keeper.book.positions.apply({ ...trades[0]!, exec: 'nobody', qty: 3 });
    assert.deepEqual(await recompute(), { differed: 1, lost: null });
    assert.match(String(instance.handlers.status().reason), /a recovery was ordered, and has come to: recomputed/);
    const profit = await act('recompute-pnl');
    assert.equal(profit['trades'], keeper.book.trades.length);
    assert.match(String(profit['realised']), /^USD -?\d+$/);
    const { verdict, books, breaks } = await act('reconcile');
    assert.deepEqual({ verdict, books, breaks }, { verdict: 'clean', books: 'exchange, engine, positions', breaks: 0 });
    assert.equal((await act('verify'))['orders'], 40);
    assert.equal(instance.handlers.status().health, 'degraded');
    await act('resume');
    assert.equal(said.at(-1), 'null', 'that it is well again is said at once');
    assert.deepEqual([instance.handlers.status().health, keeper.problem], ['ok', null]);
  });

  await suite.test(
    'a difference from the exchange is named, and the figures are not vouched for until a newer epoch',
    async () => {
      await recompute();
      await act('recompute-pnl');
      keeper.book.positions.apply({ ...keeper.book.trades[0]!, exec: 'nobody', qty: 3 });
      const { verdict, breaks, named } = await act('reconcile');
      assert.deepEqual([verdict, breaks], ['breaks', 1], String(named));
      assert.match(await refused('verify'), /^not-ready: verify: breaks: /);
      assert.match(await refused('resume'), /^not-ready: it comes after verify/);
      assert.match(String(keeper.problem), /has come to: reconciled/);
      instance.handlers.epochRaised!(2, 'fence');
      assert.equal(keeper.problem, null);
      assert.deepEqual(await recompute(), { differed: 1, lost: null });
    },
  );
});
