import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, SiteId, WallMs } from '../core/base/ids.ts';
import type { HostReport } from '../core/health/host-report.ts';
import type { Topology } from '../core/topology/topology.ts';
import { HostDesk } from './host-desk.ts';

const host = 'h1' as HostId;
const wall = 1_000 as WallMs;
const limits = { warn: 10, bad: 5 };
const hostChecks: NonNullable<Topology['hostChecks']> = {
  everyMs: 1_000,
  diskFreePercent: limits,
  certificateMs: limits,
  clockMs: { warn: 5, bad: 10 },
  memoryFreePercent: limits,
  memoryWaitPercent: { warn: 5, bad: 10 },
  loadPerProcessor: { warn: 5, bad: 10 },
};
const report: HostReport = {
  host,
  site: 's1' as SiteId,
  sentAt: wall,
  disks: [{ path: '/data', space: { freeBytes: 1, totalBytes: 100 } }],
  certificates: [],
  memory: null,
  memoryWaitPercent: null,
  loadPerProcessor: null,
  clocks: [],
  services: [],
};
const deskOf = (topology: Pick<Topology, 'hostChecks'>) => new HostDesk(topology as Topology);
const first = (desk: HostDesk, now: number) => desk.checksOf(host, now, wall)?.[0];

test('where a topology asks for no checks there are none, whatever is said', () => {
  const desk = deskOf({});
  desk.report(report, 0);
  assert.equal(desk.checksOf(host, 0, wall), null);
});

test('a host is judged by its last report, and by none once that is too old', () => {
  const desk = deskOf({ hostChecks });
  assert.equal(first(desk, 0)?.state, 'inconclusive');
  desk.report(report, 10_000);
  assert.deepEqual(first(desk, 11_000), { check: 'disk', of: '/data', state: 'bad', found: '1.0 % free' });
  assert.deepEqual(first(desk, 13_001), {
    check: 'report',
    of: '',
    state: 'inconclusive',
    found: 'its agent has said nothing of it for 3 s',
  });
});
