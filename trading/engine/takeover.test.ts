import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import type { LineClient } from '../testing/line-client.ts';
import { type EngineUnderTest, leaseIn, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const sessions = { mode: 'credentials', passwords: { ACME: 'p' } };
const report = (engine: EngineUnderTest) => engine.must('takeover', {});
const interlock = async (engine: EngineUnderTest) => (await engine.status()).interlock!;
const isOpen = (engine: EngineUnderTest) =>
  waitUntil('the interlock is open', async () => (await interlock(engine)).state === 'open');
const acked = (client: LineClient, id: string) => client.expect(({ t, id: of }) => t === 'ack' && of === id);
const refused = (client: LineClient, id: string) => client.expect(({ t, id: of }) => t === 'reject' && of === id);
const order = (id: string, more: object = {}) => ({ t: 'new', id, symbol: 'X', side: 'B', price: 10, qty: 5, ...more });

test('where sessions have no epochs a frozen primary that wakes up after its successor took over gets nothing acknowledged', async () => {
  world = await TradingWorld.open({ fillShare: 0, venue: { sessions } });
  const settings = { venue: { port: world.venue.port('binary'), firm: 'ACME', password: 'p' } };
  const a = await world.engine('a', settings);
  const b = await world.engine('b', settings);
  await a.promote(1, ['b'], 1500);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  const client = await a.client('c');
  client.send(order('before'));
  await acked(client, 'before');
  await waitUntil('it is at the exchange', async () => (await world!.dropCopy()).length === 1);
  a.process.signal('SIGSTOP');
  // Written to the frozen one while its lease still runs: read by it when it wakes up.
  client.send(order('while-frozen'), { t: 'cancel', id: 'cancel-frozen', target: 'before' });
  const { receivers } = await b.must('fence', { epoch: 2 });
  assert.deepEqual(receivers, {}, 'an exchange without epochs cannot be told');
  await b.promote(2, []);
  await isOpen(b);
  const venues = (await report(b))['venues'] as JsonRecord;
  assert.equal((venues['venue'] as JsonRecord)['session'], 'word');
  a.process.signal('SIGCONT');
  await a.call('lease', { epoch: 1, leaseUntilNs: leaseIn(60_000) });
  await waitUntil('the thawed one has stopped', async () => (await a.status()).role === 'fenced');
  assert.match((await a.status()).reason ?? '', /took the session at venue over|knows epoch/);
  const after = await b.client('c');
  after.send(order('after'));
  await acked(after, 'after');
  await waitUntil('it is at the exchange', async () => (await world!.dropCopy()).length >= 2);
  assert.deepEqual(
    (await world.dropCopy()).map(({ kind, id }) => [kind, id]),
    [
      ['accepted', 'before'],
      ['accepted', 'after'],
    ],
  );
  assert.equal(client.received.filter(({ id }) => id === 'while-frozen' || id === 'cancel-frozen').length, 0);
});

test('without epochs another session of the firm keeps new risk out, says so, and lets go when it ends', async () => {
  world = await TradingWorld.open({ fillShare: 0, venue: { sessions } });
  const a = await world.engine('a', { venue: { port: world.venue.port('binary'), firm: 'ACME', password: 'p' } });
  const stranger = await world.venueClient();
  stranger.send({ t: 'logon', firm: 'ACME', session: 'forgotten', password: 'p' });
  await stranger.expect(({ t }) => t === 'logon-ok');
  await a.promote(1, []);
  const client = await a.client('c');
  client.send(order('one'));
  assert.equal((await refused(client, 'one'))['code'], 'venue-unavailable');
  assert.match((await interlock(a)).waitingFor.join(), /session: 1 other sessions of the firm are connected/);
  stranger.close();
  await isOpen(a);
  client.send(order('two'));
  await acked(client, 'two');
});

test('what was in doubt gets one fate, with what proved it, in a report that is kept', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const a = await world.engine('a');
  const b = await world.engine('b');
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  const client = await a.client('c');
  client.send(order('open'), order('other', { symbol: 'Y' }));
  await client.expect(({ id }) => id === 'other');
  await waitUntil('both are at the exchange', async () => (await world!.dropCopy()).length === 2);
  await world.venue.kill();
  await waitUntil('the engine sees it', async () => (await interlock(a)).state === 'closed');
  client.send({ t: 'cancel', id: 'cancel-1', target: 'open' });
  await acked(client, 'cancel-1');
  client.send(order('refused'));
  assert.equal((await refused(client, 'refused'))['code'], 'venue-unavailable');
  await a.process.kill();
  await world.restartVenue();
  await b.must('fence', { epoch: 2 });
  await b.promote(2, []);
  await isOpen(b);
  const told = await report(b);
  assert.deepEqual(told['orders'], { cancelled: 1, open: 1 });
  assert.deepEqual(told['inDoubt'], [
    {
      id: 'cancel-1',
      kind: 'cancel',
      client: 'c',
      symbol: 'X',
      venue: 'venue',
      fate: 'done',
      proof: { by: 'report-after-resend', report: 3 },
    },
  ]);
  const file = join(b.dataDir, 'takeover-2.json');
  await waitUntil('the report is kept', () => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).settledAfterMs !== null;
    } catch {
      return false;
    }
  });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).inDoubt, told['inDoubt']);
});

