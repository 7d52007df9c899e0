import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterAction, type OrderedRecovery, offers } from './offered-actions.ts';

const after = (before: OrderedRecovery | null, action: string, epoch = 3) =>
  afterAction('risk-engine', before, { epoch, done: action });

test('a recovery goes on step by step, any of which may be asked for again; its last one ends it', () => {
  let recovery: OrderedRecovery | null = null;
  for (const action of ['fail-safe', 'restore-limits', 'restore-limits', 'recompute-positions']) {
    const left = after(recovery, action);
    assert.deepEqual(left, { epoch: 3, done: action });
    recovery = left as OrderedRecovery;
  }
  assert.equal(after(recovery, 'verify'), 'before-its-turn');
  assert.equal(after(recovery, 'leave-fail-safe'), 'before-its-turn');
  assert.equal(after({ epoch: 3, done: 'verify' }, 'leave-fail-safe'), null);
});

test('a newer epoch knows nothing of a recovery of an older one, and without one there is nothing to leave', () => {
  assert.equal(after({ epoch: 3, done: 'verify' }, 'recompute-positions', 4), 'before-its-turn');
  assert.equal(after(null, 'leave-fail-safe'), null);
  assert.ok(!offers('trading-engine', 'fail-safe'));
});
