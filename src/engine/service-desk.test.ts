import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { FactsBuilder } from '../../test/builders/facts.ts';
import type { ServerOptions } from '../core/topology/served.ts';
import { GROUP } from '../sim/build-topology.ts';
import type { CommandOutcome } from './messages.ts';

/** `alfa-eng1` is a service of its host. */
function controllerOf(server: ServerOptions): ControllerUnderTest {
  const world = new FactsBuilder();
  const { topology } = world.facts;
  world.change({
    topology: {
      ...topology,
      components: topology.components.map((component) =>
        component.instances.some(({ id }) => id === 'alfa-eng1')
          ? { ...component, served: { leads: {}, servers: { 'alfa-eng1': server } } }
          : component,
      ),
    },
  });
  const controller = new ControllerUnderTest(world).leads();
  for (const { id } of topology.hosts) controller.step({ kind: 'agent-link', host: id, up: true });
  return controller;
}
const service = 'supervisord:engine';
const order = (what: 'start' | 'bar', instance = 'alfa-eng1') =>
  ({ kind: 'order-service', group: GROUP, instance, order: what, reason: 'CHG-7' }) as const;
const fence = (lift: boolean) =>
  ({ kind: 'fence', group: GROUP, instance: 'alfa-eng1', attest: false, lift, reason: 'odd' }) as const;

function answers(controller: ControllerUnderTest, outcome: CommandOutcome['outcome']): void {
  const { host, command } = controller.all('command').at(-1)!;
  const { key, attempt } = command;
  controller.step({ kind: 'command-outcome', outcome: { key, attempt, host, outcome, proof: null, repeated: false } });
}
const lastAnswer = (controller: ControllerUnderTest) => controller.all('answer').at(-1)?.answer;
const lastAction = (controller: ControllerUnderTest) => {
  const last = controller.all('command').at(-1)?.command.order;
  return last?.kind === 'perform' && last.action.kind === 'service' ? last.action : null;
};

test('an order goes to the agent under the epoch of the group; it and its outcome are evidence, and the outcome is the answer', () => {
  const controller = controllerOf({ service });
  controller.asks(order('bar'));
  assert.equal(lastAnswer(controller), undefined, 'nothing is answered before the agent is heard');
  assert.deepEqual(lastAction(controller), { kind: 'service', epoch: controller.record!.epoch, order: 'bar' });
  assert.equal(controller.evidence.at(-1), 'operator-command');
  answers(controller, { kind: 'unknown', reason: 'frozen' });
  assert.deepEqual(controller.all('evidence').at(-1)?.entry.data, {
    person: 'Grace',
    role: 'operator',
    service: { instance: 'alfa-eng1', order: 'bar', outcome: 'unknown', code: null, reason: 'frozen' },
  });
  assert.deepEqual(lastAnswer(controller), {
    kind: 'ok',
    result: { instance: 'alfa-eng1', order: 'bar', outcome: 'unknown', code: null, reason: 'frozen' },
  });
});

test('who only looks may not order, and who has no service or no reachable agent is refused by code', () => {
  const controller = controllerOf({ service });
  const code = (answer: ReturnType<typeof lastAnswer>) => (answer?.kind === 'refused' ? answer.code : answer?.kind);
  const asked = controller.all('command').length;
  assert.equal(code(controller.ask(order('bar'), 'observer')), 'HF-4001');
  assert.equal(code(controller.ask(order('bar', 'bravo-eng1'))), 'HF-4127');
  assert.equal(code(controller.ask(order('bar', 'nobody'))), 'HF-4127');
  controller.step({ kind: 'agent-link', host: 'alfa-e1' as never, up: false });
  assert.equal(code(controller.ask(order('bar'))), 'HF-4127');
  assert.equal(controller.all('command').length, asked);
});

test('its state is asked of the agent as a question, by anybody', () => {
  const controller = controllerOf({ service });
  controller.asks({ kind: 'service', group: GROUP, instance: 'alfa-eng1' }, 'observer');
  assert.deepEqual(controller.all('command').at(-1)!.command.order, {
    kind: 'ask',
    instance: 'alfa-eng1',
    question: 'service',
  });
  answers(controller, { kind: 'ok', detail: { answer: '{"state":"running"}' } });
  assert.deepEqual(lastAnswer(controller), { kind: 'ok', result: { state: 'running' } });
});

test('to fence bars the service where the topology says so, and the answer waits for both', () => {
  const controller = controllerOf({ service, fencing: 'bar-service' });
  controller.asks(fence(false));
  assert.equal(lastAction(controller)?.order, 'bar');
  controller.settle();
  assert.equal(lastAnswer(controller), undefined, 'the brakes alone are no answer');
  answers(controller, { kind: 'ok', detail: {} });
  const answer = lastAnswer(controller);
  assert.ok(answer?.kind === 'ok', JSON.stringify(answer));
  const { brakes, service: seen } = answer.result as never as { brakes: { fenced: string[] }; service: object };
  assert.deepEqual([brakes.fenced, seen], [['alfa-eng1'], { outcome: 'ok', code: null, reason: null }]);
});

test('to unfence allows the service, then starts it, and starts nothing that was not allowed', () => {
  const controller = controllerOf({ service, fencing: 'bar-service' });
  controller.asks(fence(true));
  assert.equal(lastAction(controller), null, 'nothing is allowed before the brakes are written');
  controller.settle();
  assert.equal(lastAction(controller)?.order, 'allow');
  answers(controller, { kind: 'ok', detail: {} });
  assert.equal(lastAction(controller)?.order, 'start');
  answers(controller, { kind: 'ok', detail: {} });
  assert.equal(lastAnswer(controller)?.kind, 'ok');

  const refused = controllerOf({ service, fencing: 'bar-service' });
  refused.asks(fence(true));
  refused.settle();
  const asked = refused.all('command').length;
  answers(refused, { kind: 'failed', code: 'not-permitted', reason: 'no' });
  assert.equal(refused.all('command').length, asked);
  const answer = lastAnswer(refused);
  assert.deepEqual(answer?.kind === 'ok' ? (answer.result as { service: object }).service : null, {
    outcome: 'failed',
    code: 'not-permitted',
    reason: 'no',
  });
});

test('a service that is not to fence it is left alone by a fence', () => {
  const controller = controllerOf({ service });
  controller.ask(fence(false));
  assert.equal(controller.all('command').at(-1)!.command.order.kind, 'silence');
  assert.equal(lastAnswer(controller)?.kind, 'ok');
});
