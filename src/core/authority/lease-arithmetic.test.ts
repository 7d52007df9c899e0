import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainShape } from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import type { Timing } from '../topology/topology.ts';
import { checkTiming, leaseBounds } from './lease-arithmetic.ts';

const sound = plainShape.timing;

test('the bounds are those of the architecture, worked out by hand', () => {
  // L = 500 + 100; W = 600 · 1.001 / 0.999 + 50 = 651.2…
  assert.deepEqual(leaseBounds(sound), { holderBoundMs: 600, successorWaitMs: 652 });
});

test('a successor on the fastest clock waits for longer than a holder on the slowest may write', () => {
  forSeeds(1000, (random) => {
    const timing: Timing = {
      ...sound,
      selfFenceAfterMs: random.whole(1, 10_000),
      stopWithinMs: random.whole(1, 5000),
      clockRatePpm: random.whole(1, 100_000),
      leaseMarginMs: random.whole(1, 500),
    };
    const { holderBoundMs, successorWaitMs } = leaseBounds(timing);
    assert.equal(holderBoundMs, timing.selfFenceAfterMs + timing.stopWithinMs);
    const rate = timing.clockRatePpm / 1_000_000;
    const heldForMs = holderBoundMs / (1 - rate);
    const waitedMs = successorWaitMs / (1 + rate);
    assert.ok(waitedMs >= heldForMs, JSON.stringify({ timing, heldForMs, waitedMs }));
    assert.ok(Number.isInteger(successorWaitMs));
  });
});

const REFUSED: readonly (readonly [claim: string, change: Partial<Timing>, field: keyof Timing, message: RegExp])[] = [
  ['no time to stop in', { stopWithinMs: 0 }, 'stopWithinMs', /stopWithinMs must be a positive number.*is 0$/],
  ['a negative margin', { leaseMarginMs: -1 }, 'leaseMarginMs', /leaseMarginMs must be a positive number.*is -1$/],
  ['what is not a number', { selfFenceAfterMs: Number.NaN }, 'selfFenceAfterMs', /is NaN/],
  ['endless durations', { stepDeadlineMs: Number.POSITIVE_INFINITY }, 'stepDeadlineMs', /is Infinity/],
  [
    'a lease that one lost renewal ends',
    { selfFenceAfterMs: 299 },
    'selfFenceAfterMs',
    /299 must allow three renewals of 100 ms/,
  ],
  ['clocks that nothing can be said about', { clockRatePpm: 100_001 }, 'clockRatePpm', /more than 10 %/],
  ['a ceiling below its floor', { silenceCeilingMs: 249 }, 'silenceCeilingMs', /249 is below silenceFloorMs 250/],
  [
    'a floor that one late report reaches',
    { silenceFloorMs: 199 },
    'silenceFloorMs',
    /199 must cover two reports of 100 ms/,
  ],
  [
    'a leader that one lost renewal deposes',
    { leaderTimeoutMs: 299 },
    'leaderTimeoutMs',
    /299 must allow three renewals/,
  ],
];
for (const [claim, change, field, message] of REFUSED)
  test(`start-up refuses ${claim}, and says what is wrong with which field`, () => {
    const problems = checkTiming({ ...sound, ...change });
    const named = problems.find((problem) => problem.field === field);
    assert.match(named?.message ?? 'nothing was refused', message);
  });

test('settings at the very bounds are sound', () => {
  const tight: Partial<Timing> = {
    selfFenceAfterMs: 300,
    clockRatePpm: 100_000,
    silenceFloorMs: 200,
    silenceCeilingMs: 200,
    leaderTimeoutMs: 300,
  };
  assert.deepEqual(checkTiming({ ...sound, ...tight }), []);
});

test('every problem is named, not only the first', () => {
  const fields = checkTiming({ ...sound, stopWithinMs: 0, clockRatePpm: 200_000, silenceCeilingMs: 1 });
  assert.deepEqual(
    fields.map((problem) => problem.field),
    ['stopWithinMs', 'clockRatePpm', 'silenceCeilingMs'],
  );
});

test('a rate is not called a number of milliseconds', () => {
  assert.deepEqual(
    checkTiming({ ...sound, clockRatePpm: 0 }).map((problem) => problem.message),
    ['clockRatePpm must be a positive number of parts per million, is 0'],
  );
});
