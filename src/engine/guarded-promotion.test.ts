import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epoch, type MonoMs } from '../core/base/ids.ts';
import { nextPromotionStep, type PromotionProgress } from './guarded-promotion.ts';

const at = (ms: number) => ms as MonoMs;
const progress: PromotionProgress = {
  epoch: epoch(3),
  storedEpoch: 3,
  leaseUntil: at(2000),
  now: at(1000),
  primary: false,
  armedUntil: null,
};
const next = (change: Partial<PromotionProgress>) => {
  const step = nextPromotionStep({ ...progress, ...change });
  return step.kind === 'refuse' ? step.code : step.kind;
};

test('the gate is armed before it becomes primary, and again before it is opened', () => {
  assert.equal(next({}), 'arm-gate');
  assert.equal(next({ armedUntil: at(2000) }), 'become-primary');
  assert.equal(next({ primary: true }), 'arm-gate');
  assert.equal(next({ primary: true, armedUntil: at(2000) }), 'open');
});

test('I1: it is not opened under a lease that has run out, whatever was armed', () => {
  assert.equal(next({ primary: true, armedUntil: at(9000), now: at(2000) }), 'no-lease');
  assert.equal(next({ primary: true, armedUntil: at(9000), now: at(2000), leaseUntil: at(2500) }), 'open');
});

test('an arming whose moment has passed counts for nothing', () => {
  assert.equal(next({ primary: true, armedUntil: at(1000) }), 'arm-gate');
});

test('I2: a newer epoch that arrived meanwhile ends it', () => {
  assert.equal(next({ primary: true, armedUntil: at(2000), storedEpoch: 4 }), 'stale-epoch');
});
