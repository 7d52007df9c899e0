import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { postgresAvailable, ThrowawayPostgres } from '../oms/throwaway-postgres.ts';
import { marketMessage, PriceService } from '../testing/price-service.ts';
import { RiskUnderTest, riskTokenOf } from '../testing/risk-under-test.ts';
import { TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

const REPLAY = join(import.meta.dirname, '..', 'engine', 'replay.ts');

test('an engine refuses prices away from the market, all of them once the market is silent, and a replay asks nobody again', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 120_000,
}, async () => {
  const [world, postgres] = await Promise.all([TradingWorld.open({ fillShare: 0 }), ThrowawayPostgres.start()]);
  const service = new PriceService();
  let beat: NodeJS.Timeout | undefined;
  try {
    const { port } = await service.listen();
    const settings = { risk: { tokenFile: riskTokenOf(world), silentAfterMs: 2000, askEveryMs: 100 } };
    const engine = await world.engine('engine', settings);
    await engine.promote(1, []);
    await untilReleasing(engine);
    const risk = await RiskUnderTest.start(world, {
      instance: 'risk',
      database: postgres.address,
      enginePorts: [engine.process.port('orders')],
      marketDataPorts: [port],
      initial: [{ scope: 'symbol', name: '*', limits: { maxReferenceAgeMs: 1500, maxDeviationBps: 1000 } }],
    });
    await risk.promote(1);
    const client = await engine.client('c');
    let number = 0;
    const order = async (price: number): Promise<string> => {
      const id = `o-${++number}`;
      client.send({ t: 'new', id, symbol: 'X', side: 'B', price, qty: 1 });
      const answer = await client.expect((each) => each.id === id && (each.t === 'ack' || each.t === 'reject'));
      return answer.t === 'ack' ? 'ack' : String(answer.code);
    };
    await waitUntil('new risk is approved', async () => (await engine.status()).business['riskApproved'] === 1);
    assert.equal(await order(100), 'limit-price', 'nobody has said what the market is');

    let lastPrice = 100;
    const say = () =>
      service.say(marketMessage('X', [], [], lastPrice), { t: 'fresh', ageMs: 0, stale: false, inMarketHours: true });
    beat = setInterval(say, 100);
    await waitUntil('the market is known', async () => (await order(110)) === 'ack');
    assert.equal(await order(111), 'limit-price');
    lastPrice = 200;
    await waitUntil('the collar has moved', async () => (await order(220)) === 'ack');
    assert.equal(await order(110), 'limit-price');

    clearInterval(beat);
    await waitUntil('the market has been silent for too long', async () => (await order(200)) === 'limit-price');
    const { referencesUnknown } = (await risk.status()).business;
    assert.equal(referencesUnknown, 1);
    const { stateHash, sequence } = JSON.parse(
      execFileSync(process.execPath, [REPLAY, '--journal', join(engine.dataDir, 'journal'), '--json'], {
        encoding: 'utf8',
      }),
    ) as { stateHash: string; sequence: number };
    const { business, position } = await engine.status();
    // A figure is a number: the first 52 bits.
    assert.deepEqual(
      [sequence, Number.parseInt(stateHash.slice(0, 13), 16)],
      [position.sequence, business['stateHash']],
    );
  } finally {
    clearInterval(beat);
    await world.close();
    await service.close();
    await postgres.close();
  }
});
