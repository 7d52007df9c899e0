import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redisProblems, turnsOf } from './writer-turns.ts';

test('writers in turn are those who wrote, each time that another one did', () => {
  assert.deepEqual(turnsOf([]), []);
  assert.deepEqual(turnsOf(['a', 'a']), ['a']);
  assert.deepEqual(turnsOf(['a', 'a', 'b', 'b', 'a']), ['a', 'b', 'a']);
});

const replaced = { turns: ['a', 'b'], raised: 1, missing: 3, counted: [{ kind: 'unknown' }] };

test('a Redis that was replaced under a new epoch may have lost what was counted, or what nobody could count', () => {
  assert.deepEqual(redisProblems(replaced), []);
  assert.deepEqual(redisProblems({ ...replaced, counted: [] }), [], 'it moved with its writer');
});

test('a Redis that changed without an epoch, lost without a change, or was said to have lost nothing is a problem', () => {
  assert.equal(redisProblems({ ...replaced, raised: 0 }).length, 1);
  assert.equal(redisProblems({ ...replaced, turns: ['a'] }).length, 1);
  assert.equal(redisProblems({ ...replaced, counted: [{ kind: 'none' }] }).length, 1);
  assert.deepEqual(redisProblems({ ...replaced, turns: ['a'], raised: 0, missing: 0 }), []);
});
