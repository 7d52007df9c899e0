import fc from 'fast-check';
import type { Entry } from '../engine/entry.ts';

const id = fc.string({ unit: fc.constantFrom(...'ABCXYZabcxyz0189_.:-'), minLength: 1, maxLength: 64 });
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const count = fc.maxSafeNat();
const side = fc.constantFrom('B' as const, 'S' as const);

/** An entry of any kind with any content that a record can hold. */
export const anyEntry: fc.Arbitrary<Entry> = fc
  .oneof(
    fc.record({ kind: fc.constant('epoch' as const), instance: text }),
    fc.record({
      kind: fc.constant('order' as const),
      id,
      client: id,
      symbol: id,
      side,
      price: count,
      qty: count,
      at: count,
    }),
    fc.record({ kind: fc.constant('cancel' as const), id, client: id, target: id, at: count }),
    fc.record({ kind: fc.constant('accepted' as const), n: count, id }),
    fc.record({ kind: fc.constant('rejected' as const), n: count, id, code: text }),
    fc.record({ kind: fc.constant('fill' as const), n: count, id, exec: id, price: count, qty: count }),
    fc.record({ kind: fc.constant('cancelled' as const), n: count, id: fc.oneof(id, fc.constant('')), target: id }),
    fc.record({ kind: fc.constant('cancel-rejected' as const), n: count, id, target: id, code: text }),
    fc.record({ kind: fc.constant('withdrawn' as const), id, code: text }),
    fc.record({ kind: fc.constant('test' as const), id }),
  )
  .map((entry) => ({ ...entry }));
