import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkConcerns, settingsConcerns, tagConcerns, versionConcerns } from './concerns.ts';
import { parseSettings } from './parse.ts';

const ids = (concerns: readonly { readonly id: string; readonly severity: string }[]) =>
  concerns.map(({ id, severity }) => `${severity} ${id}`);
const settings = (change: object) =>
  parseSettings(
    JSON.stringify({
      ttl: 30,
      loop_wait: 10,
      retry_timeout: 10,
      check_timeline: true,
      synchronous_mode: true,
      synchronous_mode_strict: true,
      primary_start_timeout: 10,
      postgresql: { use_pg_rewind: true, parameters: { synchronous_commit: 'remote_apply', wal_log_hints: 'on' } },
      ...change,
    }),
  );
const commit = (word: string) => settings({ postgresql: { parameters: { synchronous_commit: word } } });

describe('what is known against a Patroni', () => {
  it('the leader key that is overwritten after an isolation: older than 3.0.3, on the v3 API only', () => {
    for (const version of ['3.0.2', '2.1.7', '3.0'])
      assert.ok(ids(versionConcerns(version, 'etcd3')).includes('refuse leader-key-overwritten'), version);
    for (const version of ['3.0.3', '3.1.0', '4.0.6'])
      assert.ok(!ids(versionConcerns(version, 'etcd3')).includes('refuse leader-key-overwritten'), version);
    assert.deepEqual(versionConcerns('3.0.2', 'etcd'), []);
  });

  it('a version that is no version is not taken for a newer one', () => {
    assert.ok(ids(versionConcerns('devel', 'etcd3')).includes('refuse leader-key-overwritten'));
  });

  it('one that was not tried', () => {
    assert.deepEqual(ids(versionConcerns('4.0.6', 'etcd')), ['warn untried-version']);
  });
});

describe('what is known against the settings of a cluster', () => {
  it('nothing, where every commit waits and the lock ends after its holder', () => {
    assert.deepEqual(settingsConcerns(settings({})), []);
  });

  it('commits that are acknowledged before a standby has them', () => {
    assert.deepEqual(ids(settingsConcerns(commit('local'))), ['refuse weaker-commit']);
    assert.deepEqual(ids(settingsConcerns(commit('off'))), ['refuse weaker-commit']);
    assert.deepEqual(ids(settingsConcerns(commit('remote_write'))), ['warn weaker-commit']);
  });

  it('no standby that is waited for, or not always', () => {
    assert.deepEqual(ids(settingsConcerns(settings({ synchronous_mode: false }))), ['warn asynchronous']);
    assert.deepEqual(ids(settingsConcerns(settings({ synchronous_mode_strict: false }))), ['warn not-strict']);
  });

  it('a lock that may end while its holder still writes', () => {
    assert.deepEqual(ids(settingsConcerns(settings({ ttl: 29 }))), ['refuse lock-outlives-holder']);
  });

  it('data that is removed, timelines that are not compared, a crashed primary that is waited for', () => {
    const postgresql = { remove_data_directory_on_diverged_timelines: true };
    assert.deepEqual(ids(settingsConcerns(settings({ postgresql }))), ['warn diverged-removed']);
    assert.deepEqual(ids(settingsConcerns(settings({ check_timeline: false }))), ['warn timeline-unchecked']);
    assert.deepEqual(ids(settingsConcerns(settings({ primary_start_timeout: 300 }))), ['warn primary-start-waits']);
    assert.deepEqual(ids(settingsConcerns(settings({ failsafe_mode: true }))), ['warn failsafe']);
  });

  it('a promotion that nobody is asked about, where somebody has to be', () => {
    const asking = (command: string) => settings({ postgresql: { pre_promote: command } });
    assert.deepEqual(checkConcerns(asking('/opt/holdfast-grant-check /run/grant.sock'), '/run/grant.sock'), []);
    for (const set of [settings({}), asking('/bin/true'), asking('/opt/holdfast-grant-check /run/grant.sock.old')])
      assert.deepEqual(ids(checkConcerns(set, '/run/grant.sock')), ['warn promotion-unchecked']);
  });

  it('a cascade that may be promoted', () => {
    const tags = { nofailover: false, nosync: true, clonefrom: false, replicatefrom: 'a' };
    assert.deepEqual(ids(tagConcerns('b', tags)), ['warn cascade-may-lead']);
    assert.deepEqual(tagConcerns('b', { ...tags, nofailover: true }), []);
  });
});
