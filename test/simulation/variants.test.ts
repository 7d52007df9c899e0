import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runVariants } from '../../src/sim/many-worlds.ts';
import { VARIANTS } from '../../src/sim/variants.ts';

const root = join(import.meta.dirname, '../..');

test('there are at least ten broken variants, each one change that still fits the code', () => {
  assert.ok(VARIANTS.length >= 10);
  for (const { name, file, find } of VARIANTS)
    assert.equal(readFileSync(join(root, file), 'utf8').split(find).length, 2, `${name}: ${file}`);
});

/** Those that need more worlds run with `npm run sim -- --variants`. */
const QUICK = VARIANTS.filter((variant) => variant.seedsAtMost <= 400);

test('every broken variant that is to be caught within 400 worlds is caught', { timeout: 280_000 }, async (context) => {
  const caught = await runVariants(
    ({ name, caughtAtSeed, invariant }) =>
      context.diagnostic(`${name}: ${caughtAtSeed === null ? 'not caught' : `seed ${caughtAtSeed}, ${invariant}`}`),
    QUICK,
  );
  assert.deepEqual(
    caught.filter((variant) => variant.caughtAtSeed === null).map((variant) => variant.name),
    [],
  );
});
