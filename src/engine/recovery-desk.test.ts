import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { FactsBuilder } from '../../test/builders/facts.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import type { JournalEntry, RunEvent } from '../core/run/run.ts';
import { GROUP } from '../sim/build-topology.ts';
import type { Command, CommandOutcome } from './messages.ts';
import { completion } from './step-verdicts.ts';

const recover = (component: string, runbook: string | null = null): OperatorRequest => ({
  kind: 'recover',
  group: GROUP,
  component,
  runbook,
  digest: null,
  reason: 'odd figures',
});
const last = (controller: ControllerUnderTest): Command => controller.all('command').at(-1)!.command;
const answers = (controller: ControllerUnderTest, outcome: CommandOutcome['outcome']) => {
  const { host, command } = controller.all('command').at(-1)!;
  const { key, attempt } = command;
  controller.step({ kind: 'command-outcome', outcome: { key, attempt, host, outcome, proof: null, repeated: false } });
  controller.settle();
};
const events = (controller: ControllerUnderTest): readonly RunEvent[] =>
  [...controller.stored]
    .filter(([key]) => key.startsWith(`journal/${GROUP}/0`))
    .flatMap(([, { value }]) => (value as unknown as JournalEntry).events);
const waits = (controller: ControllerUnderTest, until: () => boolean, ms: number) => {
  for (let waited = 0; !until() && waited < ms; waited += 200) {
    controller.now += 200;
    controller.hears();
    controller.step({ kind: 'tick' });
    controller.settle();
  }
};
const OK = { kind: 'ok', detail: {} } as const;

test('order management is stopped, its orders kept and compared, before the right to write is taken from it', () => {
  const controller = new ControllerUnderTest().leads();
  const answer = controller.ask(recover('oms'));
  assert.equal(answer.kind, 'ok', JSON.stringify(answer));
  const asked: string[] = [];
  for (let step = 0; step < 3; step += 1) {
    const { order } = last(controller);
    asked.push(order.kind === 'perform' && order.action.kind === 'act' ? order.action.action : order.kind);
    assert.equal(controller.record?.epoch, 7);
    answers(controller, OK);
  }
  assert.deepEqual(asked, ['stop-accepting', 'snapshot-open-orders', 'reconcile']);
  assert.deepEqual([controller.record?.epoch, last(controller).step], [8, 'barrier']);
  assert.equal(controller.record?.tradingEnabled, true);
});

test('an action that the component does not offer is not applicable, and the run goes on', () => {
  const controller = new ControllerUnderTest().leads();
  controller.ask(recover('oms'));
  answers(controller, { kind: 'failed', code: 'unknown-method', reason: 'no action stop-accepting' });
  const [finished] = events(controller).filter((event) => event.kind === 'step-finished');
  assert.deepEqual([finished?.step, finished?.outcome], ['stop-accepting', 'not-applicable']);
  assert.equal(last(controller).step, 'snapshot-open-orders');
});

test('a run that went on without an action says so when it ends: it does not claim that every step is done', () => {
  const plan = { steps: [{ id: 'reload' }, { id: 'check' }] };
  const steps = plan.steps.map((step, at) => ({ step, outcome: at === 0 ? 'not-applicable' : 'ok' }));
  const { facts } = new FactsBuilder();
  assert.equal(completion(facts, { steps } as never), 'done, without reload: not applicable here');
  assert.equal(completion(facts, { steps: steps.slice(1) } as never), 'every step is done');
});

test('a recovery that cannot go on before it moved anything lets order management accept again', () => {
  const controller = new ControllerUnderTest().leads();
  controller.ask(recover('oms'));
  answers(controller, OK);
  answers(controller, { kind: 'failed', code: 'not-ready', reason: 'the disk is full' });
  waits(controller, () => last(controller).step === 'resume', 12_000);
  const { order } = last(controller);
  assert.ok(order.kind === 'perform' && order.action.kind === 'act');
  assert.equal(order.action.action, 'resume');
  answers(controller, OK);
  const closed = events(controller).at(-1)!;
  assert.ok(closed.kind === 'closed' && closed.result === 'failed');
  assert.deepEqual(
    [controller.record?.epoch, controller.record?.run, controller.record?.tradingEnabled],
    [7, null, true],
  );
});

test('order management accepts again also when the run is given up because somebody else was lost', () => {
  const controller = new ControllerUnderTest().leads();
  controller.ask(recover('oms'));
  answers(controller, OK);
  controller.world.observation('alfa-eng1', { process: 'exited', role: 'closed', releasing: false });
  controller.hears();
  controller.settle();
  const { order } = last(controller);
  assert.ok(order.kind === 'perform' && order.action.kind === 'act');
  assert.equal(order.action.action, 'resume');
});

test('a component without a plan, and a plan of another component, are refused with what there is', () => {
  const controller = new ControllerUnderTest().leads();
  const refused = (request: OperatorRequest) => {
    const answer = controller.ask(request);
    assert.ok(answer.kind === 'refused', JSON.stringify(answer));
    return answer;
  };
  assert.equal(refused(recover('db')).code, 'HF-4123');
  assert.match(refused(recover('oms', 'recover-engine')).next, /--plan recover-order-management/);
  assert.equal(refused(recover('moon')).code, 'HF-4002');
  assert.equal(controller.record?.run, null);
});

test('a dry run names every step of the recovery and changes nothing', () => {
  const controller = new ControllerUnderTest().leads();
  const answer = controller.ask(
    { kind: 'plan-recovery', group: GROUP, component: 'engine', runbook: null },
    'observer',
  );
  assert.ok(answer.kind === 'ok');
  const { plan, verdict } = answer.result as unknown as { plan: { steps: { id: string }[] }; verdict: string };
  assert.equal(verdict, 'proceed');
  const ids = plan.steps.map(({ id }) => id);
  assert.deepEqual(ids.slice(0, 3), ['drain', 'checkpoint', 'revoke']);
  assert.equal(ids.at(-1), 'check');
  assert.equal(controller.record?.run, null);
});

test('a component whose holder failed is taken over inside the site instead of being drained', () => {
  const world = new FactsBuilder().observation('alfa-eng1', { process: 'exited', role: 'closed', releasing: false });
  const controller = new ControllerUnderTest(world).leads();
  const answer = controller.ask({ kind: 'plan-recovery', group: GROUP, component: 'engine', runbook: null });
  assert.ok(answer.kind === 'ok', JSON.stringify(answer));
  const { plan } = answer.result as unknown as { plan: { runbook: string; moves: { to: string }[] } };
  assert.deepEqual([plan.runbook, plan.moves.map(({ to }) => to)], ['failover-instance', ['alfa-eng2']]);
});

test('the validation answers with ten checks and one verdict, to anybody who may look', () => {
  const controller = new ControllerUnderTest().leads();
  const answer = controller.ask({ kind: 'validate', group: GROUP }, 'observer');
  assert.ok(answer.kind === 'ok');
  const { checks, verdict } = answer.result as unknown as { checks: unknown[]; verdict: string };
  assert.equal(checks.length, 10);
  assert.ok(['pass', 'fail', 'inconclusive'].includes(verdict));
  assert.deepEqual(
    controller.evidence.filter((kind) => kind === 'operator-command'),
    [],
  );
});
