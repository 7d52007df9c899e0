import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, drawFacts, ENGINE, FactsBuilder, NOW } from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import { engineFailover, planOf, runbooks, sha256, siteFailover, switchover } from '../../../test/builders/plans.ts';
import { epoch, groupId, instanceId, runId, siteId, wallMs } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import type { Intent } from '../decision/intent.ts';
import { proposeRecovery } from '../decision/propose.ts';
import { buildPlan } from './build-plan.ts';
import { digestOf, type RecoveryPlan } from './recovery-plan.ts';
import { type Runbook, STEP_KINDS } from './runbook.ts';

const { facts } = new FactsBuilder();
const plan = planOf(siteFailover, facts);
const again = (change: Partial<RecoveryPlan> & Partial<Pick<RecoveryPlan['predicted'], 'lossBound' | 'durability'>>) =>
  digestOf({ ...plan, lossBound: plan.predicted.lossBound, durability: plan.predicted.durability, ...change }, sha256);
const otherStep = (at: number, change: Partial<RecoveryPlan['steps'][number]>) =>
  plan.steps.map((step, index) => (index === at ? { ...step, ...change } : step));
const otherMove = (at: number, change: Partial<RecoveryPlan['moves'][number]>) =>
  plan.moves.map((move, index) => (index === at ? { ...move, ...change } : move));

test('what is not changed has the same digest', () => {
  assert.equal(again({}), plan.digest);
});

const APPROVED: readonly (readonly [what: string, change: Parameters<typeof again>[0]])[] = [
  ['the runbook', { runbook: 'switchover-site' }],
  ['its version', { runbookVersion: 99 }],
  ['the group', { group: groupId('clearing') }],
  ['how much moves', { scope: 'instance' }],
  ['the site that is left', { fromSite: null }],
  ['the site that takes over', { toSite: siteId('wit') }],
  ['who gives way', { moves: otherMove(0, { from: null }) }],
  ['who takes over', { moves: otherMove(1, { to: instanceId('bravo-eng2') }) }],
  ['which component moves', { moves: otherMove(1, { component: DB }) }],
  ['one move less', { moves: plan.moves.slice(1) }],
  ['the order of the moves', { moves: plan.moves.toReversed() }],
  ['one step less', { steps: plan.steps.slice(1) }],
  ['the order of the steps', { steps: plan.steps.toReversed() }],
  ['how long a step may take', { steps: otherStep(2, { deadlineMs: 1 }) }],
  ['what a step is', { steps: otherStep(2, { kind: 'validate' }) }],
  ['whose actions its steps are', { component: DB }],
  ['which action a step is', { steps: otherStep(2, { action: 'reload' }) }],
  ['what a step says that it does', { steps: otherStep(2, { does: 'Nothing.' }) }],
  ['where it can no longer be undone', { steps: otherStep(2, { pointOfNoReturn: true }) }],
  ['the mode that the survivor starts in', { durability: [{ component: DB, mode: 'halted', lost: [] }] }],
  ['that something may be lost', { lossBound: { kind: 'unbounded', components: [ENGINE] } }],
];
for (const [what, change] of APPROVED)
  test(`a plan has another digest when ${what} is different`, () => {
    assert.notEqual(again(change), plan.digest);
  });

test('a plan has another digest when something else may be lost', () => {
  const lossOf = (...components: (typeof DB)[]) => again({ lossBound: { kind: 'unbounded', components } });
  assert.notEqual(lossOf(DB), lossOf(ENGINE));
  assert.notEqual(lossOf(DB), lossOf(DB, ENGINE));
});

test('a plan names the mode that each component starts in on its new holder, and without whom', () => {
  const modes = (afterPeerLoss: 'degrade' | 'halt') =>
    planOf(siteFailover, new FactsBuilder({ afterPeerLoss }).lose('alfa').facts).predicted.durability;
  assert.deepEqual(modes('halt'), [
    { component: DB, mode: 'halted', lost: ['alfa-db'] },
    { component: ENGINE, mode: 'halted', lost: ['alfa-eng1', 'alfa-eng2'] },
  ]);
  assert.deepEqual(
    modes('degrade').map(({ mode }) => mode),
    ['degraded', 'degraded'],
  );
  assert.deepEqual(
    plan.predicted.durability.map(({ mode }) => mode),
    ['strict', 'strict'],
  );
});

