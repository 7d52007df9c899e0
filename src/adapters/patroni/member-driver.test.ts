import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { epoch, instanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { ActionOutcome, InstanceAction } from '../../engine/driver-port.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { Cluster } from './cluster.under-test.ts';
import { PatroniDriver } from './driver.ts';
import { PatroniMember } from './member-driver.ts';
import { UpstreamKeeper } from './upstream-keeper.ts';

const [nyc, chi, ldn] = [instanceId('database-nyc'), instanceId('database-chi'), instanceId('database-ldn')];
const soon = { deadlineMs: 400 };
const long = { deadlineMs: 3_000 };

describe('a member of Patroni’s cluster as an instance of an agent', () => {
  let directory: string;
  let cluster: Cluster;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'patroni-member-'));
    cluster = new Cluster();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function member(instance: typeof nyc, synchronous = true, upstream: UpstreamKeeper | null = null): PatroniMember {
    const members = new Map([
      [nyc, 'nyc-1'],
      [chi, 'chi-1'],
      [ldn, 'ldn-1'],
    ]);
    const store = { api: 'etcd', endpoints: ['http://store'], namespace: '/service/', scope: 'base' } as const;
    const epochs = new GuardedEpochs(join(directory, `${instance}.epochs`));
    const name = members.get(instance)!;
    const driver = new PatroniDriver({
      member: name,
      url: `http://${name}`,
      command: cluster.ask,
      look: cluster.ask,
      store,
      epochs,
    });
    const looks = { lookEveryMs: 1000, lookWithinMs: 200 };
    return new PatroniMember({
      instance,
      driver,
      store,
      members,
      synchronous,
      epochs,
      host: null,
      gate: null,
      upstream,
      ...looks,
    });
  }
  const takeOver = (change: Partial<Extract<InstanceAction, { kind: 'take-over' }>> = {}) =>
    ({ kind: 'take-over', epoch: epoch(8), former: nyc, planned: true, ...change }) as const;
  const codeOf = (outcome: ActionOutcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);
  const seen = async (instance: typeof nyc, synchronous = true): Promise<InstanceObservation> =>
    member(instance, synchronous).observe(soon);

  it('each look keeps an archive behind whom commits wait for, where its file is known', async () => {
    cluster.roles['ldn-1'] = 'replica';
    cluster.tags['ldn-1'] = { nofailover: true, replicatefrom: 'nyc-1' };
    const file = join(directory, 'upstream.yml');
    let reloads = 0;
    const reload = async () => (reloads += 1);
    await member(ldn, true, new UpstreamKeeper({ member: 'ldn-1', file, reload })).observe(soon);
    assert.deepEqual([readFileSync(file, 'utf8'), reloads], ['{"tags":{"replicatefrom":"chi-1"}}\n', 1]);
  });

  it('reports role, timeline, positions, lag, who is waited for, and the lock with the revision at which it was taken', async () => {
    const primary = await seen(nyc);
    assert.deepEqual([primary.role, primary.health, primary.releasing], ['primary', 'ok', true]);
    assert.deepEqual(primary.position, { generation: 3, sequence: 1000 });
    assert.deepEqual(
      [primary.ackSet, primary.replicas.map(({ instance, state }) => [instance, state])],
      [[chi], [[chi, 'in-sync']]],
    );
    assert.deepEqual(primary.delegate, {
      lock: { holder: nyc, since: 21 },
      withoutLoss: [chi],
      durability: 'strict',
      lockTtlMs: 10_000,
      paused: false,
      dangers: [],
    });
    const standby = await seen(chi);
    assert.deepEqual(
      [standby.role, standby.health, standby.releasing, standby.figures['lagBytes']],
      ['standby', 'ok', false, 100],
    );
  });

  it('a member or a store that does not answer is unknown within the deadline, and nobody is said to be primary', async () => {
    for (const host of ['nyc-1', 'store']) {
      cluster.silent.add(host);
      const begun = performance.now();
      const { role, health, releasing, delegate } = await seen(nyc);
      assert.deepEqual([role, health, releasing], ['unknown', 'unknown', false], host);
      assert.equal(
        delegate?.lock?.holder ?? null,
        host === 'store' ? null : nyc,
        'what the store says is known all the same',
      );
      assert.ok(performance.now() - begun < 1_000);
      cluster.silent.delete(host);
    }
  });

  it('a primary without the lock is bad; a pause, a danger and a weaker promise are degraded', async () => {
    cluster.leader = 'chi-1';
    const without = await seen(nyc);
    assert.deepEqual([without.health, without.releasing], ['bad', false]);
    cluster.leader = 'nyc-1';
    cluster.paused = true;
    assert.equal((await seen(nyc)).health, 'degraded');
    cluster.paused = false;
    cluster.settings = {
      ttl: 5,
      loop_wait: 10,
      retry_timeout: 10,
      synchronous_mode: true,
      synchronous_mode_strict: true,
    };
    assert.deepEqual((await seen(nyc)).delegate?.dangers, ['lock-outlives-holder']);
    cluster.settings = { ttl: 30, loop_wait: 1, retry_timeout: 4, synchronous_mode: true };
    assert.equal((await seen(nyc)).health, 'degraded');
    assert.equal((await seen(nyc, false)).health, 'ok', 'nothing was promised');
  });

  it('a planned take-over names who gives way, and says on what it rests', async () => {
    cluster.onAsked = () => cluster.moveTo('chi-1');
    const outcome = await member(chi).perform(takeOver(), long);
    assert.deepEqual(cluster.asked, ['/switchover {"leader":"nyc-1","candidate":"chi-1"}']);
    assert.deepEqual(outcome, {
      kind: 'ok',
      detail: { lock: 'of chi-1 since revision 121', former: 'nyc-1 is demoted' },
    });
  });

  it('what was done already is not asked for again, and rests on the same', async () => {
    cluster.moveTo('chi-1');
    const outcome = await member(chi).perform(takeOver(), long);
    assert.equal(outcome.kind === 'ok' && outcome.detail['former'], 'nyc-1 is demoted');
    assert.deepEqual(cluster.asked, []);
  });

  it('a planned take-over from somebody who has no lock is refused', async () => {
    cluster.leader = 'other-1';
    cluster.roles['other-1'] = 'master';
    assert.equal(codeOf(await member(chi).perform(takeOver(), long)), 'other-primary');
    assert.deepEqual(cluster.asked, []);
  });

  it('an unplanned one asks for a switchover where the primary answers, and for a failover where it does not', async () => {
    cluster.onAsked = () => cluster.moveTo('chi-1');
    assert.equal((await member(chi).perform(takeOver({ planned: false }), long)).kind, 'ok');
    assert.match(cluster.asked.at(-1)!, /^\/switchover/);
    cluster = new Cluster();
    cluster.silent.add('nyc-1');
    cluster.onAsked = () => cluster.moveTo('chi-1');
    const outcome = await member(chi).perform(takeOver({ planned: false, epoch: epoch(9) }), long);
    assert.match(cluster.asked.at(-1)!, /^\/failover \{"candidate":"chi-1"\}/);
    assert.match(
      outcome.kind === 'ok' ? String(outcome.detail['former']) : '',
      /nyc-1 is not heard; commits are synchronous and strict/,
    );
  });

  it('a former primary that is not heard, and that nothing bounds, is no success; nor is one that still says primary', async () => {
    cluster.settings = { ttl: 30, loop_wait: 1, retry_timeout: 4, synchronous_mode: true };
    cluster.silent.add('nyc-1');
    cluster.onAsked = () => cluster.moveTo('chi-1');
    const outcome = await member(chi).perform(takeOver({ planned: false }), { deadlineMs: 2_000 });
    assert.equal(outcome.kind, 'unknown');
    assert.match(outcome.kind === 'unknown' ? outcome.reason : '', /^former-unproved: nyc-1 .* nothing bounds/);
    cluster.silent.clear();
    cluster.roles['nyc-1'] = 'master';
    const again = await member(chi).perform(takeOver({ planned: false }), { deadlineMs: 1_500 });
    assert.match(again.kind === 'unknown' ? again.reason : '', /^former-unproved: nyc-1/);
  });

  it('who may lack something is not promoted, and nothing is asked for where the store is silent', async () => {
    cluster.standbys = '';
    cluster.silent.add('nyc-1');
    assert.equal(codeOf(await member(chi).perform(takeOver({ planned: false }), long)), 'would-lose');
    cluster.silent.add('store');
    const outcome = await member(chi).perform(takeOver(), soon);
    assert.equal(outcome.kind, 'unknown');
    assert.deepEqual(cluster.asked, []);
  });

  it('an older epoch is refused, also after a restart, and nothing but asking is done to it', async () => {
    assert.equal(codeOf(await member(chi).perform({ kind: 'fence', epoch: epoch(9) }, soon)), 'ok');
    assert.equal(codeOf(await member(chi).perform(takeOver(), soon)), 'stale-epoch');
    assert.equal(codeOf(await member(chi).perform({ kind: 'kill' }, soon)), 'not-ours');
    assert.deepEqual(cluster.asked, []);
  });

  it('confirms by the lock and by the member itself, at an epoch that was stored', async () => {
    const driver = member(nyc);
    assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, soon), 'does-not-hold');
    await driver.perform({ kind: 'fence', epoch: epoch(3) }, soon);
    assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, soon), 'holds');
    assert.equal(await driver.confirm({ kind: 'not-primary', epoch: epoch(3) }, soon), 'does-not-hold');
    cluster.silent.add('nyc-1');
    assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, soon), 'unknown');
  });

  it('looks by itself and tells what it sees, a promotion of Patroni’s own included', async () => {
    const told: InstanceObservation[] = [];
    const driver = member(chi);
    await driver.start({ observed: (observation) => told.push(observation), exited: () => {} });
    cluster.moveTo('chi-1');
    await driver.perform({ kind: 'take-over', epoch: epoch(1), former: chi, planned: false }, long);
    await driver.close();
    assert.equal(told[0]?.role, 'standby');
    const last = await driver.observe(soon);
    assert.deepEqual([last.role, last.delegate?.lock], ['primary', { holder: chi, since: 121 }]);
  });
});
