import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { assertAgreed, FIX_VENUE, isOpen, ledger, numbersAtTheExchange } from '../testing/agreement.ts';
import { OrderStream } from '../testing/order-stream.ts';
import { leaseIn, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const ORDERS_PER_SECOND = 400;

const trio = async () => {
  world = await TradingWorld.open({ fillShare: 0.5, venue: FIX_VENUE });
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => world!.engine(name)));
  await a!.promote(1, ['b', 'c']);
  await Promise.all([b!.follow(1, a!), c!.follow(1, a!)]);
  await untilReleasing(a!);
  await isOpen(a!);
  return { world, a: a!, b: b!, c: c! };
};

test('a primary killed under load: its successor goes on with the same FIX session, and nothing is lost or sent twice', async () => {
  const { world, a, b, c } = await trio();
  const first = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('orders are acknowledged', () => first.acknowledged.size > 500);
  await a.process.kill();
  first.stop();
  const fences = await Promise.all([b.must('fence', { epoch: 2 }), c.must('fence', { epoch: 2 })]);
  assert.deepEqual((fences[0] as JsonRecord).receivers, { venue: 'acknowledged' });
  await b.promote(2, ['c']);
  await c.follow(2, b);
  await untilReleasing(b);
  await isOpen(b);
  await assertAgreed(world, b, [first]);
  const second = new OrderStream(await b.client('more'), { prefix: 'two', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('the successor trades', () => second.acknowledged.size > 200);
  await b.process.kill();
  second.stop();
  await c.must('fence', { epoch: 3 });
  await c.promote(3, []);
  await isOpen(c);
  await assertAgreed(world, c, [first, second]);
  assert.equal((await world.venueCounters()).staleWritesAccepted, 0);
  const { orders, reports } = await ledger(world);
  await world.venue.kill();
  const { nextIn, nextOut } = await numbersAtTheExchange(world);
  assert.ok(nextIn > orders.size && nextOut > reports, `one session from the first order on: ${nextIn}, ${nextOut}`);
});

test('an exchange killed under load goes on with the FIX session, and every report comes to the engine once', async () => {
  const { world, a } = await trio();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  for (let round = 1; round <= 3; round++) {
    const enough = stream.acknowledged.size + 200;
    await waitUntil('orders are acknowledged', () => stream.acknowledged.size > enough);
    await world.restartVenue();
    await isOpen(a);
  }
  stream.stop();
  await assertAgreed(world, a, [stream]);
});

test('exchange and primary killed together: the successor and the restarted exchange agree on the session', async () => {
  const { world, a, b, c } = await trio();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 300);
  await Promise.all([a.process.kill(), world.restartVenue()]);
  stream.stop();
  await Promise.all([b.must('fence', { epoch: 2 }), c.must('fence', { epoch: 2 })]);
  await b.promote(2, ['c']);
  await c.follow(2, b);
  await untilReleasing(b);
  await isOpen(b);
  await assertAgreed(world, b, [stream]);
  const again = await world.engine('a');
  await again.follow(2, b);
  await waitUntil('the old primary is equal to the new one', async () => {
    const [mine, theirs] = [await again.status(), await b.status()];
    return mine.business.chainCrc === theirs.business.chainCrc;
  });
});

test('over FIX without epochs a frozen primary that wakes up after its successor took over gets nothing acknowledged', async () => {
  const sessions = { mode: 'credentials', passwords: { ACME: 'p' } };
  world = await TradingWorld.open({ fillShare: 0, venue: { sessions, ...FIX_VENUE } });
  const settings = { venue: { port: world.venue.port('fix'), firm: 'ACME', password: 'p', fix: {} } };
  const [a, b] = [await world.engine('a', settings), await world.engine('b', settings)];
  await a.promote(1, ['b'], 1500);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  const order = (id: string) => ({ t: 'new', id, symbol: 'X', side: 'B', price: 10, qty: 5 });
  const client = await a.client('c');
  client.send(order('before'));
  await client.expect(({ t, id }) => t === 'ack' && id === 'before');
  await waitUntil('it is at the exchange', async () => (await world!.dropCopy()).length === 1);
  a.process.signal('SIGSTOP');
  client.send(order('while-frozen'), { t: 'cancel', id: 'cancel-frozen', target: 'before' });
  assert.deepEqual((await b.must('fence', { epoch: 2 })).receivers, {}, 'an exchange without epochs cannot be told');
  await b.promote(2, []);
  await isOpen(b);
  const venues = (await b.must('takeover', {}))['venues'] as JsonRecord;
  assert.equal((venues['venue'] as JsonRecord)['session'], 'word');
  a.process.signal('SIGCONT');
  await a.call('lease', { epoch: 1, leaseUntilNs: leaseIn(0) });
  const after = await b.client('c');
  after.send(order('after'));
  await after.expect(({ t, id }) => t === 'ack' && id === 'after');
  await waitUntil('it is at the exchange', async () => (await world!.dropCopy()).length >= 2);
  assert.deepEqual(
    (await world.dropCopy()).map(({ kind, id }) => `${kind} ${id}`),
    ['accepted before', 'accepted after'],
  );
  assert.equal(client.received.filter(({ id }) => id === 'while-frozen' || id === 'cancel-frozen').length, 0);
});

test('an engine that traded over the binary protocol goes on over FIX, and back', async () => {
  world = await TradingWorld.open({ fillShare: 0.5, venue: FIX_VENUE });
  const streams: OrderStream[] = [];
  const { venue } = world;
  const [binary, fix] = [venue.port('binary'), venue.port('fix')];
  const protocols = [
    { port: binary },
    { port: fix, fix: {}, fencePort: binary },
    { port: binary },
    { port: fix, fix: {} },
  ];
  for (const [at, protocol] of protocols.entries()) {
    const engine = await world.engine('a', { venue: { firm: 'ACME', ...protocol } });
    await engine.promote(at + 1, []);
    await isOpen(engine);
    await assertAgreed(world, engine, streams);
    const stream = new OrderStream(await engine.client('load'), {
      prefix: `p${at}`,
      ordersPerSecond: ORDERS_PER_SECOND,
    });
    streams.push(stream);
    await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 100);
    await engine.process.kill();
    stream.stop();
  }
});

test('a test order is answered over FIX and booked nowhere', async () => {
  const { world, a } = await trio();
  const { elapsedMs } = (await a.must('test-order', { epoch: 1, deadlineMs: 5000 })) as { elapsedMs: number };
  assert.ok(elapsedMs > 0);
  assert.equal((await world.venueCounters()).orders, 0);
});
