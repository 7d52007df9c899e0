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
