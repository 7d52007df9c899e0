import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { seededRandom } from '../replication/seeded-random.ts';
import { assertAgreed, FIX_VENUE, isOpen, ledger, numbersAtTheExchange } from '../testing/agreement.ts';
import { OrderStream } from '../testing/order-stream.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

const TAKEOVERS = Number(process.env['HOLDFAST_FIX_TAKEOVERS'] ?? 4);
const SEED = Number(process.env['HOLDFAST_FIX_SEED'] ?? 1);

test('killed at any moment, one primary after the other goes on with the FIX session, and all orders are at both, once', async (context) => {
  const random = seededRandom(SEED);
  world = await TradingWorld.open({ fillShare: 0.5, venue: FIX_VENUE });
  let epoch = 1;
  let [primary, standby] = [await world.engine('a'), await world.engine('b')] as [EngineUnderTest, EngineUnderTest];
  await primary.promote(epoch, [standby.instance]);
  await standby.follow(epoch, primary);
  await untilReleasing(primary);
  await isOpen(primary);
  const streams: OrderStream[] = [];
  let [killedExchanges, tookMs] = [0, 0];
  for (let round = 1; round <= TAKEOVERS; round++) {
    const stream = new OrderStream(await primary.client(`c${round}`), { prefix: `r${round}`, ordersPerSecond: 500 });
    streams.push(stream);
    const enough = 20 + Math.floor(random() * 300);
    await waitUntil(`${enough} orders are acknowledged`, () => stream.acknowledged.size > enough);
    const alsoExchange = random() < 0.3;
    if (alsoExchange) killedExchanges += 1;
    await Promise.all([primary.process.kill(), alsoExchange ? world.restartVenue() : null]);
    stream.stop();
    const startedAtMs = performance.now();
    epoch += 1;
    const dead = primary.instance;
    primary = standby;
    await primary.must('fence', { epoch });
    await primary.promote(epoch, []);
    await isOpen(primary);
    tookMs = Math.max(tookMs, performance.now() - startedAtMs);
    await assertAgreed(world, primary, streams);
    standby = await world.engine(dead);
    await standby.follow(epoch, primary);
    await waitUntil('the standby has everything', async () => {
      const [mine, theirs] = [await standby.status(), await primary.status()];
      return mine.business.chainCrc === theirs.business.chainCrc;
    });
    await primary.must('set-ack-set', { epoch, ackSet: [standby.instance] });
    await untilReleasing(primary);
  }
  const { orders, reports } = await ledger(world);
  await world.venue.kill();
  const { nextIn, nextOut } = await numbersAtTheExchange(world);
  assert.ok(nextIn > orders.size && nextOut > reports, `one session from the first order on: ${nextIn}, ${nextOut}`);
  context.diagnostic(
    `seed ${SEED}: ${TAKEOVERS} takeovers, ${killedExchanges} of them with the exchange; ${orders.size} orders, ${reports} reports; numbers ${nextIn - 1} and ${nextOut - 1}; fence to trading ${Math.round(tookMs)} ms at most`,
  );
});
