import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingCoverage } from '../../src/sim/coverage.ts';
import { runManyWorlds } from '../../src/sim/many-worlds.ts';
import { runWorld } from '../../src/sim/run-world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const WORLDS = 1000;

test(`${WORLDS} worlds violate no invariant, and what must be tried is tried`, {
  timeout: 880_000,
}, async (context) => {
  const result = await runManyWorlds({ first: 1, count: WORLDS, progress: () => {} });
  const named = result.violations.map(
    ({ seed, invariant, detail }) => `${invariant} seed ${seed}: ${detail} (npm run sim -- --seed ${seed} --trace)`,
  );
  assert.equal(result.worlds, WORLDS);
  assert.deepEqual(named, []);
  assert.ok(result.hurtUnderLoad >= 0.9 * WORLDS, `faults under load in ${result.hurtUnderLoad} worlds`);
  assert.ok(result.withTakeover >= 0.5 * WORLDS, `a take-over in ${result.withTakeover} worlds`);
  context.diagnostic(
    `${(WORLDS / (result.wallMs / 1000)).toFixed(1)} worlds/s, ${Math.round(result.simulatedMs / result.wallMs)} times real time`,
  );
  const missing = missingCoverage(result.coverage);
  assert.deepEqual(missing, []);
});

test('a seed reproduces everything', () => {
  const runbooks = loadRunbooks();
  for (const seed of [3, 77, 1234]) {
    const first = runWorld({ seed, runbooks });
    const again = runWorld({ seed, runbooks });
    assert.equal(again.fingerprint, first.fingerprint);
    assert.deepEqual(again, first);
  }
});
