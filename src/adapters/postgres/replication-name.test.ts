import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestOfEach, parseReplicationName, refuseLongNames, replicationName } from './replication-name.ts';

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

test('a name that PostgreSQL would cut is refused by code, whatever the epoch; the longest allowed one fits with any', () => {
  const longest = 'p'.repeat(46);
  assert.equal(Buffer.byteLength(replicationName(longest, Number.MAX_SAFE_INTEGER)), 63);
  refuseLongNames([longest, 'pg-2']);
  const refusal = { code: 'name-too-long', message: /^HF-6106 .*"p{47}" has 47.*at most 46/ };
  assert.throws(() => replicationName(`${longest}p`, 1), refusal);
  assert.throws(() => refuseLongNames(['pg-2', `${longest}p`]), refusal);
});
