import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { OrderStream } from '../testing/order-stream.ts';
import { TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KEEP_ALL, removableUpTo } from './journal-retention.ts';
import { ReaderPositions } from './reader-positions.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

test('nothing is removed that a single one of those who may need it has not stored', () => {
  const all = {
    settings: { entries: 100, readers: ['oms'], tokenFile: null },
    durable: 10_000,
    released: 9900,
    covered: 9000,
    stored: 9800,
  };
  assert.equal(removableUpTo(all), 9000);
  assert.equal(removableUpTo({ ...all, covered: 0 }), 0, 'fewer than two whole checkpoints');
  assert.equal(removableUpTo({ ...all, stored: 0 }), 0, 'the primary has not said');
  assert.equal(removableUpTo({ ...all, released: 300 }), 300);
  assert.equal(removableUpTo({ ...all, settings: { ...KEEP_ALL, entries: 9500 } }), 500);
  assert.equal(removableUpTo({ ...all, settings: { ...KEEP_ALL, entries: 20_000 } }), 0);
  assert.equal(removableUpTo({ ...all, settings: KEEP_ALL }), 0, 'not configured');
});

test('a reader that has said nothing in this reign needs everything', () => {
  const readers = new ReaderPositions(['oms', 'archive']);
  readers.told('oms', 500);
  readers.told('somebody', 1);
  assert.equal(readers.all, 0);
  readers.told('archive', 700);
  assert.equal(readers.all, 500);
  assert.equal(new ReaderPositions([]).all, Number.MAX_SAFE_INTEGER);
});

test('a standby removes what everybody has stored, starts without it, and tells a reader that asks for it', async () => {
  world = await TradingWorld.open();
  writeFileSync(join(world.directory, 'reader-token'), 'a-reader-token\n', { mode: 0o600 });
  const settings = {
    checkpoints: { everyEntries: 1500 },
    journal: { segmentBytes: 16_384, retain: { entries: 500, readers: ['oms'], tokenFile: 'reader-token' } },
  };
  const [a, b] = await Promise.all([world.engine('a', settings), world.engine('b', settings)]);
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  const first = async (engine: typeof a) => (await engine.status()).business['firstEntry'] as number;
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: 1500 });
  const checkpoints = new Set<unknown>();
  await waitUntil('three checkpoints were taken', async () => {
    checkpoints.add((await b.status()).business['checkpoint']);
    return checkpoints.size > 3;
  });
  assert.equal(await first(b), 1, 'order management has not said how far it is');
  // Whoever only knows the name is not believed, and a second one under it neither; both are told, and read on.
  const claim = { reader: 'oms', instance: 'oms-1', token: 'a-reader-token' };
  const [stranger, second, reader] = [await a.client('stranger'), await a.client('second'), await a.client('reader')];
  const refused = (client: typeof reader) => client.expect(({ t }) => t === 'reader-refused');
  stranger.send({ t: 'subscribe', after: 3000, reader: 'oms', stored: 1_000_000 });
  assert.deepEqual(await refused(stranger), {
    t: 'reader-refused',
    reader: 'oms',
    error: 'HF-7211',
    code: 'unauthorized',
  });
  await stranger.expect(({ t }) => t === 'entry' || t === 'released');
  reader.send({ t: 'subscribe', after: 3000, ...claim, stored: 3000 });
  await reader.expect(({ t }) => t === 'subscribe-ok');
  second.send({ t: 'stored', ...claim, instance: 'oms-2', seq: 1_000_000 });
  const { code, by } = await refused(second);
  assert.deepEqual([code, by], ['taken', 'oms-1']);
  second.send({ t: 'stored', ...claim, reader: 'archive', seq: 1_000_000 });
  await second.expect((message) => message.code === 'not-listed');
  await waitUntil('segments were removed', async () => (await first(b)) > 1000);
  stream.stop();
  assert.ok((await first(b)) <= 3001, 'not what the reader has not stored');
  assert.equal(await first(a), 1, 'the primary removes nothing');
  await b.process.kill();
  const again = await world.engine('b', settings);
  await again.follow(1, a);
  await waitUntil('they are equal', async () => {
    const [mine, theirs] = [await again.status(), await a.status()];
    const equal = ['chainCrc', 'stateHash'].every((figure) => mine.business[figure] === theirs.business[figure]);
    return equal && theirs.business['inDoubt'] === 0;
  });
  await a.must('fence', { epoch: 2 });
  await again.promote(2, []);
  await untilReleasing(again);
  const late = await again.client('late');
  late.send({ t: 'subscribe', after: 0 });
  const answer = await late.expect((message) => message.t === 'reject');
  assert.deepEqual([answer.code, answer.error, answer.first], ['removed', 'HF-7207', await first(again)]);
  // A replica that begins with nothing can be given nothing to begin with.
  const c = await world.engine('c', settings);
  await c.must('fence', { epoch: 2 });
  await c.follow(2, again);
  await waitUntil('it says so', async () => /^HF-7208 /.test((await c.status()).reason ?? ''));
});
