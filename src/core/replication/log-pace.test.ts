import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogPosition } from '../health/instance-observation.ts';
import { type LogPace, looked, timeBehind } from './log-pace.ts';

const at = (sequence: number, generation = 1): LogPosition => ({ generation, sequence });

const paceOf = (looks: readonly (readonly [at: number, sequence: number, generation?: number])[]): LogPace =>
  looks.reduce<LogPace>((pace, [when, sequence, generation]) => looked(pace, at(sequence, generation), when), []);

test('a copy that has everything is not behind, however long ago the last record was written', () => {
  const idle = paceOf([
    [0, 100],
    [3_600_000, 100],
  ]);
  assert.deepEqual(timeBehind(idle, at(100)), { ms: 0, atMostMs: 0 });
});

test('the age of a first record after an hour of idling is not the hour', () => {
  const pace = paceOf([
    [0, 100],
    [3_600_000, 100],
    [3_600_500, 101],
  ]);
  assert.deepEqual(timeBehind(pace, at(100)), { ms: 500, atMostMs: 500 });
});

test('between two looks the log counts as growing evenly, and the bound is the look before', () => {
  const pace = paceOf([
    [0, 0],
    [1000, 100],
    [2000, 200],
  ]);
  assert.deepEqual(timeBehind(pace, at(150)), { ms: 500, atMostMs: 1000 });
  assert.deepEqual(timeBehind(pace, at(50)), { ms: 1500, atMostMs: 2000 });
});

test('what is older than the memory is the least that it can be, without a bound', () => {
  assert.deepEqual(
    timeBehind(
      paceOf([
        [1000, 100],
        [5000, 200],
      ]),
      at(40),
    ),
    { ms: 4000, atMostMs: null },
  );
});

test('a copy of an older generation is behind one of a newer, and a log that went back begins anew', () => {
  const pace = paceOf([
    [0, 100],
    [1000, 101, 2],
  ]);
  assert.deepEqual(timeBehind(pace, at(100)), { ms: 1000, atMostMs: 1000 });
  assert.deepEqual(
    paceOf([
      [0, 100],
      [1000, 50],
    ]),
    [{ position: at(50), firstAt: 1000, lastAt: 1000 }],
  );
});

test('nobody looked: nothing is said', () => assert.equal(timeBehind([], at(1)), null));

test('a long memory stays bounded and still reaches back', () => {
  let pace: LogPace = [];
  for (let step = 0; step < 10_000; step += 1) pace = looked(pace, at(step), step * 100);
  assert.ok(pace.length <= 128, `${pace.length}`);
  assert.ok(timeBehind(pace, at(9_000))!.atMostMs! >= 99_900);
  assert.deepEqual(timeBehind(pace, at(9_998)), { ms: 100, atMostMs: 100 });
});
