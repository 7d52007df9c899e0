import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { TradingProcess } from '../testing/child-process.ts';
import { LineClient } from '../testing/line-client.ts';
import { type EngineUnderTest, TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const order = (id: string, symbol: string) => ({ t: 'new', id, symbol, side: 'B', price: 10, qty: 5 });

test('an engine trades each symbol at its exchange, and goes on at one while the other is away', async () => {
  world = await TradingWorld.open({ fillShare: 1 });
  const config = world.write('second', {
    listen: { port: 0 },
    binary: { port: 0 },
    dataDir: 'second-data',
    fillShare: 1,
  });
  const second = await TradingProcess.start('venue', [config]);
  world.onClose(() => second.kill());
  const venues = [
    { name: 'first', port: world.venue.port('binary'), firm: 'ACME', symbols: ['ALPHA'] },
    { name: 'second', port: second.port('binary'), firm: 'ACME', symbols: ['DELTA'] },
  ];
  const a = await world.engine('a', { venue: undefined, venues });
  const b = await world.engine('b', { venue: undefined, venues });
  const isOpen = (engine: EngineUnderTest) =>
    waitUntil('the interlock is open', async () => (await engine.status()).interlock?.state === 'open');
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await isOpen(a);
  const client = await a.client('c');
  client.send(order('o1', 'ALPHA'), order('o2', 'DELTA'), order('o3', 'OTHER'));
  const fills = await Promise.all(
    ['o1', 'o2'].map((id) => client.expect(({ t, id: of }) => t === 'fill' && of === id)),
  );
  // Each exchange numbers for itself: the same execution id at both.
  assert.deepEqual(
    fills.map(({ exec }) => exec),
    ['ACME-2', 'ACME-2'],
  );
  assert.equal((await client.expect(({ t, id }) => t === 'reject' && id === 'o3'))['code'], 'unknown-symbol');
  const subscriber = await LineClient.open(a.process.port('orders'));
  subscriber.send({ t: 'subscribe', after: 0 });
  await waitUntil('both fills came', () => subscriber.received.filter(({ kind }) => kind === 'fill').length === 2);
  assert.deepEqual(
    subscriber.received
      .filter(({ kind }) => kind === 'fill')
      .map(({ id, venue }) => [id, venue])
      .sort(),
    [
      ['o1', 'first'],
      ['o2', 'second'],
    ],
  );
  subscriber.close();

  // A takeover while one exchange is away: the other trades.
  await second.kill();
  await a.process.kill();
  const { receivers } = await b.must('fence', { epoch: 2 });
  assert.deepEqual(receivers, { first: 'acknowledged', second: 'unreachable' });
  await b.promote(2, []);
  const again = await b.client('c');
  again.send(order('o4', 'ALPHA'), order('o5', 'DELTA'));
  await again.expect(({ t, id }) => t === 'ack' && id === 'o4');
  assert.equal((await again.expect(({ t, id }) => t === 'reject' && id === 'o5'))['code'], 'venue-unavailable');
  const { state, waitingFor } = (await b.status()).interlock!;
  assert.equal(state, 'settling');
  assert.match(waitingFor.join(), /^second: reports: /);
  assert.equal((await b.status()).business.breaks, 0);
});
