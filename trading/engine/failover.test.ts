import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { LineClient } from '../testing/line-client.ts';
import { allOrders, OrderStream } from '../testing/order-stream.ts';
import { type EngineUnderTest, leaseIn, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const ORDERS_PER_SECOND = 800;

interface Trio {
  readonly world: TradingWorld;
  readonly a: EngineUnderTest;
  readonly b: EngineUnderTest;
  readonly c: EngineUnderTest;
}

const trio = async (options: { leaseMs?: number; fillShare?: number } = {}): Promise<Trio> => {
  const { leaseMs = 60_000, fillShare = 0.5 } = options;
  world = await TradingWorld.open({ fillShare });
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => world!.engine(name)));
  await a!.promote(1, ['b', 'c'], leaseMs);
  await Promise.all([b!.follow(1, a!), c!.follow(1, a!)]);
  if (leaseMs > 1000) await untilReleasing(a!);
  return { world, a: a!, b: b!, c: c! };
};

/** The order states that the venue's ledger amounts to. */
const fromLedger = (
  reports: readonly JsonRecord[],
): Map<string, { filled: number; state: string; symbol: unknown; price: unknown; qty: unknown }> => {
  const orders = new Map<string, { filled: number; state: string; symbol: unknown; price: unknown; qty: unknown }>();
  for (const report of reports) {
    const { symbol, price, qty } = report;
    if (report.kind === 'accepted') orders.set(report.id as string, { filled: 0, state: 'open', symbol, price, qty });
    const order = orders.get((report.kind === 'cancelled' ? report.target : report.id) as string);
    if (order === undefined) continue;
    if (report.kind === 'cancelled') order.state = 'cancelled';
    if (report.kind === 'fill') order.filled += qty as number;
    if (order.filled === order.qty) order.state = 'filled';
  }
  return orders;
};

const assertLedgerEquals = async (world_: TradingWorld, engine: EngineUnderTest): Promise<void> => {
  await waitUntil('the venue has answered everything', async () => (await engine.status()).business.inDoubt === 0);
  const mine = await allOrders(engine.process.port('orders'));
  const theirs = fromLedger(await world_.dropCopy());
  assert.equal(theirs.size, mine.size);
  for (const [id, order] of mine) {
    const { symbol, price, qty, filled, state } = order;
    assert.deepEqual(theirs.get(id), { symbol, price, qty, filled, state }, id);
  }
  assert.equal((await engine.status()).business.breaks, 0);
};

test('a primary killed under load loses no acknowledged order, and the venue agrees with its successor', async () => {
  const { world, a, b, c } = await trio();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('a thousand orders are acknowledged', () => stream.acknowledged.size > 1000);
  await a.process.kill();
  stream.stop();
  const fences = await Promise.all([b.must('fence', { epoch: 2 }), c.must('fence', { epoch: 2 })]);
  assert.deepEqual(fences[0].receivers, { venue: 'acknowledged' });
  const promoted = await b.promote(2, ['c']);
  assert.equal((promoted.recovered as JsonRecord).venue, 'reconciled');
  await c.follow(2, b);
  await untilReleasing(b);
  const orders = await allOrders(b.process.port('orders'));
  for (const [id, { seq, epoch }] of stream.acknowledged) {
    const sent = stream.sent.get(id);
    if (sent === undefined) continue;
    const { symbol, side, price, qty, seq: storedSeq, epoch: storedEpoch } = orders.get(id) ?? {};
    assert.deepEqual({ id, symbol, side, price, qty, seq: storedSeq, epoch: storedEpoch }, { ...sent, seq, epoch });
  }
  for (const id of orders.keys()) assert.ok(stream.sent.has(id), `${id} was never sent`);
  await assertLedgerEquals(world, b);
  for (const [id, filled] of stream.filled) assert.ok((orders.get(id)?.filled as number) >= filled, id);

  // The dead one comes back, follows, and becomes equal to its successor.
  const again = await world.engine('a');
  assert.equal((await again.status()).role, 'closed');
  await again.follow(2, b);
  await waitUntil('the old primary is equal to the new one', async () => {
    const [mine, theirs] = [await again.status(), await b.status()];
    return (
      mine.business.chainCrc === theirs.business.chainCrc && mine.business.activeOrders === theirs.business.activeOrders
    );
  });
});

