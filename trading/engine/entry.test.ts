import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anyEntry } from '../testing/any-entry.ts';
import { decodeEntry, encodeEntry, RECORD } from './entry.ts';

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
