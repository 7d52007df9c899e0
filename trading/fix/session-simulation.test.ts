import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SessionSimulation } from './session-simulation.ts';

const WORLDS = Number(process.env.HOLDFAST_FIX_WORLDS ?? 200);
const FIRST = Number(process.env.HOLDFAST_FIX_FIRST ?? 1);

test('in every seeded world all that was accepted arrives, in order, repetitions are marked, and a number is for one message', (context) => {
  const total: Record<string, number> = {};
  for (let seed = FIRST; seed < FIRST + WORLDS; seed++) {
    const { violations, counts } = new SessionSimulation(seed).run();
    assert.deepEqual(violations, [], `seed ${seed}: HOLDFAST_FIX_FIRST=${seed} HOLDFAST_FIX_WORLDS=1 reproduces it`);
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  context.diagnostic(JSON.stringify(total));
  if (WORLDS < 100) return;
  for (const name of [
    'accepted',
    'deliveries',
    'duplicates',
    'gap',
    'resending',
    'garbled',
    'cuts',
    'silent cuts',
    'crashes',
    'logouts',
  ])
    assert.ok((total[name] ?? 0) > 0, `no world had any ${name}`);
});
