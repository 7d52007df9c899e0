import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { Cluster } from './cluster.under-test.ts';
import { type ClusterObservation, PatroniDriver } from './driver.ts';
import { UpstreamKeeper, wantedUpstream } from './upstream-keeper.ts';

const soon = { deadlineMs: 400 };

describe('whom an archive streams from', () => {
  let directory: string;
  let cluster: Cluster;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'upstream-keeper-'));
    file = join(directory, 'upstream.yml');
    cluster = new Cluster();
    cluster.roles['ldn-1'] = 'replica';
    cluster.tags['ldn-1'] = { nofailover: true, nosync: true, replicatefrom: 'chi-1' };
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driverOf = (member: string) =>
    new PatroniDriver({
      member,
      url: `http://${member}`,
      command: cluster.ask,
      look: cluster.ask,
      store: { api: 'etcd', endpoints: ['http://store'], namespace: '/service/', scope: 'base' },
      epochs: new GuardedEpochs(join(directory, `${member}.epochs`)),
    });
  const seen = (member = 'ldn-1'): Promise<ClusterObservation> => driverOf(member).observe(soon);
  const wanted = async (member = 'ldn-1') => wantedUpstream(await seen(member), member);
  /** Chicago has the lock, and New York is waited for. */
  const moved = () => cluster.moveTo('chi-1');

  it('is the synchronous standby once another one is that, and nobody is told of what is so already', async () => {
    assert.equal(await wanted(), null, 'it streams from Chicago, which is waited for');
    moved();
    assert.equal(await wanted(), 'nyc-1');
    cluster.tags['ldn-1'] = { nofailover: true, replicatefrom: 'nyc-1' };
    assert.equal(await wanted(), null);
  });

  it('is the primary while no standby is left that is waited for: commits wait for the archive then', async () => {
    cluster.standbys = '';
    assert.equal(await wanted(), 'nyc-1');
    cluster.tags['ldn-1'] = { nofailover: true, replicatefrom: 'nyc-1' };
    assert.equal(await wanted(), null);
    cluster.standbys = 'chi-1';
    assert.equal(await wanted(), 'chi-1', 'it goes back behind the standby that has come back');
  });

  const left: readonly (readonly [string, () => void])[] = [
    ['may be promoted itself', () => (cluster.tags['ldn-1'] = { replicatefrom: 'chi-1' })],
    ['is in a cluster that is paused', () => (cluster.paused = true)],
    ['has two that are waited for', () => (cluster.standbys = 'nyc-1,sfo-1')],
    ['is waited for itself', () => (cluster.standbys = 'ldn-1')],
    ['would follow one without a fresh key', () => cluster.forgotten.add('nyc-1')],
    ['would follow one that follows somebody else', () => (cluster.tags['nyc-1'] = { replicatefrom: 'ldn-1' })],
    ['is in a cluster without a primary', () => (cluster.leader = null)],
    ['does not answer', () => cluster.silent.add('ldn-1')],
    ['has a store that does not answer', () => cluster.silent.add('store')],
  ];
  for (const [what, change] of left)
    it(`is left as it is where it ${what}`, async () => {
      moved();
      assert.equal(await wanted(), 'nyc-1');
      change();
      assert.equal(await wanted(), null);
    });

  it('its agent writes the tag where Patroni can read it, and has it read once', async () => {
    const driver = driverOf('ldn-1');
    const keeper = new UpstreamKeeper({ member: 'ldn-1', file, reload: (options) => driver.reload(options) });
    await keeper.keep(await seen(), soon);
    assert.ok(!existsSync(file));
    moved();
    await keeper.keep(await seen(), soon);
    await keeper.keep(await seen(), soon);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { tags: { replicatefrom: 'nyc-1' } });
    assert.equal(statSync(file).mode & 0o777, 0o644);
    assert.deepEqual(cluster.asked, ['/reload undefined']);
  });

  it('a file that cannot be written has nobody asked', async () => {
    const nowhere = join(directory, 'nowhere', 'upstream.yml');
    const reload = () => assert.fail('nobody is asked');
    moved();
    await new UpstreamKeeper({ member: 'ldn-1', file: nowhere, reload }).keep(await seen(), soon);
  });
});
