import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeMoves } from './move-wait.ts';

const waits = (...pairs: readonly (readonly [movedMs: number, stillMs: number])[]) =>
  pairs.map(([movedMs, stillMs]) => ({ movedMs, stillMs }));

describe('what a move adds to what a client waits', () => {
  it('is met where the client waits no longer than the goal, whatever it waits without a move', () => {
    assert.equal(judgeMoves(waits([6, 3], [9, 8], [30, 2]), 10).verdict, 'met');
  });

  it('is met where most moves add less than the goal to a wait that is there anyway', () => {
    const judged = judgeMoves(waits([14, 9], [16, 8], [40, 9]), 10);
    assert.deepEqual(judged, { movedMs: 16, stillMs: 9, addedMs: 8, verdict: 'met' });
  });

  it('is missed where most moves add more', () => {
    const judged = judgeMoves(waits([25, 9], [21, 8], [9, 9]), 10);
    assert.deepEqual(judged, { movedMs: 21, stillMs: 9, addedMs: 13, verdict: 'MISSED' });
  });

  it('is not known where the client waits for longer than the goal without a move', () => {
    assert.equal(judgeMoves(waits([35, 12], [31, 14], [29, 11]), 10).verdict, 'inconclusive');
  });
});
