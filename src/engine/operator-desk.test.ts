import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControllerUnderTest } from '../../test/builders/controller.ts';
import { ENGINE, FactsBuilder } from '../../test/builders/facts.ts';
import { instanceId } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import { RULE_IDS } from '../core/decision/safety-rule.ts';
import type { OperatorAnswer, OperatorRequest } from '../core/operator/operator-request.ts';
import { GROUP } from '../sim/build-topology.ts';
import { keys } from './authority-keys.ts';

const code = (answer: OperatorAnswer) => (answer.kind === 'refused' ? answer.code : answer.kind);
const brakesOf = ({ stored }: ControllerUnderTest) => stored.get(keys.brakes(GROUP))?.value as unknown as Brakes;
const freeze: OperatorRequest = { kind: 'freeze', group: GROUP, lift: false, reason: 'quarter end', minutes: 5 };
const move = (change: Partial<Extract<OperatorRequest, { kind: 'move' }>> = {}): OperatorRequest => ({
  kind: 'move',
  group: GROUP,
  move: 'switchover',
  toSite: 'bravo',
  digest: null,
  overrides: [],
  reason: 'drill',
  acceptDataLoss: null,
  ...change,
});
const digestIn = (answer: OperatorAnswer) =>
  answer.kind === 'ok' ? (answer.result as { readonly digest: string }).digest : 'refused';

test('who may only look is refused what changes something, and told which role it needs', () => {
  const controller = new ControllerUnderTest().leads();
  const answer = controller.ask(freeze, 'observer');
  assert.equal(code(answer), 'HF-4001');
  assert.match(answer.kind === 'refused' ? answer.next : '', /role operator/);
  assert.equal(brakesOf(controller), undefined);
});

test('a controller that does not lead changes nothing, and names the one that does', () => {
  const controller = new ControllerUnderTest();
  controller.stores(keys.leader, { controller: 'wit', term: 9 });
  controller.stores(keys.leaderRenewal, { term: 9, at: 1 });
  controller.reads();
  assert.deepEqual(controller.ask(freeze), { kind: 'not-leading', leader: 'wit' });
  assert.equal(controller.ask({ kind: 'status' }, 'observer').kind, 'ok');
  assert.equal(brakesOf(controller), undefined);
});

test('a group or a site that is not there is named, with those that are', () => {
  const controller = new ControllerUnderTest().leads();
  assert.equal(code(controller.ask({ ...freeze, group: 'clearing' })), 'HF-4002');
  const answer = controller.ask(move({ toSite: 'atlantis' }));
  assert.ok(answer.kind === 'refused');
  assert.deepEqual(
    [answer.code, answer.found, answer.next],
    ['HF-4002', 'there is no site atlantis', 'sites: alfa, bravo, wit'],
  );
});

test('a freeze is written with who, why and until when, under the key of the leader, and lifted again', () => {
  const controller = new ControllerUnderTest().leads();
  assert.equal(controller.ask(freeze).kind, 'ok');
  const { freeze: frozen } = brakesOf(controller);
  assert.deepEqual([frozen?.by, frozen?.reason, frozen!.until! - frozen!.at], ['Grace', 'quarter end', 300_000]);
  const { body } = controller
    .all('transact')
    .findLast((effect) => effect.body.put.some(({ key }) => key === keys.brakes(GROUP)))!;
  assert.ok(body.compare.some(({ key }) => key === keys.leader));
  controller.ask({ ...freeze, lift: true });
  assert.equal(brakesOf(controller).freeze, null);
  assert.equal(controller.evidence.filter((kind) => kind === 'operator-command').length, 2);
});

test('a plan is a dry run: it has a digest and every rule, and nothing is written', () => {
  const controller = new ControllerUnderTest().leads();
  const before = controller.all('transact').length;
  const { digest, overrides, reason, ...dry } = move() as Extract<OperatorRequest, { kind: 'move' }>;
  const answer = controller.ask({ ...dry, overrides, kind: 'plan' } as OperatorRequest, 'observer');
  assert.match(digestIn(answer), /^[0-9a-f]{16}$/);
  assert.equal(controller.all('transact').length, before);
  assert.deepEqual([digest, reason, controller.record?.run], [null, 'drill', null]);
});

test('a move that is asked for by its digest is run, and its journal is written before anything is asked', () => {
  const controller = new ControllerUnderTest().leads();
  const digest = digestIn(controller.ask({ ...move(), kind: 'plan' } as OperatorRequest));
  const answer = controller.ask(move({ digest }));
  assert.equal(answer.kind, 'ok', JSON.stringify(answer));
  assert.deepEqual([controller.record?.epoch, controller.record?.run], [7, 'trading-8']);
  assert.ok(controller.stored.has(keys.journalEntry(GROUP, 1)));
  assert.ok(controller.evidence.includes('run-opened'));
});

test('I5: a move by the digest of another plan is refused, and the plan as it is now is shown', () => {
  const controller = new ControllerUnderTest().leads();
  const answer = controller.ask(move({ digest: 'an older one' }));
  assert.equal(code(answer), 'HF-4104');
  assert.equal(controller.record?.run, null);
});

