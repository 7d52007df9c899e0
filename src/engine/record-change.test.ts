import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, drawFacts, ENGINE, FactsBuilder, OMS, seenToEnd } from '../../test/builders/facts.ts';
import { forSeeds } from '../../test/builders/for-seeds.ts';
import { engineFailover, planOf, siteFailover } from '../../test/builders/plans.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import { epoch, instanceId, runId, wallMs } from '../core/base/ids.ts';
import { decide } from '../core/decision/decide.ts';
import type { Facts } from '../core/decision/facts.ts';
import { proposeFailover, proposeRecovery } from '../core/decision/propose.ts';
import { currentStep, foldRun, type RunState } from '../core/run/run.ts';
import { ended, granted, revoked } from './record-change.ts';
import { fencingProofs } from './step-orders.ts';

const run = runId('trading-8');
const afterRevoke = (facts: Facts, plan = planOf(siteFailover, facts)): Facts => ({
  ...facts,
  record: revoked(facts, plan, run, 'one'),
});

/** That plan, opened. */
function opened(plan: RunState['plan'], facts: Facts): RunState {
  const event = {
    kind: 'opened',
    run,
    plan,
    automatic: true,
    by: 'policy automatic',
    at: facts.wallMs,
    detectedAt: facts.wallMs,
    lastGoodAt: null,
    decidedAt: facts.wallMs,
  } as const;
  return foldRun([
    { number: 1, run, term: facts.leadership.term, epoch: facts.record!.epoch, controller: 'bravo', events: [event] },
  ])!;
}

test('a revocation raises the epoch by one, names the run, and leaves nobody who holds what moves', () => {
  const { facts } = new FactsBuilder();
  const record = revoked(facts, planOf(engineFailover, facts), run, 'one');
  assert.deepEqual([record.epoch, record.run, record.grants[ENGINE]?.holder], [8, run, null]);
  assert.deepEqual(record.grants[ENGINE]?.revoked, {
    instance: 'alfa-eng1',
    epoch: 7,
    leaseRevision: 40,
    promotable: ['alfa-eng2', 'bravo-eng1', 'bravo-eng2'],
  });
  assert.deepEqual([record.grants[DB], record.grants[OMS]], [facts.record!.grants[DB], facts.record!.grants[OMS]]);
});

test('new risk waits for the validation where the engine goes to another site, and not where it stays or something else moves', () => {
  const { facts } = new FactsBuilder();
  assert.equal(revoked(facts, planOf(siteFailover, facts), run, 'one').tradingEnabled, false);
  assert.equal(revoked(facts, planOf(engineFailover, facts), run, 'one').tradingEnabled, true);
  const oms = planOf({ ...engineFailover, moves: [{ component: OMS, from: null, to: instanceId('alfa-oms') }] }, facts);
  assert.equal(revoked(facts, oms, run, 'one').tradingEnabled, true);
});

test('a run that moved an engine and failed before its validation leaves new risk refused; a later failure, or another result, does not', () => {
  const { facts } = new FactsBuilder();
  const plan = planOf(engineFailover, facts);
  const record = granted(afterRevoke(facts, plan), plan);
  const begun = opened(plan, facts);
  const steps = begun.steps.map((each) => (each.step.kind === 'validate' ? { ...each, outcome: 'ok' as const } : each));
  assert.equal(ended(facts, record, begun, 'failed').tradingEnabled, false);
  assert.equal(ended(facts, record, { ...begun, steps }, 'failed').tradingEnabled, true);
  assert.equal(ended(facts, record, begun, 'completed').tradingEnabled, true);
  assert.equal(ended(facts, { ...record, tradingEnabled: false }, begun, 'completed').tradingEnabled, false);
  const oms = planOf({ ...engineFailover, moves: [{ component: OMS, from: null, to: instanceId('alfa-oms') }] }, facts);
  assert.equal(ended(facts, record, opened(oms, facts), 'failed').tradingEnabled, true);
});

test('a drain that was given up lets new risk be taken again, unless it was refused before the drain began', () => {
  const { facts } = new FactsBuilder();
  const begun = opened(planOf(engineFailover, facts), facts);
  const drain = { ...begun.steps[0]!.step, kind: 'drain' as const };
  const steps = [{ ...begun.steps[0]!, step: drain, state: 'finished' as const }, ...begun.steps.slice(1)];
  const record = { ...facts.record!, tradingEnabled: false };
  const givenUp = { ...begun, steps, abandoned: 'not drained' };
  assert.equal(ended(facts, record, givenUp, 'failed').tradingEnabled, true);
  assert.equal(ended(facts, record, { ...givenUp, riskRefused: true }, 'failed').tradingEnabled, false);
});

test('a second revocation remembers who was revoked first, and who had everything then', () => {
  const world = new FactsBuilder();
  const once = afterRevoke(world.facts);
  const twice = afterRevoke(once);
  assert.deepEqual(twice.record!.grants[ENGINE]!.revoked, once.record!.grants[ENGINE]!.revoked);
  assert.equal(twice.record!.epoch, 9);
});

test('the first activation begins at epoch 1, with nobody revoked', () => {
  const { facts } = new FactsBuilder().change({ record: null });
  const record = revoked(facts, planOf(siteFailover, facts), run, 'one');
  assert.deepEqual([record.epoch, record.activeSite, record.grants[DB]?.revoked], [1, null, null]);
});

