import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { GROUP } from '../sim/build-topology.ts';
import type { CommandOutcome } from './messages.ts';

const ask = (controller: ControllerUnderTest, instance: string | null = null) =>
  controller.asks({ kind: 'fates', group: GROUP, instance }, 'observer');
const answers = (controller: ControllerUnderTest, outcome: CommandOutcome['outcome']) => {
  const { host, command } = controller.all('command').at(-1)!;
  const { key, attempt } = command;
  controller.step({ kind: 'command-outcome', outcome: { key, attempt, host, outcome, proof: null, repeated: false } });
  return controller.all('answer').at(-1)?.answer;
};

test('the engine that holds the component is asked through its agent, in no run, and its word is the answer', () => {
  const controller = new ControllerUnderTest().leads();
  const before = controller.stored.size;
  ask(controller);
  const { host, command } = controller.all('command').at(-1)!;
  assert.deepEqual([host, command.order], ['alfa-e1', { kind: 'ask', instance: 'alfa-eng1', question: 'takeover' }]);
  const report = { epoch: 7, inDoubt: [] };
  assert.deepEqual(answers(controller, { kind: 'ok', detail: { answer: JSON.stringify(report) } }), {
    kind: 'ok',
    result: report,
  });
  assert.equal(controller.stored.size, before, 'nothing was written');
});

test('an engine that is not primary, and one that answers nonsense, are said to tell nothing', () => {
  for (const outcome of [
    { kind: 'failed', code: 'not-ready', reason: 'it is standby, not primary' },
    { kind: 'ok', detail: { answer: '{' } },
  ] as const) {
    const controller = new ControllerUnderTest().leads();
    ask(controller, 'bravo-eng1');
    const answer = answers(controller, outcome);
    assert.ok(answer?.kind === 'refused', JSON.stringify(answer));
    assert.equal(answer.code, 'HF-4124');
  }
});

test('an instance that is no engine of the group is refused by name, and nobody is asked', () => {
  const controller = new ControllerUnderTest().leads();
  const asked = controller.all('command').length;
  ask(controller, 'alfa-db');
  const answer = controller.all('answer').at(-1)!.answer;
  assert.ok(answer.kind === 'refused', JSON.stringify(answer));
  assert.equal(answer.code, 'HF-4002');
  assert.equal(controller.all('command').length, asked);
});

test('the tail is asked of the only instance that keeps one, and of none where nobody does', () => {
  const controller = new ControllerUnderTest().leads();
  const asked = controller.all('command').length;
  controller.asks({ kind: 'tail', group: GROUP, instance: null }, 'observer');
  const answer = controller.all('answer').at(-1)!.answer;
  assert.ok(answer.kind === 'refused', JSON.stringify(answer));
  assert.equal(answer.code, 'HF-4126');
  assert.equal(controller.all('command').length, asked);
  controller.asks({ kind: 'tail', group: GROUP, instance: 'bravo-db' }, 'observer');
  const { command } = controller.all('command').at(-1)!;
  assert.deepEqual(command.order, { kind: 'ask', instance: 'bravo-db', question: 'tail' });
  assert.deepEqual(answers(controller, { kind: 'ok', detail: { answer: '{"entries":[]}' } }), {
    kind: 'ok',
    result: { entries: [] },
  });
});
