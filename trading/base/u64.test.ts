import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeU64 } from './u64.ts';

test('any safe integer is written as its eight bytes, the lowest first, and nothing beside them', () => {
  for (const value of [
    0,
    1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 33 - 1,
    2 ** 48 + 0x8000_0000,
    2 ** 52 - 1,
    Number.MAX_SAFE_INTEGER,
  ]) {
    const bytes = Buffer.alloc(24, 0xee);
    writeU64(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 8, value);
    assert.equal(bytes.readBigUInt64LE(8), BigInt(value));
    for (const side of [bytes.subarray(0, 8), bytes.subarray(16)]) assert.ok(side.every((byte) => byte === 0xee));
  }
});
