import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coverage } from '../../src/sim/coverage.ts';
import { runWorld } from '../../src/sim/run-world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const WORLDS = 40;

test(`${WORLDS} worlds whose delegated database is behind gates violate no invariant, and locks are released behind closed ones`, {
  timeout: 240_000,
}, () => {
  const runbooks = loadRunbooks();
  const coverage = new Coverage();
  const found: string[] = [];
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const result = runWorld({ seed, runbooks, delegatedDatabase: true, gatedDatabase: true });
    found.push(...result.violations.map(({ invariant, detail }) => `${invariant} seed ${seed}: ${detail}`));
    coverage.add(result.coverage);
  }
  assert.deepEqual(found, []);
  assert.ok((coverage.counts['I3: a delegate was moved'] ?? 0) > WORLDS / 2);
  assert.ok((coverage.counts['I3: a lock was released behind a closed gate'] ?? 0) > 2);
});
