import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostId, SiteId, WallMs } from '../base/ids.ts';
import { type HostCheckPolicy, judgeHost } from './host-checks.ts';
import { clockDifference, type HostReport } from './host-report.ts';

const dayMs = 86_400_000;
const now = 1_000 * dayMs;
const policy: HostCheckPolicy = {
  everyMs: 30_000,
  diskFreePercent: { warn: 15, bad: 5 },
  certificateMs: { warn: 30 * dayMs, bad: 7 * dayMs },
  clockMs: { warn: 20, bad: 100 },
  memoryFreePercent: { warn: 10, bad: 5 },
  memoryWaitPercent: { warn: 10, bad: 40 },
  loadPerProcessor: { warn: 4, bad: 16 },
};
const healthy: HostReport = {
  host: 'h1' as HostId,
  site: 's1' as SiteId,
  sentAt: now as WallMs,
  disks: [{ path: '/data', space: { freeBytes: 50, totalBytes: 100 } }],
  certificates: [{ name: 'agent', notAfter: (now + 60 * dayMs) as WallMs }],
  memory: { availableBytes: 50, totalBytes: 100 },
  memoryWaitPercent: 0,
  loadPerProcessor: 0.5,
  clocks: [{ controller: 'c1', offsetMs: 1, uncertaintyMs: 2, ageMs: 0 }],
  services: [{ service: 'systemd:haproxy.service', state: 'running', said: 'active (running), pid 12' }],
};
const judged = (change: Partial<HostReport>, check: string, agoMs = 1_000) =>
  judgeHost(policy, { report: { ...healthy, ...change }, agoMs }, now)
    .filter((each) => each.check === check)
    .map(({ of, state, found }) => [of, state, found].join(' | '));
const disk = (free: number) =>
  judged({ disks: [{ path: '/data', space: { freeBytes: free, totalBytes: 100 } }] }, 'disk');
const certificate = (days: number) =>
  judged({ certificates: [{ name: 'agent', notAfter: (now + days * dayMs) as WallMs }] }, 'certificate');
const clock = (offsetMs: number, uncertaintyMs: number) =>
  judged({ clocks: [{ controller: 'c1', offsetMs, uncertaintyMs, ageMs: 0 }] }, 'clock').map(
    (line) => line.split(' | ')[1],
  );

describe('facts of a host', () => {
  it('are ok where every figure is within its threshold', () => {
    const checks = judgeHost(policy, { report: healthy, agoMs: 0 }, now);
    assert.deepEqual(new Set(checks.map(({ state }) => state)), new Set(['ok']));
    assert.deepEqual(
      new Set(checks.map(({ check }) => check)),
      new Set(['disk', 'certificate', 'clock', 'memory', 'load', 'service']),
    );
  });

  it('a directory with little space is worth a look, one with nearly none endangers', () => {
    assert.deepEqual(disk(15), ['/data | ok | 15.0 % free']);
    assert.deepEqual(disk(14.9), ['/data | warn | 14.9 % free']);
    assert.deepEqual(disk(4.9), ['/data | bad | 4.9 % free']);
  });

  it('a certificate is told before it ends, and afterwards', () => {
    assert.deepEqual(certificate(31), ['agent | ok | 31.0 days left']);
    assert.deepEqual(certificate(29), ['agent | warn | 29.0 days left']);
    assert.deepEqual(certificate(6), ['agent | bad | 6.0 days left']);
    assert.deepEqual(certificate(-1), ['agent | bad | ended 1.0 days ago']);
  });

  it('of a clock only what holds for its whole interval is said', () => {
    assert.deepEqual(clock(5, 10), ['ok']);
    assert.deepEqual(clock(5, 15), ['inconclusive']);
    assert.deepEqual(clock(-30, 5), ['warn']);
    assert.deepEqual(clock(-30, 15), ['inconclusive']);
    assert.deepEqual(clock(150, 10), ['bad']);
    assert.deepEqual(clock(105, 10), ['warn']);
  });

  it('what is not known is inconclusive', () => {
    assert.deepEqual(judged({ disks: [{ path: '/data', space: null }] }, 'disk'), [
      '/data | inconclusive | its space is not known',
    ]);
    assert.deepEqual(judged({ certificates: [{ name: 'agent', notAfter: null }] }, 'certificate'), [
      'agent | inconclusive | it cannot be read',
    ]);
    assert.deepEqual(judged({ clocks: [] }, 'clock'), [' | inconclusive | no controller has answered']);
    assert.deepEqual(judged({ memory: null, memoryWaitPercent: null }, 'memory'), [
      'available | inconclusive | the host does not say',
      'waits | inconclusive | the host does not say',
    ]);
    assert.deepEqual(judged({ loadPerProcessor: null }, 'load'), [' | inconclusive | the host does not say']);
  });

  it('a program that its manager does not keep running is bad, one on its way worth a look, one that is not said inconclusive', () => {
    const service = (state: HostReport['services'][number]['state']) =>
      judged({ services: [{ service: 'supervisord:redis', state, said: 'SAID' }] }, 'service');
    assert.deepEqual(service('running'), ['supervisord:redis | ok | SAID']);
    assert.deepEqual(service('changing'), ['supervisord:redis | warn | SAID']);
    assert.deepEqual(service('stopped'), ['supervisord:redis | bad | SAID']);
    assert.deepEqual(service('failed'), ['supervisord:redis | bad | SAID']);
    assert.deepEqual(service(null), ['supervisord:redis | inconclusive | SAID']);
  });

  it('of a host that is silent nothing that it said before holds', () => {
    const only = (heard: Parameters<typeof judgeHost>[1]) => judgeHost(policy, heard, now);
    assert.deepEqual(only(null), [
      { check: 'report', of: '', state: 'inconclusive', found: 'its agent has said nothing of it yet' },
    ]);
    assert.deepEqual(only({ report: healthy, agoMs: 91_000 }), [
      { check: 'report', of: '', state: 'inconclusive', found: 'its agent has said nothing of it for 91 s' },
    ]);
  });

  it('a clock’s difference lies in its interval, whichever way took longer', () => {
    // The host is 40 ms ahead; 10 ms there, 2 ms back.
    const seen = clockDifference({ asked: 1_040, answered: 1_010, heard: 1_052 })!;
    assert.deepEqual(seen, { offsetMs: 36, uncertaintyMs: 6 });
    assert.ok(Math.abs(seen.offsetMs - 40) <= seen.uncertaintyMs);
    assert.equal(clockDifference({ asked: 1_040, answered: 1_010, heard: 1_000 }), null);
  });
});
