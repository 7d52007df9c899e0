import assert from 'node:assert/strict';
import { it } from 'node:test';
import { lossIn } from './path-probe.ts';

const everyTen = Array.from({ length: 10 }, (_, index) => index * 10);
const without = (...lost: readonly number[]) =>
  new Set(everyTen.map((_, index) => index).filter((index) => !lost.includes(index)));

it('a loss lasts from the first message that did not come back to the next one that did', () => {
  assert.deepEqual(lossIn(everyTen, without(), 100), { sent: 10, lost: 0, longestLossMs: 0 });
  assert.deepEqual(lossIn(everyTen, without(2, 3, 4, 7), 100), { sent: 10, lost: 4, longestLossMs: 30 });
});

it('a loss that has not ended counts to the end, and what may still be on its way does not count', () => {
  assert.deepEqual(lossIn(everyTen, without(8, 9), 100), { sent: 10, lost: 2, longestLossMs: 20 });
  assert.deepEqual(lossIn(everyTen, without(8, 9), 80), { sent: 8, lost: 0, longestLossMs: 0 });
});
