import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, SiteId, WallMs } from '../../core/base/ids.ts';
import type { HostReport } from '../../core/health/host-report.ts';
import { notYours, type PeerFrame, parsePeerFrame } from './peer-frames.ts';

const report: HostReport = {
  host: 'h1' as HostId,
  site: 's1' as SiteId,
  sentAt: 1_700_000_000_000.5 as WallMs,
  disks: [
    { path: '/data', space: { freeBytes: 5, totalBytes: 10 } },
    { path: '/gone', space: null },
  ],
  certificates: [{ name: 'own', notAfter: null }],
  memory: null,
  memoryWaitPercent: 0.5,
  loadPerProcessor: null,
  clocks: [{ controller: 'chi', offsetMs: -1.5, uncertaintyMs: 2, ageMs: 30 }],
  services: [
    { service: 'supervisord:redis', state: 'failed', said: 'FATAL' },
    { service: 'systemd:bind9.service', state: null, said: 'Host is down' },
  ],
};
const arrived = (frame: PeerFrame) => parsePeerFrame(JSON.stringify(frame));

test('what a host says of itself, and a controller of its clock, arrives as it was sent', () => {
  const frames: readonly PeerFrame[] = [
    { t: 'host', report },
    { t: 'clock', clock: { asked: 1_700_000_000_000.5, answered: 1_700_000_000_004 } },
  ];
  for (const frame of frames) assert.deepEqual(arrived(frame), frame);
});

test('a figure that is none is refused', () => {
  const broken = {
    t: 'host',
    report: { ...report, disks: [{ path: '/data', space: { freeBytes: '5', totalBytes: 10 } }] },
  };
  assert.throws(() => parsePeerFrame(JSON.stringify(broken)), /freeBytes/);
});

test('an agent speaks for its own host only, and only a controller for a controller’s clock', () => {
  const agent = (name: string) => ({ name, role: 'agent' }) as const;
  const clock: PeerFrame = { t: 'clock', clock: { asked: 1, answered: 2 } };
  assert.equal(notYours(agent('h1'), { t: 'host', report }), null);
  assert.match(notYours(agent('h2'), { t: 'host', report }) ?? '', /reported for the host h1/);
  assert.match(notYours(agent('h1'), clock) ?? '', /clock/);
  assert.equal(notYours({ name: 'chi', role: 'controller' }, clock), null);
});
