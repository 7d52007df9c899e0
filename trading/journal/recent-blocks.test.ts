import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK_HEADER_BYTES, type Block, encodeBlock } from './block.ts';
import { RecentBlocks } from './recent-blocks.ts';

const SIZE = 1000;
/** Of so many bytes. Which block it is lies in its header and in each of its records' bytes. */
const blockOf = (number: number, length: number): Block => {
  const records = [Buffer.alloc(length - BLOCK_HEADER_BYTES, number & 0xff)];
  return encodeBlock({ previous: { sequence: number, epoch: 1, crc: number }, epoch: 1, committed: 0, records });
};

test('what is remembered is the newest without a gap, and each block as it was, whatever their lengths', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const recent = new RecentBlocks(SIZE);
    const lengths: number[] = [];
    let random = seed;
    for (let number = 0; number < 300; number++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      const most = number % 7 === 0 ? SIZE : SIZE / 5;
      const length = BLOCK_HEADER_BYTES + (random % (most - BLOCK_HEADER_BYTES + 1));
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

test('more blocks than it had places for are remembered as well', () => {
  const recent = new RecentBlocks(5000 * 50);
  for (let number = 7; number < 12_007; number++) recent.push(number, blockOf(number, 50));
  assert.equal(recent.get(12_006 - 5000), null);
  for (let number = 12_007 - 5000; number < 12_007; number++) assert.deepEqual(recent.get(number), blockOf(number, 50));
});

test('small blocks fill nearly all of its memory', () => {
  const recent = new RecentBlocks(SIZE);
  for (let number = 0; number < 100; number++) recent.push(number, blockOf(number, 90));
  assert.notEqual(recent.get(100 - Math.floor(SIZE / 90)), null);
});

test('a block that is longer than its memory is not remembered, and what follows is', () => {
  const recent = new RecentBlocks(SIZE);
  recent.push(0, blockOf(0, 50));
  recent.push(1, blockOf(1, SIZE + 1));
  assert.deepEqual([recent.get(0), recent.get(1)], [null, null]);
  recent.push(2, blockOf(2, 50));
  assert.deepEqual(recent.get(2), blockOf(2, 50));
});

test('after a cut it goes on with the number that it is told', () => {
  const recent = new RecentBlocks(SIZE);
  for (let number = 0; number < 5; number++) recent.push(number, blockOf(number, 50));
  recent.clear(3);
  assert.equal(recent.get(2), null);
  recent.push(3, blockOf(33, 50));
  assert.deepEqual(recent.get(3), blockOf(33, 50));
});
