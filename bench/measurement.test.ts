import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarize } from './measurement.ts';

const goal = { of: 'ratio', is: 'at most', bound: 2 } as const;
const rounds = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([value, floor]) => ({ value, floor }));
const met = (...pairs: readonly (readonly [number, number])[]) =>
  summarize({ name: 'x', unit: 'µs', goal, rounds: rounds(...pairs) }).met;

test('a goal is met or missed by the median of the rounds, and open where a round disagrees with a miss', () => {
  assert.equal(met([15, 10], [18, 10], [30, 10]), true);
  assert.equal(met([15, 10], [28, 10], [30, 10]), 'inconclusive');
  assert.equal(met([25, 10], [28, 10], [30, 10]), false);
});

test('nothing is judged against a floor that moved: neither met nor missed', () => {
  assert.equal(met([15, 10], [15, 30], [15, 100]), 'inconclusive');
  assert.equal(met([500, 10], [500, 10], [500, 100]), 'inconclusive');
  const { note } = summarize({ name: 'x', unit: 'µs', goal, rounds: rounds([1, 10], [1, 100]) });
  assert.match(note ?? '', /moved by a factor of 10: the machine was not free/);
});

test('a goal that speaks of the value alone does not ask the floor', () => {
  const of = { of: 'value', is: 'at most', bound: 100 } as const;
  assert.equal(summarize({ name: 'x', unit: 'µs', goal: of, rounds: rounds([50, 1], [60, 9], [55, 3]) }).met, true);
});

test('one or two rounds are not judged', () => {
  assert.equal(met([15, 10]), 'inconclusive');
  assert.equal(met([500, 10], [500, 10]), 'inconclusive');
});
