import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Coverage } from '../../src/sim/coverage.ts';
import { runWorld } from '../../src/sim/run-world.ts';
import { loadRunbooks } from '../../src/wire/load-runbooks.ts';

const WORLDS = 60;

test(`${WORLDS} worlds whose Redis is killed, frozen and replaced by sentinels for nothing violate no invariant, and it is replaced in them`, {
  timeout: 240_000,
}, () => {
  const runbooks = loadRunbooks();
  const coverage = new Coverage();
  const found: string[] = [];
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const result = runWorld({ seed, runbooks, lostRedis: true });
    found.push(...result.violations.map(({ invariant, detail }) => `${invariant} seed ${seed}: ${detail}`));
    coverage.add(result.coverage);
  }
  assert.deepEqual(found, []);
  assert.ok((coverage.counts['I1: a Redis was replaced'] ?? 0) > WORLDS / 2);
  assert.ok((coverage.counts['I9: sentinels promoted a Redis by themselves'] ?? 0) > WORLDS / 2);
});
