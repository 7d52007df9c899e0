import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostId, SiteId } from '../core/base/ids.ts';
import type { HostReport } from '../core/health/host-report.ts';
import { HostWatch } from './host-watch.ts';

const limits = { warn: 1, bad: 2 };
const policy = {
  everyMs: 60_000,
  diskFreePercent: limits,
  certificateMs: limits,
  clockMs: limits,
  memoryFreePercent: limits,
  memoryWaitPercent: limits,
  loadPerProcessor: limits,
};

test('a clock is compared with whoever answered a report, for as long as the answer is fresh', async () => {
  let now = 1_000_000;
  const told: HostReport[] = [];
  const watch = new HostWatch({
    host: 'h1' as HostId,
    site: 's1' as SiteId,
    policy,
    directories: [],
    certificates: [],
    services: [],
    wallMs: () => now,
    tell: (report) => void told.push(report),
  });
  try {
    await watch.look();
    assert.deepEqual(told[0]?.clocks, []);
    now += 20;
    watch.answered({ controller: 'chi', asked: told[0]!.sentAt, answered: 1_000_005 });
    now += 1_000;
    await watch.look();
    assert.deepEqual(told[1]?.clocks, [{ controller: 'chi', offsetMs: 5, uncertaintyMs: 10, ageMs: 1_000 }]);
    now += 3 * policy.everyMs;
    await watch.look();
    assert.deepEqual(told[2]?.clocks, []);
  } finally {
    watch.close();
  }
});
