import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { levelsOf } from './book-lines.ts';
import { PriceLevels } from './price-levels.ts';

test('levels are a sorted map from price to what rests there, market orders first', () => {
  const change = fc.record({ price: fc.nat(60), lots: fc.nat(3), orders: fc.nat(9) });
  fc.assert(
    fc.property(fc.boolean(), fc.array(change, { maxLength: 300 }), (descending, changes) => {
      const levels = new PriceLevels({ descending });
      const model = new Map<number, readonly [number, number, number]>();
      for (const { price, lots, orders } of changes) {
        levels.set(price, lots, orders);
        if (lots === 0) model.delete(price);
        else model.set(price, [price, lots, orders]);
      }
      const rank = (price: number) => (price === 0 ? Number.NEGATIVE_INFINITY : descending ? -price : price);
      const expected = [...model.values()].toSorted((a, b) => rank(a[0]) - rank(b[0]));
      assert.deepEqual(levelsOf(levels, 1000), expected);
    }),
  );
});
