import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';
import { Deadline } from '../adapters/process/deadline.ts';
import { childrenOf } from '../adapters/process/proc-entry.ts';
import { schedulingOf } from '../adapters/system/scheduling.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { SchedulingClass } from '../core/topology/topology.ts';
import { HostScheduling } from './host-scheduling.ts';

const privileged = process.getuid?.() === 0;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

async function server(): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', 'setsid sleep 300 > /dev/null & echo up; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  ends.push(() => {
    for (const pid of [...childrenOf(child.pid!), child.pid!]) process.kill(pid, 'SIGKILL');
  });
  await once(child.stdout!, 'data');
  return child;
}

const scheduling = (asked: SchedulingClass | null): HostScheduling => {
  const host = new HostScheduling({ asked, warden: () => null });
  ends.push(() => host.close());
  return host;
};

const within = <Value>(what: string, ask: () => Value | null): Promise<Value> =>
  new Deadline({ afterMs: 10_000 }).until(what, ask);

test('an instance is raised where that is permitted, with what it has started, and its agent says what the kernel has', async () => {
  const { pid } = await server();
  const host = scheduling(null);
  host.started('engine-1' as InstanceId, pid!);
  const expected = privileged ? 'raised' : 'ordinary';
  await within('its class', () => (host.seen.some((each) => each.process === 'engine-1') ? true : null));
  assert.deepEqual(
    host.seen.filter((each) => each.process === 'engine-1'),
    [{ process: 'engine-1', class: expected }],
  );
  const child = childrenOf(pid!)[0]!;
  await within('its child', () => (schedulingOf(child) === expected ? true : null));
});

test('nothing is raised where the topology says ordinary', async () => {
  const { pid } = await server();
  const host = scheduling('ordinary');
  host.started('engine-1' as InstanceId, pid!);
  await within('its class', () => (host.seen.some((each) => each.process === 'engine-1') ? true : null));
  assert.equal(schedulingOf(pid!), 'ordinary');
});
