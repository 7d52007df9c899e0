import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MarketDataSimulation } from './market-data-simulation.ts';

const WORLDS = Number(process.env.HOLDFAST_MARKET_WORLDS ?? 150);
const FIRST = Number(process.env.HOLDFAST_MARKET_FIRST ?? 1);

test('in every seeded world each message is told once and in order, and after healing the books are the exchange’s', () => {
  const total: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
    const { violations, counts } = new MarketDataSimulation(seed).run();
    assert.deepEqual(
      violations,
      [],
      `seed ${seed}: HOLDFAST_MARKET_FIRST=${seed} HOLDFAST_MARKET_WORLDS=1 reproduces it`,
    );
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  for (const [name, count] of Object.entries(total)) assert.ok(WORLDS < 100 || count > 0, `no world had any ${name}`);
});
