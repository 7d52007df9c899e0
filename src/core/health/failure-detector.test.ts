import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import type { Random } from '../../sim/random.ts';
import {
  type FailureDetector,
  heard,
  newDetector,
  observerWasAway,
  opinion,
  silenceThresholdMs,
} from './failure-detector.ts';

const bounds = { floorMs: 250, ceilingMs: 500 };

/** Heard regularly until `at`. */
function steady(everyMs: number, at: number, detector = newDetector(everyMs)): FailureDetector {
  let known = detector;
  for (let now = 0; now <= at; now += everyMs) known = heard(known, now, bounds);
  return known;
}

function drawArrivals(random: Random, count: number): { readonly detector: FailureDetector; readonly now: number } {
  let now = random.whole(0, 1000);
  let detector = newDetector(100);
  for (let each = 0; each < count; each += 1) {
    now += random.chance(0.1) ? random.between(0, 3000) : random.between(0, 150);
    detector = heard(detector, now, bounds);
  }
  return { detector, now };
}

test('nothing is concluded about what was never heard, however long ago it began', () => {
  assert.equal(opinion(newDetector(100), 1_000_000, bounds), 'unknown');
});

test('the first arrival is trusted at once', () => {
  assert.equal(opinion(heard(newDetector(100), 5, bounds), 6, bounds), 'alive');
});

test('F8: whatever arrived when, the threshold stays between its floor and its ceiling', () => {
  forSeeds(500, (random) => {
    const { detector } = drawArrivals(random, random.whole(0, 60));
    const threshold = silenceThresholdMs(detector, bounds);
    assert.ok(threshold >= bounds.floorMs && threshold <= bounds.ceilingMs, `${threshold}`);
  });
});

test('F8: silent means silent for longer than the threshold, and never before the floor', () => {
  forSeeds(500, (random) => {
    const { detector, now } = drawArrivals(random, random.whole(1, 60));
    const threshold = silenceThresholdMs(detector, bounds);
    assert.notEqual(opinion(detector, now + bounds.floorMs - 0.001, bounds), 'silent');
    assert.notEqual(opinion(detector, now + threshold - 0.001, bounds), 'silent');
    assert.equal(opinion(detector, now + threshold + 0.001, bounds), 'silent');
    assert.equal(opinion(detector, now + bounds.ceilingMs + 0.001, bounds), 'silent');
  });
});

test('a subject as regular as a clock is given the floor, an irregular one more, up to the ceiling', () => {
  assert.equal(silenceThresholdMs(steady(20, 4000), bounds), 250);
  let [uneven, now] = [newDetector(100), 0];
  for (let each = 0; each < 60; each += 1) {
    now += each % 2 === 0 ? 60 : 140;
    uneven = heard(uneven, now, bounds);
  }
  const threshold = silenceThresholdMs(uneven, bounds);
  assert.ok(threshold > 380 && threshold < 500, `${threshold}`);
  assert.equal(silenceThresholdMs({ ...uneven, gapVariance: 1e6 }, bounds), 500);
});

test('after a silence three arrivals are needed before it counts as alive again, and none of them as silent', () => {
  const back = 400 + 900;
  const first = heard(steady(100, 400), back, bounds);
  const second = heard(first, back + 100, bounds);
  const third = heard(second, back + 200, bounds);
  assert.deepEqual(
    [first, second, third].map((detector, at) => opinion(detector, back + at * 100 + 1, bounds)),
    ['unknown', 'unknown', 'alive'],
  );
  assert.equal(third.silences, 1);
});

test('a second silence while it is trusted again starts the count anew', () => {
  const twice = heard(heard(heard(steady(100, 400), 1300, bounds), 1400, bounds), 2400, bounds);
  assert.equal(twice.arrivalsSinceSilence, 1);
  assert.equal(opinion(heard(twice, 2500, bounds), 2501, bounds), 'unknown');
});

test('the gap of a silence does not make the detector more patient', () => {
  const before = steady(100, 2000);
  const after = heard(before, 60_000, bounds);
  assert.equal(silenceThresholdMs(after, bounds), silenceThresholdMs(before, bounds));
});

test('an observer that was away concludes nothing from what it did not hear', () => {
  const away = observerWasAway(steady(100, 400), 9000);
  assert.equal(opinion(away, 9000, bounds), 'alive');
  assert.equal(opinion(away, 9000 + 501, bounds), 'silent');
  assert.equal(opinion(observerWasAway(newDetector(100), 9000), 9000, bounds), 'unknown');
});
