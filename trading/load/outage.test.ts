import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutageMeter } from './outage.ts';

const feed = (meter: OutageMeter, from: number, to: number, everyMs = 1): void => {
  for (let at = from; at <= to; at += everyMs) meter.success(at);
};

test('an outage runs from the last success to the first success of a sustained second', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  feed(meter, 2430, 4000);
  const measured = meter.measure(1990, 4000);
  assert.equal(measured.state, 'interrupted');
  assert.equal(measured.outageMs, 430);
  assert.equal(measured.lastSuccessAt, 2000);
  assert.equal(measured.firstSuccessAt, 2430);
});

test('a few successes that do not last do not end an outage', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  feed(meter, 2300, 2800);
  feed(meter, 3100, 5000);
  const measured = meter.measure(2000, 5000);
  assert.equal(measured.outageMs, 1100);
  assert.equal(measured.interruptions.length, 1);
});

test('service that has come back for less than a sustained second is settling, not measured', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  feed(meter, 2500, 3400);
  assert.deepEqual([meter.measure(2000, 3400).state, meter.measure(2000, 3400).outageMs], ['settling', null]);
  feed(meter, 3401, 3500);
  assert.equal(meter.measure(2000, 3500).outageMs, 500);
});

test('silence until now is an ongoing outage without a figure', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  const measured = meter.measure(1900, 2200);
  assert.deepEqual([measured.state, measured.outageMs, measured.lastSuccessAt], ['ongoing', null, 2000]);
});

test('without an interruption the outage is the longest gap inside the window', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 1500);
  feed(meter, 1580, 3000);
  feed(meter, 3040, 5000);
  assert.equal(meter.measure(1500, 5000).outageMs, 80);
  assert.equal(meter.measure(2000, 5000).outageMs, 40);
  assert.equal(meter.measure(2000, 5000).state, 'served');
});

test('the longest of several interruptions is the outage and all are listed', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  feed(meter, 2200, 4000);
  feed(meter, 4700, 6000);
  const measured = meter.measure(1000, 6000);
  assert.deepEqual(
    measured.interruptions.map((each) => each.outageMs),
    [200, 700],
  );
  assert.equal(measured.outageMs, 700);
  assert.equal(meter.measure(3000, 6000).interruptions.length, 1);
});

test('a window with no sustained service before it cannot be measured', () => {
  const meter = new OutageMeter();
  assert.equal(meter.measure(0, 100).state, 'no-service-before');
  feed(meter, 500, 3000);
  assert.equal(meter.measure(400, 3000).state, 'no-service-before');
  assert.equal(meter.measure(1000, 3000).state, 'served');
});

test('a hiccup shortly before the window does not lengthen the outage inside it', () => {
  const meter = new OutageMeter();
  feed(meter, 0, 2000);
  feed(meter, 2200, 2600);
  feed(meter, 2900, 4500);
  const measured = meter.measure(2590, 4500);
  assert.deepEqual([measured.outageMs, measured.lastSuccessAt], [300, 2600]);
});

test('a deliberate pause is not an outage, but one that began before the pause is', () => {
  const calm = new OutageMeter();
  feed(calm, 0, 2000);
  calm.pause(2010);
  calm.resume(9000);
  feed(calm, 9020, 11000);
  assert.equal(calm.measure(1500, 11000).state, 'served');

  const broken = new OutageMeter();
  feed(broken, 0, 2000);
  broken.pause(2500);
  broken.resume(3000);
  feed(broken, 3100, 5000);
  assert.equal(broken.measure(1500, 5000).outageMs, 1100);
});
