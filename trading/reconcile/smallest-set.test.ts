import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PositionColumns } from './position-columns.ts';
import { smallestSet } from './smallest-set.ts';

/** Every set of every size, by counting. */
const bySize = (values: readonly number[], target: number): readonly number[] => {
  const counts = new Array<number>(values.length + 1).fill(0);
  for (let set = 0; set < 2 ** values.length; set++) {
    const chosen = values.filter((_, index) => (set >> index) & 1);
    if (chosen.reduce((sum, value) => sum + value, 0) === target) counts[chosen.length]! += 1;
  }
  return counts;
};

test('the smallest set is what trying all of them gives: found, ambiguous, or none', () => {
  const seen = { found: 0, ambiguous: 0, none: 0 };
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -12, max: 12 }), { maxLength: 9 }),
      fc.integer({ min: -30, max: 30 }).filter((target) => target !== 0),
      fc.integer({ min: 1, max: 9 }),
      (values, target, maxSize) => {
        const outcome = smallestSet(values, target, { maxSize, budget: 1_000_000 });
        const counts = bySize(values, target);
        const size = counts.findIndex((count) => count > 0);
        if (size === -1 || size > maxSize) assert.equal(outcome.kind, 'none');
        else if (counts[size]! > 1) assert.deepEqual(outcome, { kind: 'ambiguous', size });
        else {
          assert.ok(outcome.kind === 'found');
          assert.equal(outcome.indexes.length, size);
          assert.equal(new Set(outcome.indexes).size, size);
          assert.equal(
            outcome.indexes.reduce((sum, index) => sum + values[index]!, 0),
            target,
          );
        }
        seen[outcome.kind as keyof typeof seen] += 1;
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(
    Object.values(seen).every((count) => count > 100),
    JSON.stringify(seen),
  );
});

test('with a small budget it says that it gave up, and never that something is the only one, or none, that is not', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -12, max: 12 }), { maxLength: 9 }),
      fc.integer({ min: 1, max: 30 }),
      fc.nat(20),
      (values, target, budget) => {
        const outcome = smallestSet(values, target, { maxSize: 9, budget });
        if (outcome.kind === 'search-limit') return;
        assert.deepEqual(outcome, smallestSet(values, target, { maxSize: 9, budget: 1_000_000 }));
      },
    ),
    { numRuns: 2000 },
  );
});

test('columns give the keys where any book is away from the first by more than the tolerance', () => {
  const column = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(0, 0.001, 1, 2),
      (books, tolerance) => {
        const columns = new PositionColumns({ books: books.length, keys: 20 });
        const keys = Int32Array.from({ length: 20 }, (_, key) => key);
        for (const [index, lots] of books.entries()) columns.add(index, keys, Float64Array.from(lots));
        const expected = [...keys].filter((key) =>
          books.some((lots) => Math.abs(lots[key]! - books[0]![key]!) > tolerance),
        );
        assert.deepEqual(columns.differing(tolerance), expected);
        columns.clear();
        assert.deepEqual(columns.differing(tolerance), []);
      },
    ),
  );
});
