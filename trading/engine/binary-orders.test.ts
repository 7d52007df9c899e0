import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { seededRandom } from '../replication/seeded-random.ts';
import { BinaryClient } from '../testing/binary-client.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { encodeSent } from './binary-protocol.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const primary = async (fillShare = 0): Promise<EngineUnderTest> => {
  world = await TradingWorld.open({ fillShare });
  const engine = await world.engine('a');
  await engine.promote(1, []);
  await untilReleasing(engine);
  return engine;
};

const logOn = async (engine: EngineUnderTest, client: string): Promise<BinaryClient> => {
  const binary = await BinaryClient.open(engine.process.port('orders'));
  binary.send(encodeSent({ t: 'logon', client }));
  assert.deepEqual(await binary.expect(({ t }) => t === 'logon-ok'), { t: 'logon-ok', instance: 'a', epoch: 1 });
  return binary;
};

const order = (id: string, qty = 3) => encodeSent({ t: 'new', id, symbol: 'SYM0', side: 'B', price: 10, qty });

test('a binary client gets what a text client gets: acknowledgement, the same one again, fills, cancels, refusals', async () => {
  const engine = await primary();
  const client = await logOn(engine, 'c1');
  client.send(order('o1'), order('o1'), order('o1', 4), encodeSent({ t: 'query', id: 'o1' }));
  await client.expect(({ t }) => t === 'order');
  const [first, second, altered, known] = client.received.slice(1);
  assert.equal(first?.t, 'ack');
  assert.deepEqual(second, first);
  assert.deepEqual(altered, { t: 'reject', id: 'o1', code: 'altered-duplicate', seq: 0, epoch: 1 });
  const { seq } = first as { readonly seq: number };
  assert.deepEqual(
    { ...known, state: 0 },
    { t: 'order', id: 'o1', state: 0, side: 1, symbol: 'SYM0', price: 10, qty: 3, filled: 0, seq, epoch: 1 },
  );
  await waitUntil('the venue has it', async () => (await engine.status()).business['inDoubt'] === 0);
  client.send(
    encodeSent({ t: 'cancel', id: 'x1', target: 'o1' }),
    encodeSent({ t: 'cancel', id: 'x2', target: 'nobody' }),
  );
  const cancelled = await client.expect(({ t }) => t === 'cancelled');
  assert.deepEqual({ ...cancelled, seq: 0 }, { t: 'cancelled', id: 'x1', target: 'o1', seq: 0, epoch: 1 });
  await client.expect((answer) => answer.t === 'reject' && answer.id === 'x2' && answer.code === 'unknown-order');
  client.send(encodeSent({ t: 'cancel', id: 'x3', target: 'o1' }), encodeSent({ t: 'cancel', id: 'x1', target: 'o1' }));
  await client.expect((answer) => answer.t === 'reject' && answer.id === 'x3' && answer.code === 'too-late');
  await waitUntil(
    'the same acknowledgement',
    () => client.received.filter((a) => a.t === 'ack' && a.id === 'x1').length === 2,
  );
  client.send(encodeSent({ t: 'query', id: 'never' }));
  const unknown = await client.expect((answer) => answer.t === 'order' && answer.id === 'never');
  assert.equal(unknown.t === 'order' && unknown.state, 0);

  // Both protocols see one state.
  const text = await engine.client('c1');
  text.send({ t: 'query', ids: ['o1', 'x1'] }, { t: 'new', id: 'o1', symbol: 'SYM0', side: 'B', price: 10, qty: 3 });
  const { orders } = await text.expect((message) => message.t === 'orders');
  assert.deepEqual(
    (orders as { id: string; state: string; seq: number }[]).map(({ id, state }) => [id, state]),
    [
      ['o1', 'cancelled'],
      ['x1', 'done'],
    ],
  );
  assert.equal((await text.expect((message) => message.t === 'ack' && message.id === 'o1')).seq, seq);
});

