import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../../base/json-record.ts';
import type { LineClient } from '../../testing/line-client.ts';
import { VenueUnderTest } from '../../testing/venue-under-test.ts';

const worlds: VenueUnderTest[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

const open = async (settings: object = {}): Promise<VenueUnderTest> => {
  const world = await VenueUnderTest.open(settings);
  worlds.push(world);
  return world;
};

const seated = async (world: VenueUnderTest, logon: object = {}): Promise<LineClient> => {
  const client = await world.line();
  client.send({ t: 'logon', firm: 'ACME', session: 's', epoch: 1, ...logon }, { t: 'drop-copy', after: 0 });
  await client.expect(({ t }) => t === 'drop-copy-end');
  return client;
};
const order = (id: string, more: object = {}) => ({ t: 'new', id, symbol: 'X', side: 'B', price: 10, qty: 4, ...more });
const reports = (client: LineClient): JsonRecord[] => client.received.filter(({ t }) => t === 'report');

test('replace, mass cancel, immediate orders and market orders are entered as lines, too', async () => {
  const client = await seated(await open({ selfTrade: 'allow' }));
  client.send(
    order('o1'),
    { t: 'replace', id: 'r1', target: 'o1', price: 11, qty: 6 },
    order('o2', { side: 'S', tif: 'ioc', price: 11, qty: 2 }),
    order('o3', { side: 'S', type: 'market', price: undefined, qty: 9 }),
    order('o4', { tif: 'gtc' }),
    { t: 'mass-cancel', id: 'm1' },
  );
  assert.equal((await client.expect(({ t }) => t === 'mass-cancel-ok')).count, 1);
  assert.deepEqual(
    reports(client).map(({ kind, id, target, code }) => [kind, id, target ?? code ?? '']),
    [
      ['accepted', 'o1', ''],
      ['replaced', 'r1', 'o1'],
      ['accepted', 'o2', ''],
      ['fill', 'o1', ''],
      ['fill', 'o2', ''],
      ['accepted', 'o3', ''],
      ['fill', 'o1', ''],
      ['fill', 'o3', ''],
      ['cancelled', '', 'o3'],
      ['accepted', 'o4', ''],
      ['cancelled', '', 'o4'],
    ],
  );
});

test('what a replaced connection still sends is refused; its successor has the session', async () => {
  const world = await open();
  const first = await seated(world);
  const second = await seated(world);
  await first.expect(({ t, code }) => t === 'cut' && code === 'replaced');
  first.send(order('late'));
  second.send(order('o1'), { t: 'status', ids: ['late'] });
  const { orders } = (await second.expect(({ t }) => t === 'status')) as { orders?: { state: string }[] };
  assert.equal(orders![0]!.state, 'unknown');
});

test('two exchanges side by side trade their own symbols and nothing of each other', async () => {
  const north = await seated(await open({ symbols: ['ALPHA'] }));
  const south = await seated(await open({ symbols: ['OMEGA'] }));
  for (const client of [north, south]) client.send(order('a', { symbol: 'ALPHA' }), order('o', { symbol: 'OMEGA' }));
  await north.expect(({ id, code }) => id === 'o' && code === 'unknown-symbol');
  await south.expect(({ id, code }) => id === 'a' && code === 'unknown-symbol');
  await north.expect(({ id, kind }) => id === 'a' && kind === 'accepted');
  await south.expect(({ id, kind }) => id === 'o' && kind === 'accepted');
});

test('an exchange on an accelerated calendar opens, closes and lets day orders expire', async () => {
  const calendar = { market: 'XNYS', startsAt: '2026-11-27T14:29:50Z', speed: 20_000 };
  const client = await seated(await open({ calendar }));
  let turn = 0;
  const resend = setInterval(() => {
    turn += 1;
    client.send(order(`o${turn}`));
  }, 5);
  try {
    const expired = await client.expect(({ kind, code }) => kind === 'cancelled' && code === 'expired');
    assert.ok(reports(client).some(({ kind, id }) => kind === 'accepted' && id === expired.target));
    await client.expect(({ kind, code }) => kind === 'rejected' && code === 'market-closed');
  } finally {
    clearInterval(resend);
  }
});

test('whoever asks for a firm without orders again and again does not hold up others, however many orders rest for them', async () => {
  const world = await open();
  const busy = await seated(world, { firm: 'BUSY' });
  busy.send(...Array.from({ length: 6000 }, (_, at) => order(`b${at}`, { price: 1 + (at % 500), tif: 'gtc' })));
  await busy.expect(({ kind, id }) => kind === 'accepted' && id === 'b5999');
  const good = await seated(world, { firm: 'GOOD' });
  const strangers = await Promise.all([1, 2, 3].map((at) => seated(world, { firm: 'STRANGER', session: `s${at}` })));
  const [status, massCancel] = [
    { t: 'status', firm: 'STRANGER' },
    { t: 'mass-cancel', id: 'm' },
  ].map((message) => `${JSON.stringify(message)}\n`);
  for (const [at, stranger] of strangers.entries())
    stranger.sendText(
      (at === 0
        ? Array.from({ length: 4000 }, (_, id) => massCancel!.replace('m"', `m${id}"`))
        : Array<string>(4000).fill(status!)
      ).join(''),
    );
  const sentAtMs = performance.now();
  good.send(order('g1'));
  await good.expect(({ kind, id }) => kind === 'accepted' && id === 'g1');
  const tookMs = Math.round(performance.now() - sentAtMs);
  assert.ok(tookMs < 1000, `an order waited ${tookMs} ms`);
});
