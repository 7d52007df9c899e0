import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CaughtVariant, runVariants } from '../../src/sim/many-worlds.ts';
import { VARIANTS, type Variant } from '../../src/sim/variants.ts';

const root = join(import.meta.dirname, '../..');

/** Within so many worlds a variant must be caught here; those that need more are tried at the seed that caught them last. */
const QUICK = 400;
const takesManyWorlds = (variant: Variant): boolean => 'seedsAtMost' in variant && variant.seedsAtMost > QUICK;

test('there are at least ten broken variants, each one change that still fits the code', () => {
  assert.ok(VARIANTS.length >= 10);
  for (const { name, file, find } of VARIANTS)
    assert.equal(readFileSync(join(root, file), 'utf8').split(find).length, 2, `${name}: ${file}`);
});

test('every broken variant is caught; one that takes many worlds may have moved to another seed', {
  timeout: 880_000,
}, async (context) => {
  const inWords = ({ name, by }: CaughtVariant) => `${name}: ${by ?? 'not caught'}`;
  const caught = await runVariants(
    (each) => context.diagnostic(inWords(each)),
    VARIANTS.map((variant) => (takesManyWorlds(variant) ? { ...variant, seedsAtMost: 0 } : variant)),
  );
  const missed = caught.filter((each) => each.by === null).map(({ name }) => name);
  const moved = VARIANTS.filter((variant) => missed.includes(variant.name) && takesManyWorlds(variant));
  for (const { name } of moved)
    context.diagnostic(`"${name}" is caught elsewhere now: npm run sim -- --variants, and write the seed down`);
  assert.deepEqual(
    missed.filter((name) => !moved.some((variant) => variant.name === name)),
    [],
  );
});
