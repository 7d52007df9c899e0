import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { waitUntil } from '../testing/wait-until.ts';
import type { JournalEntry } from './journal-entry.ts';
import { OrderStore, raiseEpochOnly, StaleWriterError } from './order-store.ts';
import { withReadConnection } from './read-connection.ts';
import { writerEpochTable } from './schema.ts';
import { postgresAvailable, ThrowawayPostgres } from './throwaway-postgres.ts';
import { writerEpochSql } from './writer-epoch.ts';

const order = (seq: number, epoch = 1): JournalEntry => ({
  kind: 'order',
  seq,
  epoch,
  id: `o${seq}`,
  client: 'c1',
  symbol: 'ABC',
  side: 'B',
  price: 100,
  qty: 10,
});
const fill = (seq: number, target: number, qty: number): JournalEntry => ({
  kind: 'fill',
  seq,
  epoch: 1,
  orderId: `o${target}`,
  exec: `x${seq}`,
  price: 100,
  qty,
});
const always = (): boolean => true;

test('orders and trades in PostgreSQL', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  let postgres: ThrowawayPostgres;
  before(async () => {
    postgres = await ThrowawayPostgres.start();
  });
  after(() => postgres.close());
  beforeEach(() => postgres.query('DROP TABLE IF EXISTS trades, orders, oms_position, writer_epoch, oms_breaks'));

  const open = (epoch: number): Promise<OrderStore> =>
    OrderStore.open({
      database: postgres.address,
      stream: 'engine',
      epoch,
      holder: `oms-${epoch}`,
      deadlineMs: 15_000,
    });

  await suite.test('a batch moves rows and position together and the state follows from the fills', async () => {
    const store = await open(1);
    await store.apply(
      [order(1), order(2), { kind: 'accepted', seq: 3, epoch: 1, orderId: 'o1' }, fill(4, 1, 4)],
      always,
    );
    await store.apply([fill(5, 1, 6), { kind: 'cancelled', seq: 6, epoch: 1, orderId: 'o2' }], always);
    const rows = await postgres.query('SELECT id, state, filled::int FROM orders ORDER BY id');
    assert.deepEqual(rows, [
      { id: 'o1', state: 'filled', filled: 10 },
      { id: 'o2', state: 'cancelled', filled: 0 },
    ]);
    assert.deepEqual(store.position, { epoch: 1, sequence: 6 });
    assert.equal(store.activeOrders, 0);
    store.close();
    const again = await open(1);
    assert.equal(again.position.sequence, 6);
    again.close();
  });

  await suite.test('a replaced order has its new terms, and two exchanges may use one execution id', async () => {
    const store = await open(1);
    const replaced = { kind: 'replaced', request: 'r', epoch: 1, orderId: 'o1' } as const;
    await store.apply([order(1), { ...replaced, seq: 2, price: 101, qty: 12 }, order(3)], always);
    await store.apply([{ ...replaced, seq: 4, price: 102, qty: 5 }], always);
    const execution = { kind: 'fill', epoch: 1, exec: 'ACME-7', price: 100 } as const;
    await store.apply(
      [
        { ...execution, seq: 5, orderId: 'o1', qty: 5, venue: 'first' },
        { ...execution, seq: 6, orderId: 'o3', qty: 1, venue: 'second' },
        { ...replaced, seq: 7, price: 102, qty: 9 },
      ],
      always,
    );
    assert.deepEqual(await postgres.query('SELECT id, price::int, qty::int, state FROM orders ORDER BY id'), [
      { id: 'o1', price: 102, qty: 5, state: 'filled' },
      { id: 'o3', price: 100, qty: 10, state: 'pending' },
    ]);
    assert.deepEqual(await postgres.query('SELECT venue, exec, order_id FROM trades ORDER BY venue'), [
      { venue: 'first', exec: 'ACME-7', order_id: 'o1' },
      { venue: 'second', exec: 'ACME-7', order_id: 'o3' },
    ]);
    assert.deepEqual(await postgres.query('SELECT seq::int, order_id FROM oms_breaks'), [{ seq: 7, order_id: 'o1' }]);
    store.close();
  });

  await suite.test(
    'a writer, a fence and a reader find the primary at another address, and a newer epoch there ends the search',
    async () => {
      const gone = { ...postgres.address, port: 1 };
      const { host, port } = postgres.address;
      const database = { ...gone, others: [{ host, port }] };
      const at = (epoch: number) => ({ database, epoch, holder: 'oms-1', deadlineMs: 2000 });
      const store = await OrderStore.open({ ...at(1), stream: 'engine' });
      await store.apply([order(1)], always);
      store.close();
      const rows = await withReadConnection({ database, deadlineMs: 2000 }, async (client) =>
        client.query('SELECT id FROM orders'),
      );
      assert.equal(rows.rowCount, 1);
      assert.equal(await raiseEpochOnly(at(2)), 'acknowledged');
      await assert.rejects(OrderStore.open({ ...at(1), stream: 'engine' }), /stale-epoch/);
      const alone = { ...at(3), database: { ...gone, others: [] } };
      await assert.rejects(OrderStore.open({ ...alone, stream: 'engine' }), /ECONNREFUSED/);
      assert.equal(await raiseEpochOnly(alone), 'unreachable');
    },
  );

  await suite.test(
    'a database that stands still for want of its peer takes a new writer, and acknowledges nothing of it',
    async () => {
      const waitFor = async (names: string) => {
        await postgres.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
        await postgres.query('SELECT pg_reload_conf()');
      };
      const patient = await open(1);
      patient.close();
      await waitFor('FIRST 1 (nobody)');
      try {
        assert.equal(
          await raiseEpochOnly({ database: postgres.address, epoch: 2, holder: 'oms-2', deadlineMs: 1000 }),
          'acknowledged',
        );
        const halted = await OrderStore.open({
          database: postgres.address,
          stream: 'engine',
          epoch: 2,
          holder: 'oms-2',
          deadlineMs: 1000,
        });
        await assert.rejects(halted.apply([order(1, 2)], always), /timeout/);
        halted.close();
      } finally {
        await waitFor('');
      }
      const after = await open(2);
      assert.equal(after.position.sequence, 1, 'what waited is committed once it may be');
      after.close();
    },
  );

  await suite.test(
    'a writer of an older epoch is refused inside its transaction and changes nothing (I1, I2)',
    async () => {
      const old = await open(1);
      await old.apply([order(1)], always);
      const successor = await open(2);
      await assert.rejects(
        old.apply([order(2)], always),
        (error: unknown) => error instanceof StaleWriterError && error.epoch === 2,
      );
      await successor.apply([order(2, 2)], always);
      const rows = await postgres.query('SELECT epoch::int FROM orders WHERE id = $1', ['o2']);
      assert.deepEqual(rows, [{ epoch: 2 }]);
      await assert.rejects(open(1), StaleWriterError);
      old.close();
      successor.close();
    },
  );

  await suite.test(
    'raising the epoch waits for a transaction of the old one, so that none commits afterwards',
    async () => {
      const old = await open(1);
      await old.apply([order(1)], always);
      // As `apply` begins, and held open: its own cannot be, from within this process.
      const writing = new pg.Client({ ...postgres.address });
      await writing.connect();
      await writing.query('BEGIN');
      await writing.query(writerEpochSql(writerEpochTable).lock);
      let done = false;
      const raised = raiseEpochOnly({ database: postgres.address, epoch: 2, holder: 'fence', deadlineMs: 15_000 });
      void raised.then(() => {
        done = true;
      });
      await waitUntil('the raise waits for the row', async () => {
        const [row] = await postgres.query('SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted');
        return row!['waiting'] === 1;
      });
      assert.equal(done, false);
      await writing.query('COMMIT');
      assert.equal(await raised, 'acknowledged');
      await assert.rejects(old.apply([order(2)], always), StaleWriterError);
      await writing.end();
      old.close();
    },
  );

  await suite.test(
    'a writer that was frozen inside a transaction commits nothing when it thaws, and its successor goes on',
    async () => {
      const old = await open(1);
      let successor: Promise<OrderStore> | null = null;
      const stuck = old.apply([order(1)], () => {
        successor = open(2);
        const until = performance.now() + 1500;
        while (performance.now() < until) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
        return true;
      });
      await assert.rejects(stuck);
      const store = await successor!;
      assert.equal(store.position.sequence, 0);
      store.close();
      old.close();
    },
  );

  await suite.test('without the right to commit a batch is held and leaves no trace', async () => {
    const store = await open(1);
    assert.equal(await store.apply([order(1)], () => false), 'held');
    assert.deepEqual(await postgres.query('SELECT id FROM orders'), []);
    assert.equal(await store.apply([order(1)], always), 'applied');
    store.close();
  });

  await suite.test('a batch that was applied already, or leaves a gap, is refused', async () => {
    const store = await open(1);
    const other = await open(1);
    await store.apply([order(1)], always);
    await assert.rejects(other.apply([order(1)], always), /stored position is no longer 0/);
    await assert.rejects(store.apply([order(3)], always), /does not follow/);
    store.close();
    other.close();
  });

  await suite.test('an entry that does not fit is kept as a break and does not stop what follows', async () => {
    const store = await open(1);
    await store.apply(
      [
        order(1),
        fill(2, 77, 1),
        fill(3, 1, 11),
        fill(4, 1, 10),
        { kind: 'cancelled', seq: 5, epoch: 1, orderId: 'o1' },
      ],
      always,
    );
    const breaks = await postgres.query('SELECT seq::int, order_id, reason FROM oms_breaks ORDER BY seq');
    assert.deepEqual(breaks, [
      { seq: 2, order_id: 'o77', reason: 'fill, but the order is not known' },
      { seq: 3, order_id: 'o1', reason: 'fill of 11 on 0 of 10' },
      { seq: 5, order_id: 'o1', reason: 'cancelled, but it is filled' },
    ]);
    assert.deepEqual(await postgres.query('SELECT exec FROM trades'), [{ exec: 'x4' }]);
    assert.equal(store.breaks, 3);
    store.close();
  });

  await suite.test('an epoch is not raised where no writer ever was', async () => {
    const outcome = await raiseEpochOnly({ database: postgres.address, epoch: 2, holder: 'fence', deadlineMs: 15_000 });
    assert.equal(outcome, 'not-a-receiver');
    const nowhere = await raiseEpochOnly({
      database: { ...postgres.address, port: 1 },
      epoch: 2,
      holder: 'fence',
      deadlineMs: 300,
    });
    assert.equal(nowhere, 'unreachable');
  });
});
