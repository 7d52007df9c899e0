import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEntry, type Entry, encodeEntry, RECORD } from './entry.ts';

const id = fc.string({ unit: fc.constantFrom(...'ABCXYZabcxyz0189_.:-'), minLength: 1, maxLength: 64 });
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const count = fc.maxSafeNat();
const side = fc.constantFrom('B' as const, 'S' as const);

/** Left out = 0, which is how it is read again. */
const venue = { venue: fc.integer({ min: 1, max: 254 }) };

/** Of any kind, with any content that a record can hold. */
const anyEntry: fc.Arbitrary<Entry> = fc
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
    fc.record({
      kind: fc.constant('order' as const),
      id,
      client: id,
      symbol: id,
      side,
      price: count,
      qty: count,
      tif: fc.constant('gtc' as const),
      ...venue,
      at: count,
    }),
    fc.record({ kind: fc.constant('cancel' as const), id, client: id, target: id, at: count }),
    fc.record({ kind: fc.constant('accepted' as const), n: count, id }),
    fc.record({ kind: fc.constant('rejected' as const), n: count, id, code: text }),
    fc.record({ kind: fc.constant('fill' as const), n: count, id, exec: id, price: count, qty: count }),
    fc.record({ kind: fc.constant('cancelled' as const), n: count, id: fc.oneof(id, fc.constant('')), target: id }),
    fc.record({ kind: fc.constant('cancel-rejected' as const), n: count, id, target: id, code: text }),
    fc.record({ kind: fc.constant('withdrawn' as const), id, code: text }),
    fc.record({ kind: fc.constant('refused' as const), id, of: fc.constantFrom('order', 'request'), code: text }),
    fc.record({ kind: fc.constant('venue' as const), name: id, venue: fc.nat({ max: 254 }) }),
    fc.record({
      kind: fc.constant('replace' as const),
      id,
      client: id,
      target: id,
      price: count,
      qty: count,
      at: count,
    }),
    fc.record({ kind: fc.constant('replaced' as const), n: count, ...venue, id, target: id, price: count, qty: count }),
    fc.record({ kind: fc.constant('replace-rejected' as const), n: count, ...venue, id, target: id, code: text }),
    fc.record({ kind: fc.constant('test' as const), id }),
  )
  .map((entry) => ({ ...entry }));

test('what was written is read again, in a record of whole words that knows its length', () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      const record = encodeEntry(entry);
      assert.equal(record.readUInt16LE(RECORD.bytes), record.length);
      assert.equal(record.length % 8, 0);
      assert.deepEqual(decodeEntry(record), entry);
    }),
    { numRuns: 500 },
  );
});

test('a record does not depend on what lay where it was written', () => {
  const entry = { kind: 'cancelled', n: 7, id: '', target: 'order-1' } as const;
  assert.deepEqual(encodeEntry(entry), encodeEntry(entry));
});

test('a text that does not fit is refused, not cut', () => {
  assert.throws(() => encodeEntry({ kind: 'test', id: 'x'.repeat(256) }), /256 bytes/);
});

test('a record of a kind that is not known is a newer version, and said to be', () => {
  const record = encodeEntry({ kind: 'test', id: 'x' });
  record[RECORD.kind] = 99;
  assert.throws(() => decodeEntry(record), /unknown kind 99/);
});
