import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';
import { leaseBoundMs, outageLimitMs, pacedTopology, waitLimitMs } from './pace.ts';

const firm = topologyOf(
  shapeOf({
    firm: { servingSites: 2, enginesPerSite: 2, archive: false, services: false },
    policy: { site: 'automatic', instance: 'automatic', afterPeerLoss: 'degrade' },
  }),
);

test('every time of the firm takes as many times as long, its clocks run as before', () => {
  const slow = pacedTopology(firm, 2.5);
  assert.equal(slow.timing.selfFenceAfterMs, 4000);
  assert.equal(slow.timing.silenceFloorMs, 2500);
  assert.equal(slow.timing.clockRatePpm, firm.timing.clockRatePpm);
  assert.equal(slow.groups[0]!.coolDownMs, 12_500);
  assert.deepEqual(pacedTopology(firm, 1), firm);
  assert.ok(Math.abs(leaseBoundMs(slow) / leaseBoundMs(firm) - 2.5) < 0.01);
});

test('what is waited for gets three times the limit at that pace', () => {
  assert.equal(waitLimitMs(5000, 1), 15_000);
  assert.equal(waitLimitMs(5000, 2), 30_000);
});

test('an outage below the lease bound must stay below it; above it only what comes on top gets the allowance', () => {
  assert.equal(outageLimitMs(600, 1, 1954), 1954);
  assert.equal(outageLimitMs(600, 2, 4004), 4004);
  assert.equal(outageLimitMs(3000, 1, 2000), 5000);
  assert.equal(outageLimitMs(2000, 1, 2000), 2000);
});
