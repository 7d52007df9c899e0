import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Block } from './block.ts';
import { RecentBlocks } from './recent-blocks.ts';

const SIZE = 1000;
/** Which block it is lies in its header and in each of its bytes. */
const blockOf = (number: number, length: number): Block => ({
  header: {
    epoch: 1,
    firstSequence: number,
    count: 1,
    committed: 0,
    previousCrc: 0,
    crc: number,
    payloadBytes: length,
  },
  bytes: Buffer.alloc(length, number & 0xff),
});

test('what is remembered is the newest without a gap, and each block as it was, whatever their lengths', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const recent = new RecentBlocks(SIZE);
    const lengths: number[] = [];
    let random = seed;
    for (let number = 0; number < 300; number++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const length = 1 + (random % (number % 7 === 0 ? SIZE : SIZE / 5));
      lengths.push(length);
      recent.push(number, blockOf(number, length));
      const kept = lengths.map((_, at) => recent.get(at));
      const oldest = kept.findIndex((block) => block !== null);
      assert.ok(oldest !== -1 && kept.slice(oldest).every((block) => block !== null));
      for (let at = oldest; at <= number; at++) assert.deepEqual(kept[at], blockOf(at, lengths[at]!));
      assert.equal(recent.get(number + 1), null);
    }
  }
});

test('small blocks fill nearly all of its memory', () => {
  const recent = new RecentBlocks(SIZE);
  for (let number = 0; number < 100; number++) recent.push(number, blockOf(number, 90));
  assert.notEqual(recent.get(100 - Math.floor(SIZE / 90)), null);
});

test('a block that is longer than its memory is not remembered, and what follows is', () => {
  const recent = new RecentBlocks(SIZE);
  recent.push(0, blockOf(0, 10));
  recent.push(1, blockOf(1, SIZE + 1));
  assert.deepEqual([recent.get(0), recent.get(1)], [null, null]);
  recent.push(2, blockOf(2, 10));
  assert.deepEqual(recent.get(2), blockOf(2, 10));
});

test('after a cut it goes on with the number that it is told', () => {
  const recent = new RecentBlocks(SIZE);
  for (let number = 0; number < 5; number++) recent.push(number, blockOf(number, 10));
  recent.clear(3);
  assert.equal(recent.get(2), null);
  recent.push(3, blockOf(33, 10));
  assert.deepEqual(recent.get(3), blockOf(33, 10));
});
