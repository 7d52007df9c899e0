import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { JournalEntry } from './journal-entry.ts';
import { OrderStore } from './order-store.ts';
import { QueryDesk } from './query-desk.ts';
import { QueryServer } from './query-server.ts';
import { postgresAvailable, ThrowawayPostgres } from './throwaway-postgres.ts';

const deadlineMs = 15_000;

const venues = ['north', 'south'];

/** Orders 1, 3, 5 … each followed by what becomes of it; those of every third are filled by half and stay open, under ids that both exchanges give. */
const entries = (count: number): JournalEntry[] =>
  Array.from({ length: count }, (_, at): JournalEntry[] => {
    const id = `o${at}`;
    const terms = {
      client: `c${at % 2}`,
      symbol: at % 3 === 0 ? 'ABC' : 'XYZ',
      side: 'B',
      price: 100,
      qty: 10,
    } as const;
    const seq = 2 * at + 1;
    const then: JournalEntry =
      at % 3 === 0
        ? {
            kind: 'fill',
            seq: seq + 1,
            epoch: 1,
            orderId: id,
            exec: `x${at - (at % 6)}`,
            price: 99,
            qty: 5,
            venue: venues[at % 2]!,
          }
        : { kind: 'cancelled', seq: seq + 1, epoch: 1, orderId: id };
    return [{ kind: 'order', seq, epoch: 1, id, ...terms }, then];
  }).flat();

test('queries of order management', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  let postgres: ThrowawayPostgres;
  let server: QueryServer;
  let client: LineClient;
  let primary = true;
  before(async () => {
    postgres = await ThrowawayPostgres.start();
    const database = postgres.address;
    const store = await OrderStore.open({ database, stream: 'engine', epoch: 1, holder: 'oms', deadlineMs });
    await store.apply(entries(60), () => true);
    store.close();
    const desk = new QueryDesk({ database, stream: 'engine', deadlineMs });
    const lag = () => (primary ? { lagEntries: 3, lagMs: 7 } : null);
    server = new QueryServer({ listen: { host: '127.0.0.1', port: 0 }, desk, lag });
    client = await LineClient.open(await server.listen());
  });
  after(async () => {
    client?.close();
    await server?.close();
    await postgres?.close();
  });
  const ask = async (...questions: object[]): Promise<JsonRecord[]> => {
    client.received.length = 0;
    client.send(...questions);
    await waitUntil('all are answered', () => client.received.length >= questions.length, deadlineMs);
    return [...client.received];
  };
  const ids = (answer: JsonRecord | undefined): unknown[] => (answer!.orders as { id: string }[]).map(({ id }) => id);

  await suite.test(
    'open orders come in pages that leave none out and none twice, with the position they are of',
    async () => {
      const seen: unknown[] = [];
      let more = true;
      for (let after = 0; more; ) {
        const [page] = await ask({ t: 'open-orders', after, limit: 7 });
        assert.deepEqual(page?.asOf, { epoch: 1, sequence: 120, lagEntries: 3, lagMs: 7 });
        seen.push(...ids(page));
        after = (page!.orders as { seq: number }[]).at(-1)?.seq ?? after;
        more = page?.more === true;
      }
      assert.deepEqual(
        seen,
        Array.from({ length: 20 }, (_, at) => `o${3 * at}`),
      );
    },
  );

  await suite.test('orders and trades are found by client, symbol, state, order and time', async () => {
    const [mine, cancelled, trades, one, before, since] = await ask(
      { t: 'orders', client: 'c1', symbol: 'ABC' },
      { t: 'orders', state: 'cancelled', limit: 2 },
      { t: 'trades', client: 'c0', symbol: 'ABC' },
      { t: 'trades', order: 'o3' },
      { t: 'trades', to: 1000 },
      { t: 'orders', from: 1000, id: 'o4' },
    );
    assert.equal(ids(mine).length, 10);
    assert.deepEqual(ids(cancelled), ['o1', 'o2']);
    assert.equal(cancelled?.more, true);
    assert.equal((trades!.trades as unknown[]).length, 10);
    const [trade] = one!.trades as JsonRecord[];
    assert.deepEqual(
      [trade?.exec, trade?.venue, trade?.order, trade?.client, trade?.qty],
      ['x0', 'south', 'o3', 'c1', 5],
    );
    assert.deepEqual(before?.trades, []);
    assert.deepEqual(ids(since), ['o4']);
  });

  await suite.test('trades say at which exchange they were executed, and are found by it', async () => {
    const [all, north, nowhere] = await ask(
      { t: 'trades' },
      { t: 'trades', venue: 'north' },
      { t: 'trades', venue: 'nowhere' },
    );
    const first = (all!.trades as JsonRecord[]).filter(({ exec }) => exec === 'x0');
    assert.deepEqual(
      first.map(({ venue, order }) => [venue, order]),
      [
        ['north', 'o0'],
        ['south', 'o3'],
      ],
    );
    assert.equal((north!.trades as unknown[]).length, 10);
    assert.deepEqual(nowhere!.trades, []);
  });

  await suite.test('what is no question is refused, and an instance that is not primary answers none', async () => {
    const bad = [
      { t: 'orders', limit: 0 },
      { t: 'orders', after: -1 },
      { t: 'orders', state: 'lost' },
      { t: 'orders', client: 5 },
      { t: 'trades', from: Number.MAX_SAFE_INTEGER },
      { t: 'drop' },
    ];
    assert.deepEqual(
      (await ask(...bad)).map(({ code }) => code),
      bad.map(() => 'bad-message'),
    );
    const [injected] = await ask({ t: 'orders', client: "c1' OR true --" });
    assert.deepEqual(injected?.orders, []);
    primary = false;
    assert.equal((await ask({ t: 'orders' }))[0]?.code, 'not-primary');
    primary = true;
  });

  await suite.test('more questions at once than wait are answered busy, the others all the same', async () => {
    const answers = await ask(...Array.from({ length: 100 }, () => ({ t: 'orders', limit: 1 })));
    assert.equal(answers.filter(({ t }) => t === 'orders').length, 64);
    assert.equal(answers.filter(({ code }) => code === 'busy').length, 36);
    assert.equal((await ask({ t: 'orders', limit: 1 }))[0]?.t, 'orders');
  });
});
