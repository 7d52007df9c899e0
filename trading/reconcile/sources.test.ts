import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { KeeperServer } from '../positions/keeper-server.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { engineSource } from './engine-source.ts';
import { keeperSource } from './keeper-source.ts';
import { venueSource } from './venue-source.ts';

let engine: StandInEngine;
let other: StandInEngine;
beforeEach(async () => {
  [engine, other] = await Promise.all([
    StandInEngine.listen({ epoch: 3 }),
    StandInEngine.listen({ instance: 'e2', epoch: 2 }),
  ]);
});
afterEach(() => Promise.all([engine.close(), other.close()]));

const source = () => engineSource({ name: 'engine', addresses: [other.address, engine.address] });
const send = async (count: number): Promise<void> => {
  const client = await LineClient.open(engine.address.port);
  for (let n = 0; n < count; n++)
    client.send({ t: 'new', id: `o${n}`, symbol: 'ABC', side: n % 2 === 0 ? 'B' : 'S', price: 5, qty: 2 });
  await waitUntil('everything is acknowledged', () => client.received.filter(({ t }) => t === 'ack').length === count);
  client.close();
};

test('the engine with the higher epoch is read, all pages of it, with the end of its journal', async () => {
  await send(2345);
  const { book, end } = await source().read({ deadlineMs: 5000 });
  assert.equal(book.orders?.length, 2345);
  assert.equal(end, engine.journal.length);
  assert.equal(book.orders?.[0]?.account, 'c1');
  assert.ok(book.positions.length > 0);
});

test('an address that is frozen is not waited for when another one answers', async () => {
  other.frozen = true;
  const startedAt = performance.now();
  await source().read({ deadlineMs: 20_000 });
  assert.ok(performance.now() - startedAt < 10_000);
});

test('without a primary, or with one that is frozen, there is no book', async () => {
  other.primary = false;
  engine.primary = false;
  await assert.rejects(source().read({ deadlineMs: 1000 }), /no engine is primary .*not-primary.*not-primary/);
  engine.primary = true;
  engine.frozen = true;
  await assert.rejects(source().read({ deadlineMs: 200 }), /no answer within 200 ms/);
});

test('an order that cannot be relied on makes the whole book unreadable', async () => {
  await send(3);
  for (const wrong of [{ filled: 1.5 }, { side: 'X' }, { state: 'sleeping' }, { client: '' }]) {
    const [order] = [...engine.requests.values()];
    const before = { ...order };
    Object.assign(order!, wrong);
    await assert.rejects(source().read({ deadlineMs: 1000 }), /cannot be relied on/);
    Object.assign(order!, before);
  }
});

test('the keeper is waited for until it is as far as the engine, and unread when it does not get there', async () => {
  await send(30);
  const keeper = new KeeperServer({
    instance: 'keeper',
    engines: [engine.address],
    listen: { host: '127.0.0.1', port: 0 },
    instruments: {},
    marketData: [],
    control: null,
    reconcile: null,
    keepEveryMs: 0,
    checkEveryMs: 5000,
    checkDeadlineMs: 2000,
  });
  const positions = keeperSource({
    name: 'positions',
    addresses: [{ host: '127.0.0.1', port: await keeper.listen() }],
  });
  try {
    const end = engine.journal.length;
    const book = await positions.read({ deadlineMs: 10_000, atLeast: end });
    assert.equal(book.fills?.length, engine.journal.filter(({ kind }) => kind === 'fill').length);
    await assert.rejects(
      positions.read({ deadlineMs: 100, atLeast: end + 1 }),
      new RegExp(`at entry ${end}, the engine at ${end + 1}`),
    );
    engine.primary = false;
    engine.cutConnections();
    await waitUntil('it hears nobody', () =>
      positions.read({ deadlineMs: 1000, atLeast: null }).then(
        () => false,
        (error: Error) => error.message.includes('hears no engine'),
      ),
    );
  } finally {
    await keeper.close();
  }
});

test('an exchange that answers with something else, or not at all, gives no record', async () => {
  const venue = { ...engine.address, name: 'exchange', firm: 'firm' };
  // The stand-in knows the drop copy and no order status: it hangs up.
  await assert.rejects(
    venueSource({ name: 'exchange', venues: [venue] }).read({ deadlineMs: 1000 }),
    /connection lost/,
  );
  engine.frozen = true;
  await assert.rejects(venueSource({ name: 'exchange', venues: [venue] }).read({ deadlineMs: 100 }), /no answer/);
});