test('a move that a rule stops is refused with the code of that rule, with every rule’s result, and it is evidence', () => {
  const world = new FactsBuilder()
    .observation('bravo-eng1', { process: 'exited' })
    .observation('bravo-eng2', { process: 'exited' });
  const controller = new ControllerUnderTest(world).leads();
  const answer = controller.ask(move());
  assert.ok(answer.kind === 'refused');
  assert.deepEqual([answer.code, controller.record?.epoch], ['HF-4115', 7]);
  assert.match(answer.found, /^R-CANDIDATE block: engine: /);
  assert.equal((answer.result as { readonly rules: readonly unknown[] }).rules.length, RULE_IDS.length);
  assert.ok(controller.evidence.includes('decision'));
});

test('an unplanned move of what is well needs a person who overrides the rule by name', () => {
  const controller = new ControllerUnderTest().leads();
  assert.equal(code(controller.ask(move({ move: 'failover' }))), 'HF-4116');
  assert.equal(
    controller.ask(move({ move: 'failover', overrides: ['R-VERDICT'], reason: 'smoke' }), 'admin').kind,
    'ok',
  );
});

test('what is active already cannot be moved to, and what was activated is not activated again', () => {
  const controller = new ControllerUnderTest().leads();
  assert.equal(code(controller.ask(move({ toSite: 'alfa' }))), 'HF-4108');
  assert.equal(code(controller.ask({ kind: 'activate', group: GROUP, site: 'bravo' }, 'admin')), 'HF-4003');
});

test('I5: a plan that does not wait is not approved', () => {
  const controller = new ControllerUnderTest().leads();
  const request: OperatorRequest = { kind: 'approve', group: GROUP, digest: 'any', minutes: 30, acceptDataLoss: null };
  assert.equal(code(controller.ask(request, 'approver')), 'HF-4104');
  assert.equal(code(controller.ask(request, 'operator')), 'HF-4001');
});

test('what somebody else wrote meanwhile is not overwritten', () => {
  const controller = new ControllerUnderTest().leads();
  controller.ask(freeze);
  controller.stores(keys.brakes(GROUP), { ...brakesOf(controller), freeze: null });
  assert.equal(code(controller.ask({ ...freeze, reason: 'mine' })), 'HF-4105');
  assert.equal(brakesOf(controller).freeze, null);
});

test('who looked at a tail that is kept aside is remembered with exactly that tail', () => {
  const world = new FactsBuilder().observation('bravo-eng1', { divergence: { file: 'tail', from: 90, count: 3 } });
  const controller = new ControllerUnderTest(world).leads();
  const diagnosed = () => controller.core.groups.get(GROUP)!.lastDiagnoses.map(({ kind }) => kind);
  controller.hears();
  assert.ok(diagnosed().includes('DataDiverged'));
  assert.equal(controller.ask({ kind: 'acknowledge', group: GROUP }).kind, 'ok');
  assert.deepEqual(brakesOf(controller).tails, [{ instance: 'bravo-eng1', file: 'tail', from: 90, count: 3 }]);
  controller.hears();
  assert.ok(!diagnosed().includes('DataDiverged'));
});

test('a member that is waited for and does not get into step is told after a while, and no longer once it has', () => {
  const replica = (state: 'catching-up' | 'in-sync') => ({
    replicas: [{ instance: instanceId('bravo-eng1'), state, acknowledgedSequence: 1, silentMs: 5 }],
  });
  const world = new FactsBuilder().observation('alfa-eng1', replica('catching-up'));
  const controller = new ControllerUnderTest(world).leads();
  const stalledAfter = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      controller.now += 100;
      controller.hears();
    }
    return controller.core.groups.get(GROUP)!.lastDiagnoses.some(({ kind }) => kind === 'ReplicationStalled');
  };
  assert.deepEqual([stalledAfter(1000), stalledAfter(3000)], [false, true]);
  world.observation('alfa-eng1', replica('in-sync'));
  assert.equal(stalledAfter(600), false);
});

test('a halt is not ended for who does not name it, and the record stays as it is', () => {
  const lost = [instanceId('bravo-eng1'), instanceId('bravo-eng2')];
  const world = new FactsBuilder({ afterPeerLoss: 'halt' }).grant(ENGINE, { mode: { kind: 'halted', lost } });
  const controller = new ControllerUnderTest(world).leads();
  const resume = (acceptExposure: string, reason = 'flooded'): OperatorRequest => ({
    kind: 'resume',
    group: GROUP,
    acceptExposure,
    reason,
  });
  const named = 'engine:bravo-eng2+bravo-eng1';
  assert.equal(code(controller.ask(resume(named), 'approver')), 'HF-4001');
  assert.equal(code(controller.ask(resume('engine:bravo-eng1'), 'risk-officer')), 'HF-4121');
  assert.equal(code(controller.ask(resume(named, ' '), 'risk-officer')), 'HF-4109');
  assert.equal(controller.record?.grants[ENGINE]?.mode.kind, 'halted');
  assert.equal(code(controller.ask(resume(named), 'risk-officer')), 'ok');
  const mode = controller.record?.grants[ENGINE]?.mode;
  assert.ok(mode?.kind === 'degraded' && mode.accepted?.by === 'Grace' && mode.accepted.role === 'risk-officer');
  assert.ok(controller.evidence.includes('exposure-accepted'));
  assert.equal(code(controller.ask(resume(named), 'risk-officer')), 'HF-4120');
});
