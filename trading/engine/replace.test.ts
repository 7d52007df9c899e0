import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { BinaryClient } from '../testing/binary-client.ts';
import type { LineClient } from '../testing/line-client.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { encodeSent } from './binary-protocol.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const isOpen = (engine: EngineUnderTest) =>
  waitUntil('the interlock is open', async () => (await engine.status()).interlock?.state === 'open');
const primary = async (settings: object = {}): Promise<EngineUnderTest> => {
  const engine = await world!.engine('a', settings);
  await engine.promote(1, []);
  await isOpen(engine);
  return engine;
};
const order = (id: string, more: object = {}) => ({ t: 'new', id, symbol: 'X', side: 'B', price: 10, qty: 5, ...more });
const told = (client: LineClient, kind: string, id: string) =>
  client.expect(({ t, id: of }) => t === kind && of === id);
const known = async (client: LineClient, id: string): Promise<JsonRecord> => {
  client.received.splice(0);
  client.send({ t: 'query', ids: [id] });
  return ((await client.expect(({ t }) => t === 'orders'))['orders'] as JsonRecord[])[0]!;
};

test('a replaced order has its new price and total at the client, in the journal and at the exchange', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const engine = await primary();
  const client = await engine.client('c');
  client.send(order('o'), { t: 'replace', id: 'r', target: 'o', price: 12, qty: 7 });
  await told(client, 'ack', 'r');
  const { target, price, qty } = await told(client, 'replaced', 'r');
  assert.deepEqual({ target, price, qty }, { target: 'o', price: 12, qty: 7 });
  const { price: nowPrice, qty: nowQty, state } = await known(client, 'o');
  assert.deepEqual({ nowPrice, nowQty, state }, { nowPrice: 12, nowQty: 7, state: 'open' });
  assert.deepEqual(
    (await world.dropCopy()).map(({ kind, price, qty }) => [kind, price, qty]),
    [
      ['accepted', 10, 5],
      ['replaced', 12, 7],
    ],
  );
  // The same again is the same; the order's own id still means what was first asked for.
  client.send({ t: 'replace', id: 'r', target: 'o', price: 12, qty: 7 }, order('o'));
  await told(client, 'ack', 'o');
  client.send({ t: 'replace', id: 'r', target: 'o', price: 12, qty: 8 });
  assert.equal((await told(client, 'reject', 'r'))['code'], 'altered-duplicate');
  assert.equal((await engine.status()).business.breaks, 0);
});

test('a replace is new risk: it is refused where an order is, and by the same limits', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const engine = await primary({ limits: { maxPrice: 100, maxQty: 50, maxNotional: 1000 } });
  const client = await engine.client('c');
  client.send(order('o'));
  await told(client, 'ack', 'o');
  const ask = async (id: string, terms: object): Promise<unknown> => {
    client.send({ t: 'replace', id, target: 'o', price: 10, qty: 5, ...terms });
    return (await told(client, 'reject', id))['code'];
  };
  assert.equal(await ask('r1', { price: 101 }), 'bad-price');
  assert.equal(await ask('r2', { qty: 51 }), 'bad-quantity');
  assert.equal(await ask('r3', { qty: 0 }), 'bad-quantity');
  assert.equal(await ask('r4', { price: 100, qty: 11 }), 'limit-notional');
  assert.equal(await ask('r5', { target: 'nobody' }), 'unknown-order');
  const stranger = await engine.client('d');
  stranger.send({ t: 'replace', id: 'r6', target: 'o', price: 10, qty: 6 });
  assert.equal((await told(stranger, 'reject', 'r6'))['code'], 'unknown-order');
  await engine.must('set-trading', { epoch: 1, enabled: false });
  assert.equal(await ask('r7', { qty: 6 }), 'trading-disabled');
  client.send({ t: 'cancel', id: 'c1', target: 'o' });
  await told(client, 'cancelled', 'c1');
  await engine.must('set-trading', { epoch: 1, enabled: true });
  assert.equal(await ask('r8', { qty: 6 }), 'too-late');
  client.send(order('x'.repeat(33)));
  assert.equal((await told(client, 'reject', 'x'.repeat(33)))['code'], 'id-too-long');
  assert.equal((await world.dropCopy()).length, 2);
});

test('the binary protocol replaces as lines do', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const engine = await primary();
  const client = await BinaryClient.open(engine.process.port('orders'));
  client.send(encodeSent({ t: 'logon', client: 'c' }));
  client.send(encodeSent({ t: 'new', id: 'o', symbol: 'X', side: 'B', price: 10, qty: 5, tif: 'gtc' }));
  client.send(encodeSent({ t: 'replace', id: 'r', target: 'o', price: 11, qty: 6 }));
  const replaced = await client.expect((answer) => answer.t === 'replaced');
  assert.deepEqual(
    { ...replaced, seq: 0 },
    { t: 'replaced', id: 'r', target: 'o', price: 11, qty: 6, seq: 0, epoch: 1 },
  );
  client.send(encodeSent({ t: 'replace', id: 'r2', target: 'o', price: 11, qty: 0 }));
  const refused = await client.expect((answer) => answer.t === 'reject');
  assert.equal(refused.t === 'reject' ? refused.code : '', 'bad-quantity');
  client.send(encodeSent({ t: 'query', id: 'o' }));
  const order_ = await client.expect((answer) => answer.t === 'order');
  assert.deepEqual(order_.t === 'order' ? [order_.price, order_.qty] : [], [11, 6]);
  client.close();
});

test('a replace in doubt is sent again by the successor and takes effect once', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const a = await world.engine('a');
  const b = await world.engine('b');
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  const client = await a.client('c');
  client.send(order('o'));
  await waitUntil('it is at the exchange', async () => (await world!.dropCopy()).length === 1);
  world.venue.signal('SIGSTOP');
  client.send({ t: 'replace', id: 'r', target: 'o', price: 12, qty: 7 });
  await told(client, 'ack', 'r');
  await a.process.kill();
  world.venue.signal('SIGCONT');
  await b.must('fence', { epoch: 2 });
  await b.promote(2, []);
  await isOpen(b);
  const { price, qty, state } = await known(await b.client('c'), 'o');
  assert.deepEqual({ price, qty, state }, { price: 12, qty: 7, state: 'open' });
  const kinds = (await world.dropCopy()).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['accepted', 'replaced']);
  assert.equal((await b.status()).business.breaks, 0);
});
