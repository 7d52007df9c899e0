import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { ENGINE, FactsBuilder, OMS } from '../../test/builders/facts.ts';
import { instanceId } from '../core/base/ids.ts';
import type { ReplicaObservation } from '../core/health/instance-observation.ts';
import type { OperatorRequest } from '../core/operator/operator-request.ts';
import type { JournalEntry, RunEvent } from '../core/run/run.ts';
import { GROUP } from '../sim/build-topology.ts';
import { keys } from './authority-keys.ts';
import type { Command } from './messages.ts';

const switchover: OperatorRequest = {
  kind: 'move',
  group: GROUP,
  move: 'switchover',
  toSite: 'bravo',
  digest: null,
  overrides: [],
  reason: 'drill',
  acceptDataLoss: null,
};

const inStep = (instance: string): ReplicaObservation => ({
  instance: instanceId(instance),
  state: 'in-sync',
  acknowledgedSequence: 0,
  silentMs: 0,
});
const follows = () =>
  new FactsBuilder()
    .observation('alfa-eng1', { replicas: [inStep('bravo-eng1')] })
    .observation('alfa-db', { replicas: [inStep('bravo-db')] });
const moving = (world = follows()): ControllerUnderTest => {
  const controller = new ControllerUnderTest(world).leads();
  const answer = controller.ask(switchover);
  assert.equal(answer.kind, 'ok', JSON.stringify(answer));
  return controller;
};
const last = (controller: ControllerUnderTest): Command => controller.all('command').at(-1)!.command;
const answers = (controller: ControllerUnderTest, command: Command, ok: boolean) => {
  const { host } = controller.all('command').find((each) => each.command.key === command.key)!;
  controller.step({
    kind: 'command-outcome',
    outcome: {
      key: command.key,
      attempt: command.attempt,
      host,
      outcome: ok ? { kind: 'ok', detail: {} } : { kind: 'failed', code: 'not-ready', reason: 'still 3 to release' },
      proof: null,
      repeated: false,
    },
  });
  controller.settle();
};
const events = (controller: ControllerUnderTest): readonly RunEvent[] =>
  [...controller.stored]
    .filter(([key]) => key.startsWith(`journal/${GROUP}/0`))
    .flatMap(([, { value }]) => (value as unknown as JournalEntry).events);
/** Time passes, and agents go on reporting, until something else is commanded than what was last. */
const waits = (controller: ControllerUnderTest, until: () => boolean) => {
  for (let waited = 0; !until() && waited < 8000; waited += 200) {
    controller.now += 200;
    controller.hears();
    controller.step({ kind: 'tick' });
    controller.settle();
  }
};

test('a planned move stops new risk in the record and at the engine, and revokes nothing before the engine says that it is done', () => {
  const controller = moving();
  const engine = controller.record!.grants[ENGINE]!;
  const { order } = last(controller);
  assert.ok(order.kind === 'perform' && order.action.kind === 'drain');
  assert.deepEqual([order.instance, order.action.epoch], [engine.holder, engine.epoch]);
  assert.deepEqual([controller.record?.epoch, controller.record?.tradingEnabled], [7, false]);
  answers(controller, last(controller), true);
  const oms = last(controller).order;
  assert.equal(oms.kind === 'perform' && oms.instance, controller.record!.grants[OMS]!.holder);
  assert.equal(controller.record?.epoch, 7);
  answers(controller, last(controller), true);
  assert.deepEqual([controller.record?.epoch, last(controller).step], [8, 'barrier']);
});

test('a drain that does not end is given up: nothing was revoked, and trading resumes before the run is closed', () => {
  const controller = moving();
  answers(controller, last(controller), false);
  waits(controller, () => last(controller).step === 'resume');
  const kinds = events(controller).map((event) => event.kind);
  assert.ok(kinds.includes('abandoned'), kinds.join(' '));
  const resume = last(controller);
  assert.ok(resume.order.kind === 'perform' && resume.order.action.kind === 'set-trading');
  assert.deepEqual([resume.step, resume.order.action.enabled], ['resume', true]);
});

test('once the engine trades again the run is closed as failed, and the next one has another name', () => {
  const controller = moving();
  answers(controller, last(controller), false);
  waits(controller, () => last(controller).step === 'resume');
  answers(controller, last(controller), true);
  const closed = events(controller).at(-1)!;
  assert.ok(closed.kind === 'closed' && closed.result === 'failed');
  assert.match(closed.reason, /given up: not drained within 5000 ms.*trading was resumed/);
  assert.deepEqual(
    [controller.record?.epoch, controller.record?.run, controller.record?.tradingEnabled],
    [7, null, true],
  );
  const again = controller.ask(switchover);
  assert.equal(again.kind === 'ok' && (again.result as { run: string }).run, 'trading-8.2');
});

test('a target that the holder does not see in step is waited for, although everything is settled', () => {
  const controller = moving(new FactsBuilder().observation('alfa-eng1', { replicas: [inStep('bravo-eng1')] }));
  answers(controller, last(controller), true);
  answers(controller, last(controller), true);
  assert.equal(controller.record?.epoch, 7);
  controller.world.observation('alfa-db', { replicas: [inStep('bravo-db')] });
  controller.hears();
  controller.settle();
  assert.deepEqual([controller.record?.epoch, last(controller).step], [8, 'barrier']);
});

test('I9: a target that left the acknowledgement set during the drain is never granted: the move is given up', () => {
  const controller = moving();
  const { record } = controller;
  const engine = { ...record!.grants[ENGINE]!, promotable: [], ackSet: [] };
  controller.stores(keys.group(GROUP), { ...record!, grants: { ...record!.grants, [ENGINE]: engine } });
  controller.reads();
  answers(controller, last(controller), true);
  answers(controller, last(controller), true);
  assert.equal(controller.record?.epoch, 7);
  waits(controller, () => last(controller).step === 'resume');
  assert.deepEqual([controller.record?.epoch, last(controller).step], [7, 'resume']);
});

test('a target that hangs is not moved to, although it had everything: the move is given up at once', () => {
  const controller = moving();
  answers(controller, last(controller), true);
  controller.world.observation('bravo-eng1', { process: 'frozen' });
  controller.hears();
  controller.settle();
  assert.deepEqual([controller.record?.epoch, last(controller).step], [7, 'resume']);
});