test('limits hold for binary orders, and a product beyond 2^53 is refused', async () => {
  const engine = await primary();
  const client = await logOn(engine, 'c1');
  const sent = (id: string, price: number, qty: number) =>
    encodeSent({ t: 'new', id, symbol: 'S', side: 'S', price, qty });
  client.send(
    sent('p0', 0, 1),
    sent('q0', 1, 0),
    sent('p', 2 ** 52, 1),
    sent('q', 1, 2 ** 52),
    sent('n', 9_999_999, 999_999),
  );
  await client.expect((answer) => answer.t === 'reject' && answer.id === 'n');
  assert.deepEqual(
    client.received.slice(1).map((answer) => (answer.t === 'reject' ? [answer.id, answer.code] : answer)),
    [
      ['p0', 'bad-price'],
      ['q0', 'bad-quantity'],
      ['p', 'bad-price'],
      ['q', 'bad-quantity'],
      ['n', 'limit-notional'],
    ],
  );
});

test('fills reach the newest session of the client', async () => {
  const engine = await primary(1);
  const client = await logOn(engine, 'c1');
  for (let at = 0; at < 200; at++) client.send(order(`o${at}`));
  await client.expect((answer) => answer.t === 'fill' && answer.id === 'o199');
  for (const answer of client.received)
    if (answer.t === 'fill') assert.ok(answer.qty > 0 && answer.exec.length > 0 && answer.epoch === 1);
  const acks = client.received.filter(({ t }) => t === 'ack').map((answer) => (answer.t === 'ack' ? answer.seq : 0));
  assert.deepEqual(
    acks,
    acks.toSorted((a, b) => a - b),
  );
});

test('an instance that is not primary turns binary clients away', async () => {
  world = await TradingWorld.open();
  const engine = await world.engine('a');
  const client = await BinaryClient.open(engine.process.port('orders'));
  client.send(encodeSent({ t: 'logon', client: 'c1' }));
  const answer = await client.expect(({ t }) => t === 'reject');
  assert.equal(answer.t === 'reject' && answer.code, 'not-primary');
  await waitUntil('it is closed', () => client.closed);
});

test('without a logon, or with ids that are none, an order is a bad message', async () => {
  const engine = await primary();
  const stranger = await BinaryClient.open(engine.process.port('orders'));
  stranger.send(encodeSent({ t: 'query', id: 'x' }), order('o1'));
  const refused = await stranger.expect(({ t }) => t === 'reject');
  assert.equal(refused.t === 'reject' && refused.code, 'bad-message');
  const client = await logOn(engine, 'c1');
  client.send(order('quote"in-it'), encodeSent({ t: 'cancel', id: '', target: 'o1' }));
  await waitUntil('both are refused', () => client.received.filter(({ t }) => t === 'reject').length === 2);
  assert.equal((await engine.status()).business['orders'], 0);
});

test('hostile bytes end their own connection and nothing else', async () => {
  const engine = await primary();
  const witness = await logOn(engine, 'witness');
  const seed = 1;
  const random = seededRandom(seed);
  let rejected = 0;
  for (let round = 0; round < 200; round++) {
    const client = await BinaryClient.open(engine.process.port('orders'));
    const bytes = Buffer.concat([
      encodeSent({ t: 'logon', client: `c${round}` }),
      order(`o${round}`),
      Buffer.from(Array.from({ length: Math.floor(random() * 400) }, () => Math.floor(random() * 256))),
    ]);
    // Damaged anywhere, also in the logon; cut anywhere.
    for (let at = 0; at < round % 4; at++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    client.send(bytes.subarray(0, 1 + Math.floor(random() * bytes.length)));
    client.end();
    await waitUntil('the engine has closed it', () => client.closed);
    rejected += client.received.filter(({ t }) => t === 'reject').length;
  }
  assert.ok(rejected > 20, `seed ${seed}: ${rejected} rejects`);
  witness.send(order('still-here'));
  await witness.expect((answer) => answer.t === 'ack' && answer.id === 'still-here');
  assert.equal((await engine.status()).business['breaks'], 0);
});
