import assert from 'node:assert/strict';
import { it } from 'node:test';
import { findControlGroups } from './host-control-groups.ts';

it('unified control groups are found beside older ones, alone, or not at all', () => {
  const old = 'cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0\n';
  assert.equal(
    findControlGroups(`${old}cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n`),
    '/sys/fs/cgroup/unified',
  );
  assert.equal(findControlGroups('cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev 0 0\n'), '/sys/fs/cgroup');
  assert.equal(findControlGroups(old), null);
});

it('control groups that may not be written are none: hosts are then frozen by signals', () => {
  assert.equal(findControlGroups('cgroup2 /sys/fs/cgroup cgroup2 ro,nosuid,nodev 0 0\n'), null);
});
