import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder, NOW } from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import { engineFailover, planOf, siteFailover } from '../../../test/builders/plans.ts';
import type { Random } from '../../sim/random.ts';
import type { FencingProof } from '../authority/fencing-proof.ts';
import { epoch, instanceId, runId, stepId, type Term, term, wallMs } from '../base/ids.ts';
import {
  applyRunEvent,
  currentStep,
  foldRun,
  isOpen,
  type JournalEntry,
  type RunEvent,
  type RunState,
  type StepOutcome,
} from './run.ts';

const { facts } = new FactsBuilder();
const run = runId('trading-8');
const opened = (intent = siteFailover): RunEvent => ({
  kind: 'opened',
  run,
  plan: planOf(intent, facts),
  automatic: true,
  by: 'policy automatic',
  at: NOW,
  detectedAt: NOW,
  lastGoodAt: null,
  decidedAt: NOW,
});
const proof: FencingProof = {
  method: 'process-dead',
  scope: instanceId('alfa-eng1'),
  epoch: epoch(7),
  sticky: { heal: true, reboot: true },
  evidence: 'reaped',
};

/**
 * The journal of a run as leaders write it: one after the other, each from the state that it folds from what is there, several events
 * in one entry; a leader may end at any moment.
 */
function drawJournal(random: Random): readonly JournalEntry[] {
  const entries: JournalEntry[] = [];
  let leader = term(random.whole(1, 9));
  let at = NOW as number;
  const write = (events: readonly RunEvent[]) =>
    void entries.push({ number: entries.length + 1, run, term: leader, epoch: epoch(8), controller: 'bravo', events });
  write([opened(random.pick([siteFailover, engineFailover]))]);
  for (;;) {
    const state = foldRun(entries)!;
    if (!isOpen(state)) return entries;
    if (random.chance(0.15)) leader = term(leader + random.whole(1, 3));
    at += random.whole(1, 500);
    const step = currentStep(state);
    if (step === null || random.chance(0.03)) {
      write([{ kind: 'closed', result: step === null ? 'completed' : 'failed', reason: 'drawn', at: wallMs(at) }]);
      continue;
    }
    const events: RunEvent[] = [];
    if (step.state === 'waiting' || random.chance(0.2))
      events.push({ kind: 'step-started', step: step.step.id, attempt: step.attempts + 1, at: wallMs(at) });
    if (step.state === 'started' || random.chance(0.5)) {
      const outcome = random.pick<StepOutcome>(['ok', 'ok', 'ok', 'unknown', 'skipped', 'failed', 'compensated']);
      const proofs = step.step.kind === 'fence' ? { proofs: [proof] } : {};
      events.push({ kind: 'step-finished', step: step.step.id, outcome, at: wallMs(at + 1), ...proofs });
    }
    if (events.length > 0) write(events);
  }
}

const resume = (from: RunState | null, rest: readonly JournalEntry[]): RunState | null => {
  let state = from;
  for (const { events, term: by } of rest) for (const event of events) state = applyRunEvent(state, event, by);
  return state;
};

test('who reads the journal up to anywhere and goes on is in the same place as who reads all of it', () => {
  forSeeds(200, (random) => {
    const journal = drawJournal(random);
    const whole = foldRun(journal);
    for (let read = 0; read <= journal.length; read += 1)
      assert.deepEqual(resume(foldRun(journal.slice(0, read)), journal.slice(read)), whole, `after entry ${read}`);
    // Through the authority it comes as JSON.
    assert.deepEqual(foldRun(structuredClone(journal)), whole);
  });
});

test('reading does not change what was read', () => {
  forSeeds(50, (random) => {
    const journal = drawJournal(random);
    const before = JSON.stringify(journal);
    const half = foldRun(journal.slice(0, journal.length >> 1))!;
    const halfBefore = JSON.stringify(half);
    resume(half, journal.slice(journal.length >> 1));
    assert.deepEqual([JSON.stringify(journal), JSON.stringify(half)], [before, halfBefore]);
  });
});

