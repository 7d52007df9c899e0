import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Unacknowledged } from './unacknowledged.ts';

test('each is counted once, whatever was withdrawn and however many wait', () => {
  const unacknowledged = new Unacknowledged();
  const taken = new Set([7, 2001, 2500]);
  for (let sequence = 1; sequence <= 3000; sequence++) unacknowledged.add(sequence);
  assert.equal(unacknowledged.releasedUpTo(5), 5);
  unacknowledged.withdraw(taken);
  assert.equal(unacknowledged.releasedUpTo(2000), 1994);
  for (let sequence = 3001; sequence <= 9000; sequence++) unacknowledged.add(sequence);
  assert.equal(unacknowledged.releasedUpTo(2000), 0);
  assert.equal(unacknowledged.releasedUpTo(9000), 6998);
  unacknowledged.add(9001);
  assert.equal(unacknowledged.releasedUpTo(9001), 1);
});
