import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postgresAvailable, ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import type { Reconciliation } from '../../trading/reconcile/reconciliation.ts';
import { isOpen } from '../../trading/testing/agreement.ts';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { type EngineUnderTest, TradingWorld } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { reconciled, startKeeper, startOrderManagement, toldBreaks } from './stack-books.ts';

const ORDERS_EACH = 12;

const told = ({ breaks }: Reconciliation): string[] => toldBreaks(breaks);

/** Each exchange numbers for itself, so that executions of both have the same ids. */
test('a firm at two exchanges whose execution ids are the same', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 240_000,
}, async (suite) => {
  let world: TradingWorld;
  let postgres: ThrowawayPostgres;
  let engine: EngineUnderTest;
  let config = '';

  const reconcile = (): Promise<Reconciliation> => reconciled(config);
  /** Something is planted behind everybody's back, found, and put back. */
  const planted = async (change: string, back: string, breaks: readonly string[]): Promise<void> => {
    await postgres.query(change);
    try {
      assert.deepEqual(told(await reconcile()), breaks);
    } finally {
      await postgres.query(back);
    }
  };

  before(async () => {
    [world, postgres] = await Promise.all([TradingWorld.open({ fillShare: 1 }), ThrowawayPostgres.start()]);
    const secondConfig = { listen: { port: 0 }, binary: { port: 0 }, dataDir: 'second-data', fillShare: 1 };
    const second = await TradingProcess.start('venue', [world.write('second', secondConfig)]);
    world.onClose(() => second.kill());
    const venues = [
      { name: 'first', port: world.venue.port('binary'), firm: 'ACME', symbols: ['ALPHA'] },
      { name: 'second', port: second.port('binary'), firm: 'ACME', symbols: ['DELTA'] },
    ];
    engine = await world.engine('a', { venue: undefined, venues });
    await engine.promote(1, []);
    await isOpen(engine);
    const engines = [{ host: '127.0.0.1', port: engine.process.port('orders') }];
    const stored = await startOrderManagement(world, { postgres, engines });
    const at = { host: '127.0.0.1', firm: 'ACME' };
    const books = {
      engines,
      databases: [stored],
      venues: [
        { name: 'first', port: world.venue.port('venue'), ...at },
        { name: 'second', port: second.port('venue'), ...at },
      ],
    };
    ({ config } = await startKeeper(world, { instance: 'keeper', ...books }));
    const client = await engine.client('c');
    for (let at = 1; at <= ORDERS_EACH; at++)
      for (const symbol of ['ALPHA', 'DELTA'])
        client.send({ t: 'new', id: `${symbol}-${at}`, symbol, side: 'B', price: 10 + (at % 3), qty: 1 });
    const fills = (): number => client.received.filter(({ t }) => t === 'fill').length;
    await waitUntil('all orders are filled', () => fills() === 2 * ORDERS_EACH);
  });
  after(async () => {
    await world?.close();
    await postgres?.close();
  });

  await suite.test('both executions of one id are in the database, each with its exchange', async () => {
    await waitUntil('all trades are stored', async () => {
      const rows = await postgres.query('SELECT exec FROM trades').catch(() => []);
      return rows.length === 2 * ORDERS_EACH;
    });
    const same = await postgres.query<{ readonly exec: string; readonly venues: readonly string[] }>(
      'SELECT exec, array_agg(venue ORDER BY venue) AS venues FROM trades GROUP BY exec HAVING count(*) > 1 ORDER BY exec',
    );
    assert.ok(same.length > ORDERS_EACH / 2, `${same.length} ids are used by both`);
    for (const { venues } of same) assert.deepEqual(venues, ['first', 'second']);
    const broken = await postgres.query('SELECT reason FROM oms_breaks');
    assert.deepEqual(broken, []);
  });

  await suite.test('the books of engine, position keeper, database and both exchanges agree', async () => {
    const found = await reconcile();
    assert.deepEqual([found.verdict, told(found), found.reasons], ['clean', [], []]);
    assert.ok(found.compared.fills >= 2 * ORDERS_EACH);
  });

  await suite.test('a break at one of them is not hidden by the other one’s execution of the same id', async () => {
    const at = `order_id = 'DELTA-3'`;
    const [row] = await postgres.query<{ readonly row: object }>(`SELECT to_jsonb(t) AS row FROM trades t WHERE ${at}`);
    const insert = `INSERT INTO trades SELECT * FROM jsonb_populate_record(null::trades, '${JSON.stringify(row!.row)}')`;
    await planted(`DELETE FROM trades WHERE ${at}`, insert, ['missing-fill database DELTA-3']);
    await planted(`UPDATE trades SET qty = qty + 1 WHERE ${at}`, `UPDATE trades SET qty = qty - 1 WHERE ${at}`, [
      'wrong-quantity database DELTA-3',
    ]);
    const twin = `UPDATE orders SET side = 'S' WHERE id = 'ALPHA-5'`;
    await planted(twin, `UPDATE orders SET side = 'B' WHERE id = 'ALPHA-5'`, ['wrong-side database ALPHA-5']);
    assert.deepEqual(told(await reconcile()), []);
  });
});
