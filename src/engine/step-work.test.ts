import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epoch, groupId, hostId, runId, stepId, term } from '../core/base/ids.ts';
import type { CommandOutcome } from './messages.ts';
import type { StepOrder } from './step-order.ts';
import { StepWork } from './step-work.ts';

const order: StepOrder = {
  target: 'east-1',
  host: hostId('east-1'),
  order: { kind: 'raise-epoch', components: [] },
  required: true,
  confirm: null,
  inSequence: false,
};

const work = () =>
  new StepWork(
    { group: groupId('trading'), run: runId('trading-2'), step: stepId('barrier'), term: term(3), epoch: epoch(2) },
    0,
    false,
  );

const answer = (key: string, outcome: CommandOutcome['outcome']): CommandOutcome => ({
  key,
  attempt: 1,
  host: hostId('east-1'),
  outcome,
  proof: null,
  repeated: false,
});

test('the refusal of an older leader, which asked for the same, is not the refusal of ours', () => {
  const ours = work();
  const [sent] = ours.next([order], 0);
  assert.ok(sent);
  const { key } = sent.command;
  ours.answered(answer(key, { kind: 'refused', code: 'stale-term', reason: 'a newer term was seen' }), 1);
  assert.equal(ours.refused, false);
  ours.answered(answer(key, { kind: 'ok', detail: {} }), 2);
  assert.equal(ours.doneWith([order]), true);
});

test('an order that its target will never take ends the step', () => {
  const ours = work();
  const [sent] = ours.next([order], 0);
  assert.ok(sent);
  ours.answered(answer(sent.command.key, { kind: 'refused', code: 'not-mine', reason: 'it is elsewhere' }), 1);
  assert.equal(ours.refused, true);
});

const server = (target: string, change: Partial<StepOrder> = {}): StepOrder => ({
  ...order,
  target,
  required: false,
  awaited: true,
  ...change,
});

test('who is waited for until tried delays the step once, and is called unproved', () => {
  const orders = [server('here', { oneOf: 'proxy' }), server('there')];
  const ours = work();
  const [here, there] = ours.next(orders, 0);
  ours.answered(answer(here!.command.key, { kind: 'ok', detail: {} }), 1);
  assert.equal(ours.doneWith(orders), false);
  ours.answered(answer(there!.command.key, { kind: 'unknown', reason: 'no answer' }), 2);
  assert.equal(ours.doneWith(orders), true);
  assert.equal(ours.notes, 'here: done; there: unproved, unknown: no answer');
});

test('of those that share a place one has to be done, and one is enough', () => {
  const orders = [server('first', { oneOf: 'proxy' }), server('second', { oneOf: 'proxy' })];
  const ours = work();
  const [first, second] = ours.next(orders, 0);
  ours.answered(answer(first!.command.key, { kind: 'failed', code: 'refused', reason: 'no' }), 1);
  ours.answered(answer(second!.command.key, { kind: 'failed', code: 'refused', reason: 'no' }), 1);
  assert.equal(ours.doneWith(orders), false);
  const again = ours.next(orders, 1000).find(({ command }) => command.key.endsWith('second'))!;
  ours.answered(answer(again.command.key, { kind: 'ok', detail: {} }), 1001);
  assert.equal(ours.doneWith(orders), true);
});

test('who does not answer in time has been tried', () => {
  const orders = [server('there')];
  const ours = work();
  ours.next(orders, 0);
  assert.equal(ours.doneWith(orders), false);
  ours.next(orders, 2000);
  assert.equal(ours.doneWith(orders), true);
});
