import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { componentId, epoch, instanceId } from '../base/ids.ts';
import type { Objective } from '../topology/topology.ts';
import { type DurabilityChange, exposureLedger } from './durability-exposure.ts';
import { measure, measureLoss, measureRecovery, overallVerdict, stagesAddUp } from './measure.ts';
import { type Mark, type RecoveryMarks, recoveryTimeline, stageFigures } from './recovery-timeline.ts';

const mark = (atMs: number, clock = 'ch2', clockErrorMs: number | null = 1): Mark => ({ atMs, clock, clockErrorMs });
const marks = (...at: readonly (number | null)[]): RecoveryMarks => {
  const [lastKnownGood, detected, decided, executed, validated] = at.map((each) => (each === null ? null : mark(each)));
  return {
    lastKnownGood: lastKnownGood ?? null,
    detected: detected ?? null,
    decided: decided ?? null,
    executed: executed ?? null,
    validated: validated ?? null,
  };
};
const objective = (rtoMs: number): Objective => ({
  rtoMs,
  rpoMs: 0,
  availabilityPercent: null,
  stages: { detectMs: 100, decideMs: 10, executeMs: 500, validateMs: 200 },
});

test('stages add up to the recovery time exactly, for any marks in order', () => {
  const gaps = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { minLength: 5, maxLength: 5 });
  fc.assert(
    fc.property(gaps, (steps) => {
      let at = 1_700_000_000_000;
      const timeline = recoveryTimeline(marks(...steps.map((step) => (at += step))));
      assert.ok(stagesAddUp(stageFigures(timeline), timeline.rtoMs), JSON.stringify(timeline));
    }),
  );
});

test('a missing mark leaves both stages beside it not measured, never zero', () => {
  const timeline = recoveryTimeline(marks(0, 100, null, 300, 400));
  assert.deepEqual(stageFigures(timeline), { detectMs: 100, decideMs: null, executeMs: null, validateMs: 100 });
  assert.equal(timeline.rtoMs, 400);
  assert.equal(stagesAddUp(stageFigures(timeline), timeline.rtoMs), false);
  assert.match(timeline.problems.join(), /no mark for decided/);
  const verdicts = measureRecovery(timeline, objective(1_000)).map(({ name, verdict }) => [name, verdict]);
  assert.deepEqual(verdicts, [
    ['rto', 'met'],
    ['detect', 'met'],
    ['decide', 'inconclusive'],
    ['execute', 'inconclusive'],
    ['validate', 'met'],
  ]);
});

test('a recovery that was never validated has no recovery time', () => {
  const [rto] = measureRecovery(recoveryTimeline(marks(0, 100, 110, 300, null)), objective(1_000));
  assert.equal(rto?.value, null);
  assert.equal(rto?.verdict, 'inconclusive');
  assert.match(rto?.reason ?? '', /not measured: no mark for validated/);
});

test('marks out of order are not repaired: the stage and the whole are inconclusive', () => {
  const timeline = recoveryTimeline({ ...marks(0, 100, null, 300, 400), decided: mark(90, 'ny4') });
  assert.equal(stageFigures(timeline).decideMs, null);
  assert.equal(timeline.rtoMs, null);
  assert.match(
    timeline.problems.join(),
    /decided is stamped 10 ms before detected: their clocks \(ny4, ch2\) disagree/,
  );
});

test('two clocks make a verdict near its limit inconclusive', () => {
  const timeline = recoveryTimeline({ ...marks(0, 100, 110, 300, 400), validated: mark(400, 'ny4', 20) });
  assert.equal(timeline.uncertaintyMs, 21);
  const verdictAt = (rtoMs: number) => measureRecovery(timeline, objective(rtoMs))[0]?.verdict;
  assert.equal(verdictAt(421), 'met');
  assert.equal(verdictAt(420), 'inconclusive');
  assert.equal(verdictAt(379), 'inconclusive');
  assert.equal(verdictAt(378), 'missed');
});

test('a value at its limit meets it, and one without a limit is inconclusive', () => {
  const at = (value: number, limit: number | null) =>
    measure({ name: 'rto', unit: 'ms', value, uncertainty: 0, limit }).verdict;
  assert.equal(at(30, 30), 'met');
  assert.equal(at(31, 30), 'missed');
  assert.equal(at(30, null), 'inconclusive');
});

test('loss is a count against a ledger, and nothing counted is not zero', () => {
  const loss = (acknowledged: number | null, lost: number | null, rpoMs = 0, oldestLostAgeMs: number | null = null) =>
    measureLoss({ of: 'orders', acknowledged, lost, oldestLostAgeMs }, { rpoMs });
  assert.equal(loss(41_231, 0).reason, '0 of 41231 acknowledged orders missing');
  assert.equal(loss(41_231, 0).verdict, 'met');
  assert.equal(loss(41_231, 1).verdict, 'missed');
  assert.equal(loss(null, null).verdict, 'inconclusive');
  assert.equal(loss(0, 0).verdict, 'inconclusive');
  assert.equal(loss(100, 3, 5_000).verdict, 'inconclusive');
  assert.equal(loss(100, 3, 5_000, 4_000).verdict, 'met');
  assert.equal(loss(100, 3, 5_000, 6_000).verdict, 'missed');
});

test('one miss is a miss and a gap is never met', () => {
  assert.equal(overallVerdict(['met', 'met']), 'met');
  assert.equal(overallVerdict(['met', 'inconclusive']), 'inconclusive');
  assert.equal(overallVerdict(['inconclusive', 'missed']), 'missed');
  assert.equal(overallVerdict([]), 'inconclusive');
});

const change = (mode: DurabilityChange['mode'], atMs: number, acknowledged: number | null): DurabilityChange => ({
  component: componentId('engine'),
  mode,
  lost: mode === 'strict' ? [] : [instanceId('engine-ch2')],
  atMs,
  epoch: epoch(4),
  acknowledged,
});

test('a degraded stretch counts what was acknowledged in it', () => {
  const ledger = exposureLedger([change('degraded', 100, 10), change('strict', 600, 35)], {
    nowMs: 900,
    acknowledged: {},
  });
  assert.deepEqual(
    ledger.intervals.map(({ elapsedMs, atRisk, endedBy }) => ({ elapsedMs, atRisk, endedBy })),
    [{ elapsedMs: 500, atRisk: 25, endedBy: 'strict' }],
  );
  assert.equal(ledger.totalAtRisk, 25);
});

test('an open stretch runs until now, and one that was not counted is unknown, not zero', () => {
  const changes = [change('degraded', 100, 10), change('degraded', 300, null)];
  const ledger = exposureLedger(changes, { nowMs: 900, acknowledged: { engine: 50 } });
  assert.deepEqual(
    ledger.intervals.map(({ untilMs, elapsedMs, atRisk }) => ({ untilMs, elapsedMs, atRisk })),
    [
      { untilMs: 300, elapsedMs: 200, atRisk: null },
      { untilMs: null, elapsedMs: 600, atRisk: null },
    ],
  );
  assert.equal(ledger.totalMs, 800);
  assert.equal(ledger.totalAtRisk, null);
});