test('who exactly is missing does not change what is approved, the mode does', () => {
  const starts = (mode: 'degraded' | 'halted', lost: string) =>
    again({ durability: [{ component: DB, mode, lost: [instanceId(lost)] }] });
  assert.equal(starts('halted', 'alfa-db'), starts('halted', 'wit-db'));
  assert.notEqual(starts('halted', 'alfa-db'), starts('degraded', 'alfa-db'));
});

test('moving numbers and who asks do not change what is approved', () => {
  const later: Facts = { ...facts, wallMs: wallMs(NOW + 90_000), record: { ...facts.record!, epoch: epoch(9) } };
  const asked: Intent = { ...siteFailover, reason: 'smoke', requestedBy: 'Grace' };
  assert.equal(planOf(asked, later).digest, plan.digest);
});

test('over generated facts two plans share a digest only if they do the same', () => {
  const known = new Map<string, string>();
  forSeeds(500, (random) => {
    const drawn = drawFacts(random).facts;
    const intent = proposeRecovery(drawn, random.chance(0.5));
    if (intent === null) return;
    const { predicted, trigger, digest, ...body } = planOf(intent, drawn);
    const modes = predicted.durability.map(({ component, mode }) => [component, mode]);
    const text = JSON.stringify([body, predicted.lossBound, modes]);
    assert.equal(known.get(digest) ?? text, text);
    known.set(digest, text);
  });
  assert.equal(new Set(known.values()).size, known.size, 'the same plan always has the same digest');
  assert.ok(known.size > 25, `${known.size} plans`);
});

test('from the grant on there is no way back, and not before', () => {
  assert.deepEqual(
    plan.steps.filter((step) => !step.pointOfNoReturn).map((step) => step.kind),
    ['revoke', 'barrier', 'fence', 'freeze-positions'],
  );
});

test('a candidate that may lack writes makes the loss unbounded, by name', () => {
  assert.deepEqual(planOf({ ...siteFailover, lossy: [ENGINE] }, facts).predicted.lossBound, {
    kind: 'unbounded',
    components: [ENGINE],
  });
});

test('a plan predicts the longest wait for a fence, and no duration that was never measured', () => {
  assert.deepEqual([plan.predicted.fenceWaitMs, plan.predicted.durationMs], [652, null]);
});

test('a plan is never bound to a runbook that the intent does not ask for', () => {
  assert.throws(
    () => buildPlan(switchover, facts, runbooks.get('failover-site')!, sha256),
    /runbook failover-site given/,
  );
});

test('every step of the shipped runbooks is one that is known, and each plan tells all of them', () => {
  for (const runbook of runbooks.values() as Iterable<Runbook>) {
    const told = buildPlan({ ...engineFailover, runbook: runbook.id }, facts, runbook, sha256);
    assert.deepEqual(
      told.steps.map(({ id: _, pointOfNoReturn: __, ...step }) => step),
      runbook.steps,
    );
    assert.ok(runbook.steps.every((step) => step.kind in STEP_KINDS));
  }
});

test('a plan predicts how long it takes from completed runs of its own runbook, and says nothing while there is none', () => {
  const ran = (runbook: RecoveryPlan['runbook'], durationMs: number, result: 'completed' | 'failed' = 'completed') => ({
    run: runId(`trading-${durationMs}`),
    automatic: true,
    scope: 'site' as const,
    runbook,
    durationMs,
    endedAt: NOW,
    demoted: [],
    result,
    acknowledged: true,
  });
  const withHistory = (history: Facts['brakes']['history']): Facts => ({
    ...facts,
    brakes: { ...facts.brakes, history },
  });
  const { runbook } = plan;
  assert.equal(planOf(siteFailover, withHistory([])).predicted.durationMs, null);
  const others = [ran('switchover-site', 100), ran(runbook, 90_000, 'failed')];
  assert.equal(planOf(siteFailover, withHistory(others)).predicted.durationMs, null);
  const measured = [...others, ran(runbook, 900), ran(runbook, 400), ran(runbook, 500)];
  assert.equal(planOf(siteFailover, withHistory(measured)).predicted.durationMs, 500);
  assert.equal(planOf(siteFailover, withHistory(measured)).digest, plan.digest);
});
