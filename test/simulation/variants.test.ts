import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CaughtVariant, runVariants } from '../../src/sim/many-worlds.ts';
import { VARIANTS } from '../../src/sim/variants.ts';

const root = join(import.meta.dirname, '../..');

/** Within so many worlds a variant must be caught here; those that need more are tried at the seed that caught them last. */
const QUICK = 400;

test('there are at least ten broken variants, each one change that still fits the code', () => {
  assert.ok(VARIANTS.length >= 10);
  for (const { name, file, find } of VARIANTS)
    assert.equal(readFileSync(join(root, file), 'utf8').split(find).length, 2, `${name}: ${file}`);
});

test('every broken variant is caught; one that takes many worlds may have moved to another seed', {
  timeout: 880_000,
}, async (context) => {
  const inWords = ({ name, caughtAtSeed, invariant }: CaughtVariant) =>
    `${name}: ${caughtAtSeed === null ? 'not caught' : `seed ${caughtAtSeed}, ${invariant}`}`;
  const caught = await runVariants(
    (each) => context.diagnostic(inWords(each)),
    VARIANTS.map((variant) => (variant.seedsAtMost <= QUICK ? variant : { ...variant, seedsAtMost: 0 })),
  );
  const missed = caught.filter((each) => each.caughtAtSeed === null).map(({ name }) => name);
  const moved = VARIANTS.filter(({ name, seedsAtMost }) => missed.includes(name) && seedsAtMost > QUICK);
  for (const { name } of moved)
    context.diagnostic(`"${name}" is caught elsewhere now: npm run sim -- --variants, and write the seed down`);
  assert.deepEqual(
    missed.filter((name) => !moved.some((variant) => variant.name === name)),
    [],
  );
});