test('I9: a new holder waits from its first write on for all that have everything and are alive', () => {
  const world = new FactsBuilder().lose('alfa');
  const record = granted(afterRevoke(world.facts), planOf(siteFailover, world.facts));
  const grant = record.grants[ENGINE]!;
  assert.deepEqual(
    [grant.holder, grant.epoch, grant.ackSet, grant.promotable],
    ['bravo-eng1', 8, ['bravo-eng2'], ['bravo-eng2']],
  );
  assert.deepEqual(grant.mode, { kind: 'degraded', sinceEpoch: 8, lost: ['alfa-eng1', 'alfa-eng2'] });
  assert.deepEqual([record.activeSite, record.traffic, grant.revoked], ['bravo', 'alfa', null]);
});

test('where the policy is to halt, a database waits from its first write on for the peers that are gone, and nobody of them is promotable', () => {
  const world = new FactsBuilder({ afterPeerLoss: 'halt' }).lose('alfa');
  const { grants } = granted(afterRevoke(world.facts), planOf(siteFailover, world.facts));
  assert.deepEqual(grants[DB]!.mode, { kind: 'halted', lost: ['alfa-db'] });
  assert.deepEqual([grants[DB]!.ackSet, grants[DB]!.promotable], [['alfa-db'], []]);
});

test('where the policy is to halt, an engine waits for those that are left, so that cancels pass', () => {
  const world = new FactsBuilder({ afterPeerLoss: 'halt' }).lose('alfa');
  const { grants } = granted(afterRevoke(world.facts), planOf(siteFailover, world.facts));
  assert.deepEqual(grants[ENGINE]!.mode, { kind: 'halted', lost: ['alfa-eng1', 'alfa-eng2'] });
  assert.deepEqual([grants[ENGINE]!.ackSet, grants[ENGINE]!.promotable], [['bravo-eng2'], ['bravo-eng2']]);
});

test('what a person let go on halts again at a take-over that loses more', () => {
  const accepted = {
    lost: [instanceId('bravo-eng1'), instanceId('bravo-eng2')],
    by: 'rhea',
    role: 'risk-officer',
    reason: '',
    at: wallMs(1),
  };
  const world = new FactsBuilder({ afterPeerLoss: 'halt' }).grant(ENGINE, {
    promotable: [instanceId('alfa-eng2')],
    mode: { kind: 'degraded', sinceEpoch: epoch(7), lost: accepted.lost, accepted },
  });
  const { grants } = granted(
    afterRevoke(world.facts, planOf(engineFailover, world.facts)),
    planOf(engineFailover, world.facts),
  );
  assert.equal(grants[ENGINE]!.mode.kind, 'degraded', 'the old holder lives, so nothing more is lost');
  world.instance('alfa-eng1', { verdict: seenToEnd });
  const alone = planOf(engineFailover, world.facts);
  assert.equal(granted(afterRevoke(world.facts, alone), alone).grants[ENGINE]!.mode.kind, 'halted');
});

test('I9: who was not in the recorded set is not in the new one, however alive it is', () => {
  const world = new FactsBuilder().grant(ENGINE, { promotable: [instanceId('bravo-eng1')] });
  const record = granted(afterRevoke(world.facts), planOf(siteFailover, world.facts));
  assert.deepEqual(record.grants[ENGINE]!.promotable, ['alfa-eng1']);
});

test('what is held is not granted to another', () => {
  const { facts } = new FactsBuilder();
  assert.throws(() => granted(facts, planOf(siteFailover, facts)), /grant of db, which is held/);
});

/** All that a run may know: nothing of what was seen, no lease, no proof. */
const blind = (facts: Facts): Facts => ({
  ...facts,
  leases: new Map([...facts.leases].map(([id, lease]) => [id, { ...lease, seenMsAgo: 0 }])),
  instances: new Map([...facts.instances].map(([id, known]) => [id, { ...known, provedDead: false }])),
});

test('I3: over generated facts a run that proceeds waits for a sufficient proof about each old writer before it grants', () => {
  let writers = 0;
  forSeeds(600, (random) => {
    const { facts } = drawFacts(random);
    const intent = random.chance(0.5) ? proposeRecovery(facts) : proposeFailover(facts, null, 'Grace', false);
    if (intent === null) return;
    const plan = planOf(intent, facts);
    if (decide({ facts, intent, plan, overrides: ['R-VERDICT'] }).verdict !== 'proceed') return;
    const before = facts.record as GroupRecord;
    const old = plan.moves.flatMap(({ component }) => {
      const grant = before.grants[component]!;
      const writer = grant.holder ?? grant.revoked?.instance;
      return writer ? [{ component, writer, epoch: grant.revoked?.epoch ?? grant.epoch }] : [];
    });
    const during = blind(afterRevoke(facts, plan));
    const state = opened(plan, during);
    assert.equal(currentStep(state)?.step.kind, 'revoke');
    for (const { component, writer } of old) assert.equal(during.record!.grants[component]!.revoked?.instance, writer);
    const proofs = old.map(({ writer, epoch }) => ({
      method: 'process-dead' as const,
      scope: writer,
      epoch,
      sticky: { heal: true, reboot: true },
      evidence: 'drawn',
    }));
    // Where no renewal is on record nobody has to be asked: nothing was released under that grant.
    const needed = proofs.filter(({ scope }) =>
      plan.moves.some(({ component }) => {
        const gone = during.record!.grants[component]!.revoked;
        return gone?.instance === scope && gone.leaseRevision > 0;
      }),
    );
    assert.equal(fencingProofs(state, during, proofs)?.length, old.length);
    for (const missing of needed) {
      const others = proofs.filter((proof) => proof !== missing);
      assert.equal(fencingProofs(state, during, others), null, `without a proof about ${missing.scope}`);
      const older = { ...missing, epoch: (missing.epoch - 1) as typeof missing.epoch };
      assert.equal(fencingProofs(state, during, [...others, older]), null, 'a proof about an earlier reign');
      writers += 1;
    }
  });
  assert.ok(writers > 100, `${writers} old writers`);
});
