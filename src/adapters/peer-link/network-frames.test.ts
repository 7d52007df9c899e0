import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostId, siteId } from '../../core/base/ids.ts';
import { roundTripsOf } from '../../core/network/round-trips.ts';
import { testLimits } from '../../core/network/throughput.ts';
import type { PeerIdentity } from '../../wire/peer-identity.ts';
import { notYours, type PeerFrame, parsePeerFrame } from './peer-frames.ts';

const [host, from, to] = [hostId('nyc-1'), siteId('nyc'), siteId('chi')];
const agent: PeerIdentity = { name: 'nyc-1', role: 'agent' };
const other: PeerIdentity = { name: 'nyc-2', role: 'agent' };
const controller: PeerIdentity = { name: 'chi', role: 'controller' };
const trips = roundTripsOf([
  { sentAt: 1, rttMs: 8.2 },
  { sentAt: 2, rttMs: null },
]);
const frames = {
  report: {
    t: 'network',
    report: { host, site: from, sequence: 4, problem: null, paths: [{ to, trips, answeredMsAgo: null }] },
  },
  test: { t: 'network-test', test: { id: 'x', to, bytes: 65_536 } },
  result: {
    t: 'network-result',
    result: { id: 'x', host, from, to, bytes: 65_536, trips: null, tookMs: null, problem: 'not over' },
  },
} as const satisfies Readonly<Record<string, PeerFrame>>;

test('what is measured arrives as it was said, the unknown as unknown', () => {
  for (const frame of Object.values(frames)) assert.deepEqual(parsePeerFrame(JSON.stringify(frame)), frame);
});

test('an agent measures for its own host only, and only a controller asks for a measurement', () => {
  assert.deepEqual([notYours(agent, frames.report), notYours(agent, frames.result)], [null, null]);
  for (const frame of [frames.report, frames.result])
    for (const peer of [other, controller]) assert.notEqual(notYours(peer, frame), null);
  assert.equal(notYours(controller, frames.test), null);
  assert.notEqual(notYours(agent, frames.test), null);
});

test('a measurement beyond the limits ends the link that asks for it', () => {
  const asked = { ...frames.test, test: { ...frames.test.test, bytes: testLimits.mostBytes + 1 } };
  assert.throws(() => parsePeerFrame(JSON.stringify(asked)), /must be at most/);
});
