import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { exactProduct, exactSum, proportion } from './exact-integer.ts';
import { afterTrade, defaultInstrument, flat, type Position, profitAndLoss, unrealised } from './position.ts';
import type { Side } from './trade.ts';

interface Deal {
  readonly side: Side;
  readonly price: number;
  readonly qty: number;
}
const deal = (maxPrice: number, maxQty: number): fc.Arbitrary<Deal> =>
  fc.record({
    side: fc.constantFrom<Side>('B', 'S'),
    price: fc.integer({ min: 0, max: maxPrice }),
    qty: fc.integer({ min: 1, max: maxQty }),
  });
const fold = (deals: readonly Deal[]): Position => deals.reduce(afterTrade, flat);
const code = (error: unknown): unknown => (error as { code?: unknown }).code;

test('buying adds cost, selling realises against the average, closing leaves no cost behind', () => {
  const bought = fold([
    { side: 'B', price: 100, qty: 10 },
    { side: 'B', price: 110, qty: 5 },
  ]);
  assert.deepEqual(bought, { lots: 15, cost: 1550, realised: 0, bought: 15, sold: 0 });
  const reduced = afterTrade(bought, { side: 'S', price: 120, qty: 4 });
  // 1550 × 4 ÷ 15 = 413.33…
  assert.deepEqual(reduced, { lots: 11, cost: 1137, realised: 480 - 413, bought: 15, sold: 4 });
  const closed = afterTrade(reduced, { side: 'S', price: 90, qty: 11 });
  assert.deepEqual([closed.lots, closed.cost, closed.realised], [0, 0, 480 + 990 - 1550]);
});

test('a trade that turns a position around closes all of it and opens the rest at its own price', () => {
  const turned = fold([
    { side: 'S', price: 100, qty: 10 },
    { side: 'B', price: 90, qty: 15 },
  ]);
  assert.deepEqual(turned, { lots: 5, cost: 450, realised: 100, bought: 15, sold: 10 });
});

test('halves round up, for long and short alike', () => {
  assert.equal(proportion(5, 1, 2), 3);
  assert.equal(proportion(3, 1, 2), 2);
  assert.equal(proportion(7, 1, 3), 2);
  const long = fold([
    { side: 'B', price: 2, qty: 1 },
    { side: 'B', price: 3, qty: 1 },
    { side: 'S', price: 10, qty: 1 },
  ]);
  const short = fold([
    { side: 'S', price: 2, qty: 1 },
    { side: 'S', price: 3, qty: 1 },
    { side: 'B', price: 10, qty: 1 },
  ]);
  assert.deepEqual([long.cost, long.realised], [2, 7]);
  assert.deepEqual([short.cost, short.realised], [2, -7]);
});

test('a share of a cost is exact to the last bit, however large the product is', () => {
  const large = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(large, large, large, (value, some, other) => {
      const [part, whole] = [Math.min(some, other), Math.max(some, other, 1)];
      const expected = (2n * BigInt(value) * BigInt(part) + BigInt(whole)) / (2n * BigInt(whole));
      assert.equal(BigInt(proportion(value, part, whole)), expected);
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(90), fc.integer({ min: 1, max: 90 }), (value, some, whole) => {
      const part = Math.min(some, whole);
      assert.equal(proportion(value, part, whole), Math.floor((2 * value * part + whole) / (2 * whole)));
    }),
    { numRuns: 2000 },
  );
});

test('realised and unrealised together are what was paid and received, to the tick, after any trades', () => {
  fc.assert(
    fc.property(fc.array(deal(5000, 400), { maxLength: 60 }), fc.nat(5000), (deals, mark) => {
      const position = fold(deals);
      let cash = 0n;
      let lots = 0n;
      for (const { side, price, qty } of deals) {
        const sign = side === 'B' ? 1n : -1n;
        cash -= sign * BigInt(price) * BigInt(qty);
        lots += sign * BigInt(qty);
      }
      assert.equal(BigInt(position.lots), lots);
      assert.equal(position.bought - position.sold, position.lots);
      assert.equal(BigInt(position.realised + unrealised(position, mark)), cash + lots * BigInt(mark));
      assert.ok(position.cost >= 0);
      if (position.lots === 0) assert.equal(position.cost, 0);
    }),
  );
});

test('what passes 2^53 is refused and never rounded', () => {
  const whole = { side: 'B', price: 2 ** 26, qty: 2 ** 26 } as const;
  const once = afterTrade(flat, whole);
  assert.equal(once.cost, 2 ** 52);
  assert.throws(
    () => afterTrade(once, whole),
    (error) => code(error) === 'HF-7401',
  );
  assert.throws(
    () => afterTrade(flat, { side: 'B', price: 2 ** 27, qty: 2 ** 27 }),
    (error) => code(error) === 'HF-7401',
  );
  assert.throws(
    () => unrealised(once, 2 ** 30),
    (error) => code(error) === 'HF-7401',
  );
  assert.throws(
    () => profitAndLoss({ ...flat, realised: 2 ** 52 }, null, { currency: 'JPY', minorPerTickLot: 3 }),
    (error) => code(error) === 'HF-7401',
  );
  const safe = fc.maxSafeInteger();
  fc.assert(
    fc.property(safe, safe, (left, right) => {
      for (const [operation, expected] of [
        [exactSum, BigInt(left) + BigInt(right)],
        [exactProduct, BigInt(left) * BigInt(right)],
      ] as const) {
        const fits = expected >= -(2n ** 53n) + 1n && expected <= 2n ** 53n - 1n;
        if (fits) assert.equal(BigInt(operation(left, right, 'it')), expected);
        else assert.throws(() => operation(left, right, 'it'));
      }
    }),
  );
});

test('P&L is in minor units of the instrument, and unknown without a mark while anything is held', () => {
  const position = fold([
    { side: 'B', price: 100, qty: 10 },
    { side: 'S', price: 103, qty: 4 },
  ]);
  const instrument = { currency: 'EUR', minorPerTickLot: 25 };
  assert.deepEqual(profitAndLoss(position, 101, instrument), {
    currency: 'EUR',
    realisedMinor: 300,
    unrealisedMinor: 150,
    totalMinor: 450,
  });
  assert.deepEqual(profitAndLoss(position, null, instrument), {
    currency: 'EUR',
    realisedMinor: 300,
    unrealisedMinor: null,
    totalMinor: null,
  });
  assert.equal(profitAndLoss(flat, null, defaultInstrument).totalMinor, 0);
});
