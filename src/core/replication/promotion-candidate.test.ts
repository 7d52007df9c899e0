import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCandidate } from './promotion-candidate.ts';

const leading = { primary: true, history: 'first', offset: 900 };
const copy = { primary: false, follows: true, history: 'first', offset: 900 };

test('a copy is a candidate once it has all that the leading one had when it was asked, and stays one while it follows', () => {
  assert.equal(isCandidate(copy, leading, false), true);
  const behind = { ...copy, offset: 899 };
  assert.equal(isCandidate(behind, leading, false), false);
  assert.equal(isCandidate(behind, leading, true), true);
});

test('one that was started anew, copies first, follows another or has another history is none, whatever it was', () => {
  const others = [
    { ...copy, primary: true },
    { ...copy, follows: false },
    { ...copy, history: 'second', offset: 5000 },
  ];
  for (const own of others) for (const was of [true, false]) assert.equal(isCandidate(own, leading, was), false);
});

test('where nobody is seen to lead it stays as it is: a link that ended may have ended with the primary', () => {
  const cutOff = { ...copy, follows: false };
  assert.equal(isCandidate(cutOff, null, true), null);
  assert.equal(isCandidate(cutOff, { ...leading, primary: false }, true), null);
});
