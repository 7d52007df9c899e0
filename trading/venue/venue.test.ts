import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { TradingProcess } from '../testing/child-process.ts';
import { LineClient } from '../testing/line-client.ts';
import { TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const order = (id: string, price = 100) => ({ t: 'new', id, symbol: 'X', side: 'B', price, qty: 4 });

const session = async (in_: TradingWorld, epoch: number): Promise<LineClient> => {
  const client = await LineClient.open(in_.venue.port('venue'));
  client.send({ t: 'logon', firm: 'ACME', session: 'orders', epoch });
  await client.expect((message) => message.t === 'logon-ok' || message.t === 'reject');
  return client;
};

test('a fence cuts the older session, and what it still sends is refused and counted', async () => {
  world = await TradingWorld.open();
  const old = await session(world, 1);
  const fence = await LineClient.open(world.venue.port('venue'));
  fence.send({ t: 'fence', firm: 'ACME', epoch: 2 });
  await fence.expect((message) => message.t === 'fence-ok');
  await old.expect((message) => message.t === 'cut' && message.code === 'stale-epoch');
  const late = await session(world, 1);
  assert.ok(late.received.some((message) => message.code === 'stale-epoch' && message.epoch === 2));
  const counters = await world.venueCounters();
  assert.deepEqual([counters.staleLogonsRefused, counters.orders, counters.epoch], [1, 0, 2]);
  const current = await session(world, 2);
  current.send({ ...order('o1'), epoch: 1 });
  await current.expect((message) => message.code === 'stale-epoch');
  assert.equal((await world.venueCounters()).staleWritesRefused, 1);
});

test('the epoch and the ledger survive kill -9', async () => {
  world = await TradingWorld.open({ fillShare: 1 });
  const client = await session(world, 5);
  client.send({ t: 'drop-copy', after: 0 }, order('o1'), order('o2'), { t: 'cancel', id: 'c1', target: 'o1' });
  await client.expect((message) => message.kind === 'cancelled' || message.kind === 'cancel-rejected');
  const before = await world.dropCopy();
  await world.venue.kill();
  world.venue = await TradingProcess.start('venue', [`${world.directory}/venue.json`]);
  const { venue } = world;
  world.onClose(() => venue.kill());
  assert.deepEqual(await world.dropCopy(), before);
  const stale = await session(world, 4);
  assert.ok(stale.received.some((message) => message.code === 'stale-epoch'));
  const again = await session(world, 5);
  again.send(order('o2'), { ...order('o2'), price: 7 });
  await again.expect((message) => message.t === 'duplicate');
  await again.expect((message) => message.code === 'altered-duplicate');
  assert.deepEqual(await world.dropCopy(), before);
});

test('the same flow fills the same orders, about the share that is configured', async () => {
  const run = async (): Promise<unknown[]> => {
    const opened = await TradingWorld.open({ fillShare: 0.4 });
    const client = await session(opened, 1);
    client.send(
      { t: 'drop-copy', after: 0 },
      ...Array.from({ length: 2000 }, (_, at) => order(`o${at}`, 100 + (at % 7))),
    );
    await client.expect((message) => message.kind === 'accepted' && message.id === 'o1999');
    const reports = await opened.dropCopy();
    await opened.close();
    return reports;
  };
  const first = (await run()) as { kind: string; qty: number }[];
  assert.deepEqual(await run(), first);
  const filled = first.filter(({ kind }) => kind === 'fill').reduce((sum, { qty }) => sum + qty, 0);
  assert.ok(filled / 8000 > 0.3 && filled / 8000 < 0.5, `${filled} of 8000 lots`);
});

test('a dry-run order is checked and not booked', async () => {
  world = await TradingWorld.open();
  const client = await session(world, 1);
  client.send({ ...order('t1'), dry: true }, { ...order('t2'), price: 0, dry: true });
  await client.expect((message) => message.t === 'dry-ok' && message.id === 't1');
  await client.expect((message) => message.t === 'dry-rejected' && message.id === 't2');
  assert.deepEqual(await world.dropCopy(), []);
});

test('only with the token can a stale write be let through, and then it is counted as accepted', async () => {
  world = await TradingWorld.open();
  const current = await session(world, 2);
  current.send({ t: 'admin', token: 'wrong', 'let-stale-through': 1 });
  await current.expect((message) => message.code === 'unauthorized');
  const admin = await LineClient.open(world.venue.port('venue'));
  admin.send({ t: 'admin', token: world.token, 'let-stale-through': 1 });
  await admin.expect((message) => message.t === 'admin-ok');
  const stale = await session(world, 1);
  stale.send(order('s1'), order('s2'));
  await stale.expect((message) => message.code === 'stale-epoch' && message.id === 's2');
  await waitUntil('it is booked', async () => (await world!.venueCounters()).orders === 1);
  assert.equal((await world.venueCounters()).staleWritesAccepted, 1);
});
