import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { durationText } from '../../core/topology/duration-text.ts';
import { didYouMean } from './did-you-mean.ts';
import { bandwidth, coolingPower, duration, electricPower, memorySize, percent, storageSize } from './quantity.ts';

test('quantities are read in the unit that the code counts in', () => {
  const read = [
    [duration, '30s', 30_000],
    [duration, '8ms', 8],
    [duration, '0.5ms', 0.5],
    [duration, '15min', 900_000],
    [duration, '20.5 min', 1_230_000],
    [duration, '1.1s', 1100],
    [duration, '90d', 7_776_000_000],
    [bandwidth, '10Gb/s', 10_000],
    [memorySize, '4TB', 4000],
    [storageSize, '500GB', 0.5],
    [electricPower, '150kW', 150],
    [coolingPower, '511800BTU/h', 511_800],
    [percent, '99.995%', 99.995],
  ] as const;
  for (const [schema, text, value] of read) assert.equal(schema.parse(text), value, text);
});

test('what is not a number with its unit is refused', () => {
  for (const text of [30, '30', 's', '', '1h30min', '1,5s', '8:30', '1e3s', '-1s', null, true, [], {}])
    assert.equal(duration.safeParse(text).success, false, JSON.stringify(text));
  assert.equal(percent.safeParse('100.1%').success, false);
});

test('a duration that is printed is read back as the same', () => {
  fc.assert(fc.property(fc.nat({ max: 1e9 }), (ms) => assert.equal(duration.parse(durationText(ms)), ms)));
  assert.deepEqual([0, 250, 1500, 60_000, 1_230_000, 0.5].map(durationText), [
    '0s',
    '250ms',
    '1.5s',
    '1min',
    '20.5min',
    '0.5ms',
  ]);
});

test('a misspelt name is recognised, a different one is not', () => {
  const names = ['trading-engine', 'order-management', 'postgres', 'rto', 'rpo'];
  assert.equal(didYouMean('trading_engine', names), 'trading-engine');
  assert.equal(didYouMean('order-managment', names), 'order-management');
  assert.equal(didYouMean('postgresql', names), 'postgres');
  assert.equal(didYouMean('rot', names), 'rto');
  assert.equal(didYouMean('warehouse', names), null);
});
