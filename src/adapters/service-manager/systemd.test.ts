import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { SystemdUnit } from './systemd.ts';

/** By the manual; not recorded. */
const shown = (title: string): string => {
  const text = readFileSync(join(import.meta.dirname, 'fixtures', 'systemctl-from-documentation.txt'), 'utf8');
  return text.split(`# ${title}\n`)[1]!.split('# ')[0]!;
};
const group = '/sys/fs/cgroup/system.slice/haproxy.service';

function unitThatShows(title: string, files: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const run: RunCommand = async (command, args) => {
    asked.push([command, ...args].join(' '));
    return { code: 0, stdout: args.includes('show') ? shown(title) : '', stderr: '' };
  };
  const readGroup = (path: string) => files[path] ?? null;
  return { asked, unit: new SystemdUnit({ name: 'haproxy.service', run, before: ['sudo', '-n'], readGroup }) };
}

describe('a unit of systemd (by its manual)', () => {
  it('that its manager says is stopped is not gone while its control group holds a process', async () => {
    const { unit } = unitThatShows('stopped-with-a-process-left', {
      '/sys/fs/cgroup/cgroup.controllers': 'cpu',
      [`${group}/cgroup.events`]: 'populated 1\nfrozen 0\n',
      [`${group}/cgroup.procs`]: '901\n902\n',
    });
    const { state, masked, pids } = await unit.look({ deadlineMs: 1000 });
    assert.deepEqual([state, masked, pids], ['stopped', true, [901, 902]]);
  });

  it('has nothing left where its control group is empty, or is not there', async () => {
    const look = async (title: string, files: Readonly<Record<string, string>> = {}) =>
      (await unitThatShows(title, files).unit.look({ deadlineMs: 1000 })).pids;
    assert.deepEqual(await look('masked-and-gone'), []);
    const empty = { '/sys/fs/cgroup/cgroup.controllers': 'cpu', [`${group}/cgroup.events`]: 'populated 0\n' };
    assert.deepEqual(await look('stopped-with-a-process-left', empty), []);
  });

  it('cannot be told to be gone on a host without the unified hierarchy, nor with a group below its own', async () => {
    const plain = await unitThatShows('stopped-with-a-process-left').unit.look({ deadlineMs: 1000 });
    assert.equal(plain.pids, null);
    assert.match(plain.hidden ?? '', /unified hierarchy/);
    const below = { '/sys/fs/cgroup/cgroup.controllers': 'cpu', [`${group}/cgroup.events`]: 'populated 1\n' };
    assert.equal((await unitThatShows('running', below).unit.look({ deadlineMs: 1000 })).pids, null);
  });

  it('is ordered by exactly these commands, with rights for these alone', async () => {
    const { unit, asked } = unitThatShows('running');
    for (const verb of ['start', 'stop', 'mask', 'unmask'] as const) await unit.tell(verb, { deadlineMs: 1000 });
    await unit.strike({ deadlineMs: 1000 });
    assert.deepEqual(asked, [
      'sudo -n systemctl start --no-ask-password -- haproxy.service',
      'sudo -n systemctl stop --no-ask-password --no-block -- haproxy.service',
      'sudo -n systemctl mask --no-ask-password --runtime -- haproxy.service',
      'sudo -n systemctl unmask --no-ask-password --runtime -- haproxy.service',
      'sudo -n systemctl kill --no-ask-password --signal=SIGKILL -- haproxy.service',
    ]);
  });
});