test('a frozen primary thawed after its successor took over releases nothing, and the venue accepts nothing from it', async () => {
  const { world, a, b, c } = await trio({ leaseMs: 1500 });
  const client = await a.client('load');
  const stream = new OrderStream(client, { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  const renewal = setInterval(() => void a.call('lease', { epoch: 1, leaseUntilNs: leaseIn(400) }), 50);
  await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 400);
  clearInterval(renewal);
  a.process.signal('SIGSTOP');
  await Promise.all([b.must('fence', { epoch: 2 }), c.must('fence', { epoch: 2 })]);
  await b.promote(2, ['c']);
  await c.follow(2, b);
  await untilReleasing(b);
  const acknowledged = new Set(stream.acknowledged.keys());
  const lease = leaseIn(0);
  await waitUntil('the lease of the frozen one is over', () => BigInt(lease) + 450_000_000n < process.hrtime.bigint());
  const before = await world.venueCounters();
  a.process.signal('SIGCONT');
  // It must have noticed: either from a replica or from the venue, it learns of the newer epoch.
  await waitUntil('the thawed one has stopped', async () => (await a.status()).role === 'fenced');
  stream.stop();
  // Frozen between its last look at the lease and the system call, it may finish that one write; all in it was held by the set.
  const late = [...stream.acknowledged.keys()].filter((id) => !acknowledged.has(id));
  const asker = await b.client('asker');
  asker.send({ t: 'query', ids: late });
  const known = (await asker.expect((message) => message.t === 'orders')).orders as JsonRecord[];
  assert.deepEqual(
    new Set(known.map(({ id }) => id)),
    new Set(late),
    'a stale primary acknowledged what its successor lacks',
  );
  const after = await world.venueCounters();
  assert.equal(after.staleWritesAccepted, 0);
  assert.equal(after.orders, before.orders);
  assert.equal((await a.status()).epoch, 2);
  await assertLedgerEquals(world, b);

  // Its own tail is kept before it follows.
  await a.follow(2, b);
  await waitUntil('it follows', async () => (await a.status()).upstream?.connected === true);
  await waitUntil(
    'it is equal',
    async () => (await a.status()).business.chainCrc === (await b.status()).business.chainCrc,
  );
});

test('a divergent tail is kept in a file, reported and cut, and the state is computed again', async () => {
  const { a, b, c } = await trio({ fillShare: 0 });
  const client = await a.client('load');
  client.send({ t: 'new', id: 'held', symbol: 'SYM0', side: 'B', price: 10, qty: 1 });
  await client.expect((message) => message.id === 'held');
  await waitUntil('the replicas hold everything', async () => {
    const { business, position } = await a.status();
    return business.inDoubt === 0 && (await b.status()).position.sequence === position.sequence;
  });
  // Cut off from its replicas, the old primary journals what it cannot release.
  await Promise.all([b.must('demote', { epoch: 1 }), c.must('demote', { epoch: 1 })]);
  client.send({ t: 'new', id: 'tail', symbol: 'SYM0', side: 'B', price: 11, qty: 1 });
  await waitUntil('the order is journalled', async () => (await a.status()).business.orders === 2);
  const { sequence: common } = (await b.status()).position;
  await b.must('fence', { epoch: 2 });
  await b.promote(2, ['c']);
  await c.follow(2, b);
  await untilReleasing(b);
  await a.must('fence', { epoch: 2 });
  const onlyThere = (await a.status()).position.sequence - common;
  assert.ok(onlyThere >= 1);
  await a.follow(2, b);
  await waitUntil('the divergence is reported', async () => (await a.status()).divergence !== null);
  const { divergence } = await a.status();
  assert.equal(divergence?.count, onlyThere);
  assert.equal(divergence?.released, 0);
  await waitUntil('it is equal', async () => {
    const status = await a.status();
    return status.business.chainCrc === (await b.status()).business.chainCrc && status.business.orders === 1;
  });
  assert.ok(!client.received.some((message) => message.id === 'tail'), 'the tail was never answered');
});

test('the same id gets the same answer, also from a successor, and altered content is refused', async () => {
  const { a, b, c } = await trio();
  const order = { t: 'new', id: 'o1', symbol: 'SYM0', side: 'B', price: 10, qty: 3 };
  const first = await a.client('load');
  first.send(order, order, { ...order, price: 11 });
  await first.expect((message) => message.code === 'altered-duplicate');
  const acks = first.received.filter((message) => message.t === 'ack');
  assert.equal(acks.length, 2);
  assert.deepEqual(acks[0], acks[1]);
  await a.process.kill();
  await b.must('fence', { epoch: 2 });
  await b.promote(2, ['c']);
  await c.follow(2, b);
  const second = await b.client('load');
  second.send(order);
  assert.deepEqual(await second.expect((message) => message.id === 'o1'), acks[0]);
});

test('a halted engine takes no new risk, takes back what nobody was told of, and lets cancels pass', async () => {
  const { world, a, b, c } = await trio({ fillShare: 0 });
  const order = (id: string) => ({ t: 'new', id, symbol: 'SYM0', side: 'B', price: 10, qty: 3 });
  const client = await a.client('load');
  client.send(order('before'));
  await client.expect((message) => message.t === 'ack' && message.id === 'before');
  await c.process.kill();
  await waitUntil('the loss is seen', async () => (await a.status()).replicas.some(({ state }) => state === 'lost'));
  client.send(
    order('taken'),
    { t: 'cancel', id: 'taken-back', target: 'taken' },
    { t: 'cancel', id: 'x', target: 'before' },
  );
  await waitUntil('they wait', async () => ((await a.status()).business.waiting as number) >= 3);
  await a.must('set-ack-set', { epoch: 1, ackSet: ['b'], halted: true });
  const told = await client.expect((message) => message.id === 'taken' && message.t === 'reject');
  assert.equal(told.code, 'halted');
  await client.expect((message) => message.t === 'cancelled' && message.target === 'before');
  client.send(order('after'), order('taken'));
  await client.expect((message) => message.id === 'after' && message.code === 'halted');
  await waitUntil(
    'the same answer',
    () => client.received.filter(({ id, code }) => id === 'taken' && code === 'halted').length === 2,
  );
  assert.deepEqual(
    client.received.filter(({ t, id }) => t === 'ack' && (id === 'taken' || id === 'after')),
    [],
  );
  const { halted, health, reason } = await a.status();
  assert.deepEqual([halted, health, reason], [true, 'ok', 'halted: new orders are refused, cancels pass']);
  await waitUntil('the venue has answered', async () => (await a.status()).business.inDoubt === 0);
  assert.deepEqual(
    (await world.dropCopy()).filter(({ kind, id }) => kind === 'accepted' && id !== 'before'),
    [],
  );
  await a.must('set-ack-set', { epoch: 1, ackSet: ['b'] });
  assert.equal((await a.status()).halted, true, 'not said is not ended');

  // Whoever takes over has the same orders, and goes on halted if it is told so.
  await a.process.kill();
  await b.must('fence', { epoch: 2 });
  await b.must('promote', { epoch: 2, leaseUntilNs: leaseIn(60_000), ackSet: [], tradingEnabled: true, halted: true });
  const second = await b.client('load');
  second.send(order('taken'), order('again'));
  await second.expect((message) => message.id === 'again' && message.code === 'halted');
  assert.deepEqual(
    second.received.filter(({ id }) => id === 'taken').map(({ t, code }) => [t, code]),
    [['reject', 'halted']],
  );
  await b.must('set-ack-set', { epoch: 2, ackSet: [], halted: false });
  second.send(order('at-last'));
  await second.expect((message) => message.t === 'ack' && message.id === 'at-last');
});

test('a subscriber gets every released entry once and in order, across a change of primary', async () => {
  const { a, b, c } = await trio();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  const first = await LineClient.open(a.process.port('orders'));
  first.send({ t: 'subscribe', after: 0 });
  await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 500);
  await a.process.kill();
  stream.stop();
  const entriesOf = (client: LineClient) => client.received.filter((message) => message.t === 'entry');
  await waitUntil('the subscriber has noticed', () => first.closed);
  const last = entriesOf(first).at(-1)?.seq as number;
  await b.must('fence', { epoch: 2 });
  await b.promote(2, ['c']);
  await c.follow(2, b);
  await untilReleasing(b);
  const second = await LineClient.open(b.process.port('orders'));
  second.send({ t: 'subscribe', after: last });
  await second.expect((message) => message.t === 'released' && (message.seq as number) > last);
  const sequences = [...entriesOf(first), ...entriesOf(second)].map((message) => message.seq);
  assert.deepEqual(
    sequences,
    sequences.map((_, at) => at + 1),
  );
  const kinds = new Set([...entriesOf(first), ...entriesOf(second)].map((message) => message.kind));
  for (const kind of ['epoch', 'order', 'cancel', 'accepted', 'fill', 'cancelled']) assert.ok(kinds.has(kind), kind);
  const tooFar = await LineClient.open(b.process.port('orders'));
  tooFar.send({ t: 'subscribe', after: 1_000_000 });
  await tooFar.expect((message) => message.code === 'ahead');
});

