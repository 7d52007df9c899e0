import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BytesTable, hashBytes } from './bytes-table.ts';

const put = (table: BytesTable, text: string) => table.put(Buffer.from(text), 0, Buffer.byteLength(text));
const find = (table: BytesTable, text: string) => table.find(Buffer.from(text), 0, Buffer.byteLength(text));

test('keys are numbered as they come and found again while the table grows', () => {
  const table = new BytesTable();
  for (let number = 0; number < 50_000; number++) {
    assert.equal(put(table, `key-${number}`), number);
    // Also those that are being moved at this moment.
    const earlier = (number * 7919) % (number + 1);
    assert.equal(find(table, `key-${earlier}`), earlier);
  }
  assert.equal(find(table, 'key-50000'), -1);
  assert.equal(put(table, 'key-17'), 17);
  assert.equal(table.count, 50_000);
});

test('keys that all end alike, and so begin at few slots, are found as well', () => {
  const table = new BytesTable();
  const keys = Array.from({ length: 20_000 }, (_, number) => `${number}-same-end`);
  for (const [number, key] of keys.entries()) assert.equal(put(table, key), number);
  for (const [number, key] of keys.entries()) assert.equal(find(table, key), number);
  assert.equal(find(table, 'another-same-end'), -1);
});

test('a key is the same wherever it lies, and asked for through a view', () => {
  const table = new BytesTable();
  for (let length = 0; length <= 20; length++) {
    const bytes = Buffer.from(`${'#'.repeat(length)}${'abcdefghijklmnopqrst'.slice(0, length)}#`);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    assert.equal(table.findIn(view, length, length), -1);
    assert.equal(table.putIn(view, length, length), length);
    const elsewhere = Buffer.from('abcdefghijklmnopqrst');
    assert.equal(table.find(elsewhere, 0, length), length);
    assert.equal(table.hashOf(length), hashBytes(elsewhere, 0, length) | 0);
  }
});

test('a key that was just looked for in vain is added as any other, and only then without being looked for again', () => {
  const [plain, looked] = [new BytesTable(), new BytesTable()];
  const bytes = Buffer.alloc(64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let number = 0; number < 20_000; number++) {
    const length = bytes.write(`key-${number}`, 8);
    assert.equal(looked.lookFor(view, 8, length), -1);
    // Something else is asked for in between: it takes nothing away from what was looked for.
    if (number % 3 === 0) assert.equal(find(looked, 'nobody'), -1);
    assert.equal(looked.addMissing(view, 8, length), number);
    assert.equal(plain.putIn(view, 8, length), number);
    assert.equal(looked.hashOf(number), plain.hashOf(number));
    assert.equal(looked.lookFor(view, 8, length), number);
  }
  // Never looked for, looked for elsewhere, and looked for before another was added: each is found or added by itself.
  const length = bytes.write('key-17', 8);
  assert.equal(looked.addMissing(view, 8, length), 17);
  bytes.write('new-one', 0);
  assert.equal(looked.lookFor(view, 0, 7), -1);
  assert.equal(put(looked, 'new-one'), 20_000);
  assert.equal(looked.addMissing(view, 0, 7), 20_000);
  for (let number = 0; number < 20_000; number++) assert.equal(find(looked, `key-${number}`), number);
});

test('memory that is reserved changes nothing that is found', () => {
  const [plain, reserved] = [new BytesTable(), new BytesTable()];
  for (let number = 0; number < 30_000; number++) {
    if (number % 9000 === 50) reserved.reserve(7000, 20);
    assert.equal(put(reserved, `key-${number}`), put(plain, `key-${number}`));
    const earlier = (number * 7919) % (number + 1);
    assert.equal(find(reserved, `key-${earlier}`), earlier);
    assert.equal(reserved.text(earlier), `key-${earlier}`);
    assert.equal(reserved.hashOf(earlier), plain.hashOf(earlier));
  }
  assert.equal(find(reserved, 'key-30000'), -1);
});

test('any keys behave as in a map', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { maxLength: 300 }), (keys) => {
      const table = new BytesTable();
      // Keys that differ in their last characters only, or are part of one another, are neighbours.
      const map = new Map<string, number>();
      for (const key of keys) {
        assert.equal(find(table, key), map.get(key) ?? -1);
        if (!map.has(key)) map.set(key, map.size);
        assert.equal(put(table, key), map.get(key));
      }
      for (const [key, number] of map) assert.equal(table.text(number), key);
    }),
  );
});

test('a hash is the same in every process and on every machine', () => {
  const hash = (text: string) => hashBytes(Buffer.from(text), 0, text.length).toString(16);
  assert.deepEqual(['', 'a', 'abcd', 'order-000017'].map(hash), ['0', 'd7cafc0', 'b1474609', '74d11771']);
});
