import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitUntil } from '../testing/wait-until.ts';
import type { JournalEntry } from './journal-entry.ts';
import { OrderStore, raiseEpochOnly } from './order-store.ts';
import { postgresAvailable, ThrowawayPostgres } from './throwaway-postgres.ts';

const PATIENT_MS = 20_000;

const order = (seq: number, epoch: number): JournalEntry => ({
  seq,
  epoch,
  kind: 'order',
  id: `o${seq}`,
  client: 'c1',
  symbol: 'ABC',
  side: 'B',
  price: 7,
  qty: 5,
});

test('a writer whose commit waits for the peer', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  let postgres: ThrowawayPostgres;
  before(async () => {
    postgres = await ThrowawayPostgres.start();
  });
  after(() => postgres.close());

  const open = (epoch: number, deadlineMs = PATIENT_MS) =>
    OrderStore.open({ database: postgres.address, stream: 'engine', epoch, holder: `oms-${epoch}`, deadlineMs });
  const standStill = async (still: boolean): Promise<void> => {
    await postgres.query(`ALTER SYSTEM SET synchronous_standby_names = '${still ? 'a_peer_that_is_gone' : ''}'`);
    await postgres.query('SELECT pg_reload_conf()');
    await waitUntil('the setting is in force', async () => {
      const [row] = await postgres.query<{ names: string }>(
        `SELECT current_setting('synchronous_standby_names') AS names`,
      );
      return (row?.names !== '') === still;
    });
  };
  const waiting = async (): Promise<number> =>
    (
      await postgres.query<{ count: number }>(`SELECT count(*)::int FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
    )[0]!.count;
  const untilWaiting = () => waitUntil('a commit waits for the peer', async () => (await waiting()) === 1);
  /** How a commit ended for the writer. */
  const applyNext = (store: OrderStore, epoch: number): Promise<string> =>
    store.apply([order(store.position.sequence + 1, epoch)], () => true).catch(() => 'unknown');

  await suite.test('does not keep its successor out, and its batch is applied once', async () => {
    const first = await open(1);
    await first.apply([order(1, 1)], () => true);
    await standStill(true);
    const pending = applyNext(first, 1);
    await untilWaiting();
    const second = await open(2, 3000);
    assert.deepEqual(second.position, { epoch: 1, sequence: 2 });
    assert.equal(await pending, 'unknown');
    assert.equal(await waiting(), 0);
    await standStill(false);
    assert.equal(await second.apply([order(3, 2)], () => true), 'applied');
    assert.deepEqual(await postgres.query('SELECT id FROM orders ORDER BY seq'), [
      { id: 'o1' },
      { id: 'o2' },
      { id: 'o3' },
    ]);
    second.close();
  });

  await suite.test('does not keep a fence out', async () => {
    const store = await open(3);
    await standStill(true);
    const pending = applyNext(store, 3);
    await untilWaiting();
    const raise = { database: postgres.address, epoch: 4, holder: 'oms-4', deadlineMs: 3000 };
    assert.equal(await raiseEpochOnly(raise), 'acknowledged');
    assert.equal(await pending, 'unknown');
    await standStill(false);
  });

  await suite.test('is not ended by a writer of its own epoch or of an older one', async () => {
    const store = await open(5);
    await standStill(true);
    const pending = applyNext(store, 5);
    await untilWaiting();
    await assert.rejects(open(5, 500));
    await assert.rejects(open(4, 500));
    assert.equal(await waiting(), 1);
    await standStill(false);
    assert.equal(await pending, 'applied');
    store.close();
  });
});
