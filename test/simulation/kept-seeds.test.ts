import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEPT_SEEDS } from '../../src/sim/kept-seeds.ts';
import { runWorld } from '../../src/sim/run-world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const runbooks = loadRunbooks();

test('each seed is kept once', () => {
  assert.equal(new Set(KEPT_SEEDS.map(({ seed }) => seed)).size, KEPT_SEEDS.length);
});

for (const { seed, invariant, why } of KEPT_SEEDS)
  test(`seed ${seed} holds (${invariant}: ${why})`, () => {
    assert.deepEqual(runWorld({ seed, runbooks }).violations, [], `npm run sim -- --seed ${seed} --trace`);
  });