test('a takeover cancels what its policy says, and new risk in a symbol waits until that is confirmed', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  const venue = { port: world.venue.port('binary'), firm: 'ACME', onTakeover: 'cancel-day' };
  const a = await world.engine('a', { venue });
  const b = await world.engine('b', { venue });
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  const client = await a.client('c');
  client.send(order('day'), order('long', { tif: 'gtc' }));
  await acked(client, 'long');
  await waitUntil('both are at the exchange', async () => (await world!.dropCopy()).length === 2);
  await a.process.kill();
  await b.must('fence', { epoch: 2 });
  const successor = b.promote(2, []);
  await successor;
  const again = await b.client('c');
  await isOpen(b);
  again.send({ t: 'query', ids: ['day', 'long'] });
  const orders = (await again.expect(({ t }) => t === 'orders'))['orders'] as JsonRecord[];
  assert.deepEqual(
    orders.map(({ id, state, tif }) => [id, state, tif]),
    [
      ['day', 'cancelled', undefined],
      ['long', 'open', 'gtc'],
    ],
  );
  const venues = (await report(b))['venues'] as JsonRecord;
  assert.equal((venues['venue'] as JsonRecord)['cancelled'], 1);
});

test('positions that are not the exchange’s hold their symbol and no other', async () => {
  world = await TradingWorld.open({ fillShare: 1 });
  const a = await world.engine('a');
  await a.promote(1, []);
  const client = await a.client('c');
  client.send(order('x'), order('y', { symbol: 'Y' }));
  await client.expect(({ t, id }) => t === 'fill' && id === 'y');
  // Somebody trades under the firm's name past the engine; what it says of that fits no order here.
  const stranger = await world.venueClient();
  stranger.send({ t: 'logon', firm: 'ACME', session: 'by-hand', epoch: 1 });
  await stranger.expect(({ t }) => t === 'logon-ok');
  stranger.send(order('hand-1'));
  await waitUntil('it is filled', async () => (await a.status()).business.breaks === 2);
  await world.restartVenue();
  await waitUntil('it is settling', async () => (await interlock(a)).state === 'settling');
  assert.deepEqual((await interlock(a)).perSymbol, {
    X: 'positions differ: 5 bought and 0 sold here, 10 bought and 0 sold at the exchange',
  });
  client.send(order('x2'), order('y2', { symbol: 'Y' }));
  assert.equal((await refused(client, 'x2'))['code'], 'not-settled');
  await acked(client, 'y2');
});
