import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { postgresAvailable, ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import type { Reconciliation } from '../../trading/reconcile/reconciliation.ts';
import type { TradingProcess } from '../../trading/testing/child-process.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { OrderStream } from '../../trading/testing/order-stream.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { runReconcile, startKeeper, startOrderManagement, toldBreaks } from './stack-books.ts';

/** Books of four processes: engine, position keeper, order management's PostgreSQL, exchange. */
test('the books of a running stack', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 240_000,
}, async (suite) => {
  let world: TradingWorld;
  let postgres: ThrowawayPostgres;
  let engine: EngineUnderTest;
  let keeper: TradingProcess;
  let stream: OrderStream;
  let config: string;
  before(async () => {
    [world, postgres] = await Promise.all([TradingWorld.open(), ThrowawayPostgres.start()]);
    const [a, b] = await Promise.all([world.engine('a'), world.engine('b')]);
    engine = a;
    await a.promote(1, ['b']);
    await b.follow(1, a);
    await untilReleasing(a);
    const engines = [a, b].map(({ process: running }) => ({ host: '127.0.0.1', port: running.port('orders') }));
    const stored = await startOrderManagement(world, { postgres, engines });
    const venues = [{ name: 'exchange', host: '127.0.0.1', port: world.venue.port('venue'), firm: 'ACME' }];
    ({ keeper, config } = await startKeeper(world, { instance: 'keeper', engines, databases: [stored], venues }));
    stream = new OrderStream(await a.client('c1'), { prefix: 'flow', ordersPerSecond: 300 });
    await waitUntil('orders are filled', () => stream.filled.size > 150);
  });
  after(async () => {
    stream.stop();
    await world.close();
    await postgres.close();
  });

  const run = async (): Promise<{ readonly code: number | null; readonly found: Reconciliation }> => {
    const { code, stdout, stderr } = await runReconcile(config, '--json');
    assert.equal(stderr, '');
    return { code, found: JSON.parse(stdout) as Reconciliation };
  };
  const told = toldBreaks;
  /** Changes one row behind everybody's back, and puts it back afterwards. */
  const withRow = async (
    change: { readonly table: string; readonly sql: string },
    check: (row: Record<string, unknown>) => Promise<void>,
  ): Promise<void> => {
    const [before] = await postgres.query<{ readonly row: Record<string, unknown> }>(
      `SELECT to_jsonb(t) AS row FROM ${change.table} t WHERE ${victim[change.table]}`,
    );
    const row = before!.row;
    await postgres.query(change.sql);
    try {
      await check(row);
    } finally {
      await postgres
        .query(`DELETE FROM ${change.table} WHERE ${change.table === 'trades' ? 'exec' : 'id'} = $1`, [
          row['exec'] ?? row['id'],
        ])
        .catch(() => {});
      await postgres.query(
        `INSERT INTO ${change.table} SELECT * FROM jsonb_populate_record(null::${change.table}, $1::jsonb) ON CONFLICT DO NOTHING`,
        [JSON.stringify(row)],
      );
    }
  };
  const victim: Readonly<Record<string, string>> = {
    trades: 'exec = (SELECT min(exec) FROM trades)',
    orders: `id = (SELECT min(id) FROM orders WHERE state = 'cancelled' AND filled = 0)`,
  };

  await suite.test('agree while orders flow, whatever is in flight', async () => {
    const { code, found } = await run();
    assert.deepEqual([code, found.verdict, told(found.breaks), found.reasons], [0, 'clean', [], []]);
    assert.deepEqual(found.compared.books, ['exchange', 'engine', 'positions', 'database']);
    assert.ok(found.compared.fills > 100);
  });

  await suite.test(
    'a trade deleted from the database is a missing fill, with the execution, also while orders flow',
    async () => {
      const sql = `DELETE FROM trades WHERE ${victim['trades']}`;
      await withRow({ table: 'trades', sql }, async (row) => {
        const { code, found } = await run();
        assert.equal(code, 1);
        assert.deepEqual(told(found.breaks), [`missing-fill database ${row['order_id']}`]);
        assert.deepEqual(
          found.breaks[0]!.fills.map(({ exec }) => exec),
          [row['exec']],
        );
      });
      stream.stop();
      assert.equal((await run()).code, 0);
    },
  );

  await suite.test('a trade stored again, of another quantity or at another price is named as what it is', async () => {
    await postgres.query(
      `INSERT INTO trades SELECT exec || '-again', order_id, price, qty, seq + 1000000, epoch FROM trades WHERE ${victim['trades']}`,
    );
    const again = await run();
    await postgres.query(`DELETE FROM trades WHERE exec LIKE '%-again'`);
    assert.deepEqual([again.code, again.found.breaks.map(({ kind }) => kind)], [1, ['duplicate']]);
    for (const [set, kind] of [
      ['qty = qty + 200', 'wrong-quantity'],
      ['price = price + 1', 'wrong-price'],
    ] as const) {
      const sql = `UPDATE trades SET ${set} WHERE ${victim['trades']}`;
      await withRow({ table: 'trades', sql }, async (row) => {
        const { code, found } = await run();
        assert.deepEqual([code, told(found.breaks)], [1, [`${kind} database ${row['order_id']}`]]);
        assert.equal(found.breaks[0]!.severity, kind === 'wrong-quantity' ? 'alert' : 'break');
      });
    }
  });

  await suite.test('an order on the wrong side, or open where the exchange has cancelled it, is named', async () => {
    for (const [set, kind] of [
      [`side = CASE side WHEN 'B' THEN 'S' ELSE 'B' END`, 'wrong-side'],
      [`state = 'open'`, 'stale-state'],
    ] as const) {
      const [order] = await postgres.query<{ readonly id: string }>(`SELECT id FROM orders WHERE ${victim['orders']}`);
      const sql = `UPDATE orders SET ${set} WHERE ${victim['orders']}`;
      await withRow({ table: 'orders', sql }, async () => {
        const { code, found } = await run();
        assert.deepEqual([code, told(found.breaks)], [1, [`${kind} database ${order!.id}`]]);
      });
    }
    assert.equal((await run()).code, 0);
  });

  await suite.test(
    'an order that reached the exchange past the engine is unknown here, until somebody accepts it by name',
    async () => {
      const intruder = await LineClient.open(world.venue.port('venue'));
      intruder.send({ t: 'logon', firm: 'ACME', session: 'intruder', epoch: 1 });
      await intruder.expect((message) => message.t === 'logon-ok');
      intruder.send({ t: 'new', id: 'ghost', symbol: 'SYM0', side: 'B', price: 1, qty: 3 });
      await waitUntil('the exchange has it', async () => (await world.dropCopy()).some(({ id }) => id === 'ghost'));
      intruder.close();
      const { code, found } = await run();
      assert.equal(code, 1);
      assert.deepEqual(
        told(found.breaks).filter((each) => !each.includes('positions')),
        ['unknown-here database ghost', 'unknown-here engine ghost'],
      );
      for (const { id } of found.breaks) {
        const resolved = await runReconcile(
          config,
          'resolve',
          id,
          '--by',
          'ada',
          '--why',
          'a test order',
          '--as',
          'accepted',
        );
        assert.equal(resolved.code, 0);
      }
      assert.equal((await run()).code, 0);
      const listed = await runReconcile(config, 'list', '--all');
      assert.match(listed.stdout, /accepted by ada, \S+Z: a test order/);
    },
  );

  await suite.test(
    'a book that cannot be read makes it inconclusive, and the command line or configuration bad input',
    async () => {
      await keeper.kill();
      const { code, found } = await run();
      assert.deepEqual([code, found.verdict], [3, 'inconclusive']);
      assert.match(found.reasons.join('; '), /positions could not be read/);
      const text = await runReconcile(config);
      assert.deepEqual([text.code, /^inconclusive/.test(text.stdout)], [3, true]);
      const missing = await runReconcile(join(world.directory, 'nowhere.json'));
      assert.equal(missing.code, 2);
      assert.match(missing.stderr, /^HF-7203 /);
      assert.equal((await runReconcile(config, 'resolve', 'nothing', '--by', 'ada', '--why', 'x')).code, 2);
      assert.equal((await runReconcile(config, 'dance')).code, 2);
      writeFileSync(
        join(world.directory, 'breaks-keeper'),
        readFileSync(join(world.directory, 'breaks-keeper'), 'utf8').replace('ada', 'eve'),
      );
      assert.match((await runReconcile(config, 'list')).stderr, /^HF-7404 /);
      assert.equal((await engine.status()).role, 'primary');
    },
  );
});
