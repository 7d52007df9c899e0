import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coverage } from '../../src/sim/coverage.ts';
import { runWorld } from '../../src/sim/run-world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const WORLDS = 40;

test(`${WORLDS} worlds whose delegate asks before it promotes violate no invariant, and whom a run does not name is refused`, {
  timeout: 240_000,
}, () => {
  const runbooks = loadRunbooks();
  const coverage = new Coverage();
  const found: string[] = [];
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const result = runWorld({
      seed,
      runbooks,
      delegatedDatabase: true,
      gatedDatabase: true,
      askingDatabase: true,
    });
    found.push(...result.violations.map(({ invariant, detail }) => `${invariant} seed ${seed}: ${detail}`));
    coverage.add(result.coverage);
  }
  assert.deepEqual(found, []);
  assert.ok((coverage.counts['I3: a promotion was asked about while a run moved it'] ?? 0) > WORLDS / 2);
  assert.ok((coverage.counts['I3: a promotion was refused: moved-elsewhere'] ?? 0) > 0);
});