test('steps are worked on in their order, each until it is finished and never again', () => {
  forSeeds(200, (random) => {
    let state: RunState | null = null;
    let furthest = -1;
    for (const { events, term: by } of drawJournal(random))
      for (const event of events) {
        if (event.kind === 'step-started') {
          const at = state!.steps.findIndex((each) => each.step.id === event.step);
          assert.ok(at >= furthest, `step ${at} is begun after step ${furthest}`);
          assert.notEqual(state!.steps[at]!.state, 'finished');
          furthest = at;
        }
        state = applyRunEvent(state, event, by);
        const finished = state.steps.map((each) => each.state === 'finished');
        assert.equal(
          finished.lastIndexOf(true) + 1,
          finished.filter(Boolean).length,
          'no step is finished before an earlier one',
        );
      }
    const steps = state!.steps;
    assert.ok(steps.every((each) => (each.outcome !== null) === (each.state === 'finished')));
    if (state!.result === 'completed') assert.equal(currentStep(state!), null);
  });
});

const started = (step: string, attempt: number): RunEvent => ({
  kind: 'step-started',
  step: stepId(step),
  attempt,
  at: wallMs(NOW + attempt),
});
const finished = (
  step: string,
  outcome: StepOutcome,
  more: Partial<Extract<RunEvent, { kind: 'step-finished' }>> = {},
): RunEvent => ({
  kind: 'step-finished',
  step: stepId(step),
  outcome,
  at: wallMs(NOW + 50),
  ...more,
});
const folded = (...parts: readonly (readonly [Term, ...RunEvent[]])[]) =>
  foldRun(
    parts.map(([by, ...events], at) => ({
      number: at + 1,
      run,
      term: by,
      epoch: epoch(8),
      controller: 'bravo',
      events,
    })),
  )!;

test('a step that a lost leader had begun is still begun, with that leader’s term: it has to be confirmed, not repeated', () => {
  const state = folded([term(3), opened(), started('revoke', 1), finished('revoke', 'ok'), started('barrier', 1)]);
  const step = currentStep(state)!;
  assert.deepEqual(
    [step.step.kind, step.state, step.outcome, step.attempts, step.term],
    ['barrier', 'started', null, 1, 3],
  );
});

test('a step that is begun again keeps when it first began, and counts', () => {
  const state = folded([term(3), opened(), started('revoke', 1)], [term(5), started('revoke', 2)]);
  const step = currentStep(state)!;
  assert.deepEqual([step.attempts, step.startedAt, step.term], [2, NOW + 1, 5]);
});

test('an outcome that is not known stays what it is: neither done nor failed', () => {
  const state = folded([term(3), opened(), started('revoke', 1), finished('revoke', 'unknown', { detail: 'late' })]);
  assert.equal(state.steps[0]?.outcome, 'unknown');
  assert.equal(state.result, null);
  const closed = applyRunEvent(
    state,
    { kind: 'closed', result: 'failed', reason: 'not done in time', at: NOW },
    term(3),
  );
  assert.deepEqual([closed.steps[0]?.outcome, closed.result, closed.reason], ['unknown', 'failed', 'not done in time']);
});

test('proofs of all steps are kept with the run', () => {
  const state = folded([
    term(3),
    opened(),
    finished('barrier', 'ok', { proofs: [proof] }),
    finished('fence', 'ok', { proofs: [proof] }),
  ]);
  assert.equal(state.proofs.length, 2);
});

test('nothing happens in a run before it is opened or after it is closed', () => {
  assert.equal(foldRun([]), null);
  assert.throws(() => applyRunEvent(null, started('revoke', 1), term(1)), /before the run was opened/);
  const closed = folded([term(3), opened(), { kind: 'closed', result: 'superseded', reason: '', at: NOW }]);
  assert.throws(() => applyRunEvent(closed, started('revoke', 1), term(3)), /after the run was closed/);
  assert.throws(() => applyRunEvent(closed, finished('revoke', 'ok'), term(3)), /after the run was closed/);
  assert.deepEqual([isOpen(closed), isOpen(null), isOpen(folded([term(3), opened()]))], [false, false, true]);
});
