import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { assertAgreed, FIX_VENUE, isOpen, ledger, numbersAtTheExchange } from '../testing/agreement.ts';
import { OrderStream } from '../testing/order-stream.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const ORDERS_PER_SECOND = 600;
const SETTINGS = {
  checkpoints: { everyEntries: 1100 },
  journal: { segmentBytes: 32_768, retain: { entries: 300, readers: [] } },
};

const figure = async (engine: EngineUnderTest, name: string): Promise<number> =>
  (await engine.status()).business[name] as number;

/** A primary that trades over FIX, and a standby at another site that takes checkpoints and removes what they hold. */
const pair = async () => {
  world = await TradingWorld.open({ fillShare: 0.5, venue: FIX_VENUE });
  const [a, b] = await Promise.all([world.engine('a', SETTINGS), world.engine('b', { ...SETTINGS, site: 'other' })]);
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  await isOpen(a);
  return { world, a, b };
};

const isEqual = (one: EngineUnderTest, other: EngineUnderTest): Promise<void> =>
  waitUntil('they are equal', async () => {
    const [mine, theirs] = [await one.status(), await other.status()];
    return mine.business['chainCrc'] === theirs.business['chainCrc'];
  });

test('a standby that starts behind a checkpoint, its first segments removed, goes on with the FIX session; nothing is lost or sent twice', async () => {
  const { world, a, b } = await pair();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('segments were removed', async () => (await figure(b, 'firstEntry')) > 1);
  await b.process.kill();
  stream.stop();
  // The newest checkpoint is damaged meanwhile: the one before it does, or one that was just being taken.
  const directory = join(b.dataDir, 'checkpoints');
  const newest = readdirSync(directory).sort().at(-1)!;
  writeFileSync(join(directory, newest), 'damaged');
  const again = await world.engine('b', { ...SETTINGS, site: 'other' });
  const from = await figure(again, 'checkpoint');
  assert.ok(from > 0 && from !== Number(/\d{16}/.exec(newest)![0]), `${from}, and ${newest} was damaged`);
  await again.follow(1, a);
  await isEqual(again, a);
  await a.process.kill();
  await again.must('fence', { epoch: 2 });
  await again.promote(2, []);
  await isOpen(again);
  await assertAgreed(world, again, [stream]);
  const second = new OrderStream(await again.client('more'), { prefix: 'two', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('the successor trades', () => second.acknowledged.size > 200);
  second.stop();
  await assertAgreed(world, again, [stream, second]);
  const { orders, reports } = await ledger(world);
  await world.venue.kill();
  const { nextIn, nextOut } = await numbersAtTheExchange(world);
  assert.ok(nextIn > orders.size && nextOut > reports, `one session from the first order on: ${nextIn}, ${nextOut}`);
});

test('an exchange that never read what was numbered before the checkpoint asks for it, and gets it from there', async () => {
  const { world, a, b } = await pair();
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: ORDERS_PER_SECOND });
  await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 100);
  world.venue.signal('SIGSTOP');
  const frozenAt = (await a.status()).position.sequence;
  await waitUntil('a checkpoint holds messages that the exchange has not read', async () => {
    return (await figure(b, 'checkpoint')) > frozenAt + 100;
  });
  stream.stop();
  await b.process.kill();
  const again = await world.engine('b', { ...SETTINGS, site: 'other' });
  assert.ok((await figure(again, 'checkpoint')) > frozenAt + 100);
  await again.follow(1, a);
  await isEqual(again, a);
  await Promise.all([a.process.kill(), world.restartVenue()]);
  const { orders } = await ledger(world);
  await again.must('fence', { epoch: 2 });
  await again.promote(2, []);
  await isOpen(again);
  await assertAgreed(world, again, [stream]);
  const missed = (await ledger(world)).orders.size - orders.size;
  assert.ok(missed > 50, `${missed} orders had not been read`);
  const { duplicates } = await world.venueCounters();
  assert.equal(duplicates, 0, 'what the session sends again is not sent beside it by the take-over');
});
