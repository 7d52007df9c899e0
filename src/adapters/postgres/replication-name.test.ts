import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestOfEach, parseReplicationName, replicationName } from './replication-name.ts';

test('a name tells who streams and of which epoch it was told; what is no standby of ours has none', () => {
  assert.deepEqual(parseReplicationName(replicationName('pg-2', 17)), { instance: 'pg-2', epoch: 17 });
  for (const foreign of ['pg-2', 'holdfast-closed', 'pg-2@', '@7', 'pg-2@x'])
    assert.deepEqual(parseReplicationName(foreign), { instance: foreign, epoch: null });
});

test('of two connections of one instance the newer name is the one it has, in whichever order they are shown', () => {
  const [older, newer, other] = ['b@3', 'b@10', 'c@3'].map(parseReplicationName);
  assert.ok(older && newer && other);
  for (const shown of [
    [older, newer, other],
    [newer, other, older],
  ])
    assert.deepEqual(
      [...latestOfEach(shown).values()].sort((l, r) => l.instance.localeCompare(r.instance)),
      [newer, other],
    );
});
