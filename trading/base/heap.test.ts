import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { collectHeap } from './heap.ts';

test('what nobody uses any more is gone after a collection, and what somebody uses is not', async () => {
  const used = { name: 'used' };
  const refs = [new WeakRef(used), new WeakRef({ name: 'unused' })] as const;
  // What was looked at in a turn lives until its end.
  await nextTurn();
  collectHeap();
  assert.equal(refs[0].deref(), used);
  assert.equal(refs[1].deref(), undefined);
});
