import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Alert, nextAlert, noAlert } from './alert.ts';
import type { Judgement } from './budget.ts';

const hysteresis = { raiseAfterMs: 3000, clearAfterMs: 10_000 };
const over: Judgement = { outcome: 'exceeded', reasons: ['p99 14 ms, at most 12'] };
const within: Judgement = { outcome: 'within', reasons: [] };
const unknown: Judgement = { outcome: 'unknown', reasons: ['not measured'] };

/** One judgement a second, from second 0. */
const after = (judgements: readonly Judgement[], from: Alert = noAlert): Alert =>
  judgements.reduce((alert, judgement, second) => nextAlert(alert, judgement, second * 1000, hysteresis), from);
const times = (count: number, judgement: Judgement) => Array<Judgement>(count).fill(judgement);

test('an alert is raised once the budget was exceeded for long enough, and says what exceeds it', () => {
  assert.equal(after(times(3, over)).raised, false);
  const raised = after(times(4, over));
  assert.deepEqual([raised.raised, raised.changedAt, raised.reasons], [true, 3000, over.reasons]);
});

test('one measurement within the budget begins the count anew', () => {
  assert.equal(after([...times(3, over), within, ...times(3, over)]).raised, false);
});

test('an alert ends only after the budget was kept for the longer time', () => {
  const raised = after(times(4, over));
  assert.equal(after(times(10, within), raised).raised, true);
  assert.equal(after(times(11, within), raised).raised, false);
});

test('what is unknown neither raises nor ends an alert', () => {
  assert.equal(after(times(60, unknown)).raised, false);
  assert.equal(after(times(60, unknown), after(times(4, over))).raised, true);
  assert.equal(after([...times(3, over), unknown, over]).raised, false, 'a count goes on over what nobody knows');
});