test('orders in doubt are sent again by the successor once they are released again, and booked once', async () => {
  const { world, a, b, c } = await trio();
  const client = await a.client('load');
  world.venue.signal('SIGSTOP');
  const ids = Array.from({ length: 50 }, (_, at) => `doubt-${at}`);
  client.send(...ids.map((id) => ({ t: 'new', id, symbol: 'SYM0', side: 'S', price: 500, qty: 2 })));
  await client.expect((message) => message.t === 'ack' && message.id === 'doubt-49');
  client.send({ t: 'cancel', id: 'doubt-c', target: 'doubt-0' });
  await client.expect((message) => message.t === 'ack' && message.id === 'doubt-c');
  await a.process.kill();
  // What was on its way to the venue is gone with its connection.
  await world.restartVenue();
  assert.deepEqual(await world.dropCopy(), []);
  await b.must('fence', { epoch: 2 });
  const { recovered } = await b.promote(2, ['c']);
  const { inDoubt, venue } = recovered as JsonRecord;
  assert.deepEqual([inDoubt, venue], [51, 'reconciled']);
  // The venue session is ready before the acknowledgement set is complete: nothing may leave yet.
  await c.follow(2, b);
  await untilReleasing(b);
  await assertLedgerEquals(world, b);
  assert.equal((await world.venueCounters()).orders, 50);
});

test('a venue that was away gets what was released meanwhile', async () => {
  const { world, a } = await trio();
  const client = await a.client('load');
  const order = (id: string) => ({ t: 'new', id, symbol: 'SYM0', side: 'S', price: 500, qty: 2 });
  client.send(order('one'));
  await client.expect((message) => message.id === 'one');
  world.venue.signal('SIGSTOP');
  client.send(order('two'));
  await client.expect((message) => message.id === 'two');
  await world.restartVenue();
  await waitUntil('the session is ready', async () => (await a.status()).business.venueReady === 1);
  await assertLedgerEquals(world, a);
  assert.equal((await world.venueCounters()).orders, 2);
});

test('a standby turns clients away', async () => {
  const { b } = await trio();
  const client = await LineClient.open(b.process.port('orders'));
  client.send({ t: 'logon', client: 'x' });
  await client.expect((message) => message.code === 'not-primary');
  await waitUntil('it is closed', () => client.closed);
});
