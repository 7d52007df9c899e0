import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JoinPositions } from './join-positions.ts';

test('I9: a new member has everything once it has the log up to where it began to be waited for', () => {
  const joins = new JoinPositions();
  joins.waitsFor(['b@4'], 100);
  assert.equal(joins.covered('b@4', 99), false);
  assert.equal(joins.covered('b@4', 100), true);
  assert.equal(joins.covered('c@4', 1000), false, 'nobody waits for it');
});

test('who stays in the set is counted from when it came into it, and who comes back from then', () => {
  const joins = new JoinPositions();
  joins.waitsFor(['b@4'], 100);
  joins.waitsFor(['b@4', 'c@4'], 200);
  assert.equal(joins.covered('b@4', 150), true);
  assert.equal(joins.covered('c@4', 150), false);
  joins.waitsFor(['c@4'], 300);
  joins.waitsFor(['b@4', 'c@4'], 400);
  assert.equal(joins.covered('b@4', 350), false);
});

test('a set that is found in force counts from the first look on, until it is set anew', () => {
  const joins = new JoinPositions();
  joins.found(['b@4'], 100);
  joins.found(['b@4'], 200);
  assert.equal(joins.covered('b@4', 100), true);
  joins.waitsFor(['b@4'], 300);
  assert.equal(joins.covered('b@4', 299), false);
});

test('what is no primary waits for nobody', () => {
  const joins = new JoinPositions();
  joins.waitsFor(['b@4'], 100);
  joins.forget();
  assert.equal(joins.covered('b@4', 1000), false);
});
