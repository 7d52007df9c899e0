import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextBeat } from './beat.ts';

test('the next beat is later than now, at a whole multiple, and at most one interval away', () => {
  assert.equal(nextBeat(0, 500), 500);
  assert.equal(nextBeat(499.9, 500), 500);
  assert.equal(nextBeat(500, 500), 1000);
  assert.equal(nextBeat(1234.5, 450), 1350);
});

test('whoever begins when has the same beats', () => {
  const beats = (from: number) => Array.from({ length: 3 }).reduce<number>((at) => nextBeat(at, 100), from);
  assert.equal(beats(1203.7), beats(1299.2));
});
