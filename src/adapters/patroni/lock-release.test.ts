import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { epoch, instanceId } from '../../core/base/ids.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { Cluster } from './cluster.under-test.ts';
import { PatroniDriver } from './driver.ts';
import { HostProcesses } from './host-processes.ts';
import type { AskHttp, HttpAnswer } from './http.ts';
import { PatroniMember } from './member-driver.ts';
import { StartBar } from './start-bar.ts';
import { forgetMember, releaseLock, type StoreLocation } from './store.ts';

const [nyc, chi] = [instanceId('database-nyc'), instanceId('database-chi')];
const names = new Map([
  [nyc, 'nyc-1'],
  [chi, 'chi-1'],
]);
const long = { deadlineMs: 3_000 };
const store: StoreLocation = { api: 'etcd', endpoints: ['http://store'], namespace: '/service/', scope: 'base' };
const process = (pid: number, command: string) =>
  ({ pid, command, state: 'S', parentPid: 1, session: pid, startTicks: pid, terminal: 0 }) as const;
const codeOf = (outcome: ActionOutcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

describe('a lock is released before its time', () => {
  let directory: string;
  let cluster: Cluster;
  let bar: string;
  let running: readonly ReturnType<typeof process>[];
  let grantSocket: string | null;
  beforeEach(() => {
    grantSocket = null;
    directory = mkdtempSync(join(tmpdir(), 'lock-release-'));
    bar = join(directory, 'barred');
    cluster = new Cluster();
    running = [process(10, 'patroni'), process(11, 'postgres')];
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function member(instance: typeof nyc, processes: HostProcesses | null = null): PatroniMember {
    const epochs = new GuardedEpochs(join(directory, `${instance}.epochs`));
    const name = names.get(instance)!;
    const url = `http://${name}`;
    const driver = new PatroniDriver({
      member: name,
      url,
      command: cluster.ask,
      look: cluster.ask,
      store,
      epochs,
      ...(grantSocket === null ? {} : { grantSocket }),
    });
    const looks = { lookEveryMs: 1000, lookWithinMs: 200 };
    const host = processes === null ? null : { processes, bar: new StartBar(bar) };
    return new PatroniMember({
      instance,
      driver,
      store,
      members: names,
      synchronous: true,
      epochs,
      host,
      gate: null,
      upstream: null,
      ...looks,
    });
  }
  const host = () =>
    new HostProcesses({
      list: () => running,
      words: () => [],
      isAlive: ({ pid }) => running.some((each) => each.pid === pid),
    });
  /** The primary's host, where both were seen and have ended. */
  async function ended(): Promise<PatroniMember> {
    const driver = member(nyc, host());
    assert.equal((await driver.observe({ deadlineMs: 400 })).process, 'running');
    running = [];
    cluster.silent.add('nyc-1');
    return driver;
  }
  const prove = (on: PatroniMember) => on.perform({ kind: 'prove-gone', epoch: epoch(8) }, long);
  const gone = { since: 21, renewed: 25 };
  const takeOver = (change: { readonly gone?: typeof gone; readonly deadlineMs?: number } = { gone }) =>
    member(chi).perform(
      {
        kind: 'take-over',
        epoch: epoch(8),
        former: nyc,
        planned: false,
        ...(change.gone ? { gone: change.gone } : {}),
      },
      { deadlineMs: change.deadlineMs ?? 3_000 },
    );

  it('nothing of the holder is left: its lock as it was before the look, and it is kept from being started', async () => {
    const outcome = await prove(await ended());
    assert.equal(outcome.kind, 'ok');
    assert.deepEqual(outcome.kind === 'ok' && [outcome.detail['since'], outcome.detail['renewed']], [21, 25]);
    assert.ok(existsSync(bar));
  });

  it('one process of it is enough to prove nothing, and nothing is kept from being started', async () => {
    for (const left of [process(11, 'postgres'), process(50, 'postgres'), process(10, 'patroni')]) {
      const driver = await ended();
      running = [left];
      assert.equal(codeOf(await prove(driver)), 'still-there');
      assert.ok(!existsSync(bar));
      running = [process(10, 'patroni'), process(11, 'postgres')];
    }
  });

  it('an agent that never saw it run proves nothing by seeing nothing', async () => {
    running = [];
    assert.equal(codeOf(await prove(member(nyc, host()))), 'still-there', 'it answers, wherever it runs');
    cluster.silent.add('nyc-1');
    assert.equal(codeOf(await prove(member(nyc, host()))), 'never-seen');
    assert.equal(codeOf(await prove(member(nyc))), 'not-offered');
  });

  it('who has no lock, and a store that does not answer, prove nothing', async () => {
    const driver = await ended();
    cluster.leader = 'chi-1';
    assert.equal(codeOf(await prove(driver)), 'not-holder');
    cluster.silent.add('store');
    assert.equal((await prove(driver)).kind, 'unknown');
    assert.ok(!existsSync(bar));
  });

  it('a bar that cannot be made is a failure', async () => {
    bar = join(directory, 'nowhere', 'barred');
    assert.equal(codeOf(await prove(await ended())), 'not-barred');
  });

  it('what ended is reported as that, and never while it answers', async () => {
    const { process: seen, role, health, delegate } = await (await ended()).observe({ deadlineMs: 400 });
    assert.deepEqual([seen, role, health, delegate?.lock?.holder], ['exited', 'closed', 'bad', nyc]);
    cluster.silent.clear();
    running = [process(10, 'patroni'), process(11, 'postgres')];
    const processes = host();
    assert.equal(processes.state, 'running');
    running = [];
    assert.equal((await member(nyc, processes).observe({ deadlineMs: 400 })).process, 'running', 'it answered');
  });

  it('it may start again once another one has the lock, or nobody has taken over for a minute', async () => {
    const driver = await ended();
    await prove(driver);
    await driver.observe({ deadlineMs: 400 });
    assert.ok(existsSync(bar), 'the lock is still its own');
    cluster.moveTo('chi-1');
    await driver.observe({ deadlineMs: 400 });
    assert.ok(!existsSync(bar));
    cluster.leader = 'nyc-1';
    await prove(driver);
    const longAgo = Date.now() / 1000 - 61;
    utimesSync(bar, longAgo, longAgo);
    await driver.observe({ deadlineMs: 400 });
    assert.ok(!existsSync(bar));
  });

  it('the candidate’s agent takes it away, Patroni promotes, and nobody is asked anything', async () => {
    cluster.silent.add('nyc-1');
    cluster.onAsked = () => cluster.moveTo('chi-1');
    const outcome = await takeOver();
    assert.deepEqual(cluster.asked, ['DELETE members/nyc-1?prevIndex=1', 'DELETE prevValue=nyc-1&prevIndex=25']);
    assert.deepEqual(outcome, {
      kind: 'ok',
      detail: {
        lock: 'of chi-1 since revision 121',
        former: 'nyc-1 is gone, as its host proved, and its lock was released',
      },
    });
  });

  const kept: readonly (readonly [string, () => void])[] = [
    ['was renewed since', () => (cluster.renewed = 26)],
    ['was taken anew by the same', () => (cluster.since = 22)],
    ['is of a cluster that is paused', () => (cluster.paused = true)],
    [
      'is of a cluster that is not strict',
      () => (cluster.settings = { ttl: 30, loop_wait: 10, retry_timeout: 10, synchronous_mode: true }),
    ],
    ['is of a cluster in failsafe mode', () => (cluster.settings = { ...cluster.settings, failsafe_mode: true })],
    [
      'is of a cluster whose settings are known to lose data',
      () => (cluster.settings = { ...cluster.settings, ttl: 5, loop_wait: 10 }),
    ],
    ['is of one whose synchronous standby is another', () => (cluster.standbys = 'lon-1')],
    ['is of a version that was never tried', () => (cluster.version = '9.9.9')],
    ['is to go to one that is no standby', () => (cluster.roles['chi-1'] = 'master')],
  ];
  for (const [what, change] of kept)
    it(`not where it ${what}`, async () => {
      cluster.silent.add('nyc-1');
      change();
      const outcome = await takeOver({ gone, deadlineMs: 800 });
      assert.notEqual(outcome.kind, 'ok');
      assert.ok(!cluster.asked.some((each) => each.startsWith('DELETE')));
    });

  describe('where Patroni has to ask before it promotes', () => {
    const asking = (command: string | null) => ({
      ...cluster.settings,
      ...(command === null ? {} : { postgresql: { pre_promote: command } }),
    });
    beforeEach(() => {
      grantSocket = '/run/grant.sock';
      cluster.silent.add('nyc-1');
    });

    it('it is taken where the cluster’s configuration asks there', async () => {
      cluster.settings = asking('python3 /opt/holdfast-grant-check /run/grant.sock');
      cluster.onAsked = () => cluster.moveTo('chi-1');
      const outcome = await takeOver();
      assert.equal(outcome.kind === 'ok' && outcome.detail['kept'], undefined);
      assert.equal(cluster.leader, 'chi-1');
    });

    for (const command of [null, '/bin/true', '/opt/holdfast-grant-check /run/grant.sock.old'])
      it(`it is waited for where that is ${command ?? 'not said'}, and the outcome says so`, async () => {
        cluster.settings = asking(command);
        const waited = await takeOver({ gone, deadlineMs: 800 });
        assert.ok(!cluster.asked.some((each) => each.startsWith('DELETE')));
        assert.match(
          waited.kind === 'unknown' ? waited.reason : '',
          /the lock of nyc-1 was waited for: promotion-unchecked: .*grant\.sock/,
        );
        cluster.onAsked = () => cluster.moveTo('chi-1');
        const outcome = await takeOver({ gone, deadlineMs: 6_000 });
        assert.match(
          outcome.kind === 'ok' ? String(outcome.detail['kept']) : '',
          /^the lock of nyc-1 was waited for: promotion-unchecked/,
        );
      });
  });

  it('who is to stream from the holder finds its key as a member gone once the lock is free', async () => {
    cluster.silent.add('nyc-1');
    cluster.onAsked = () => {
      assert.deepEqual([...cluster.forgotten], ['nyc-1']);
      cluster.moveTo('chi-1');
    };
    assert.equal((await takeOver()).kind, 'ok');
    assert.equal(cluster.leader, 'chi-1');
  });

  it('a member’s key that was written since is left, and the lock is released all the same', async () => {
    cluster.silent.add('nyc-1');
    cluster.onAsked = () => cluster.moveTo('chi-1');
    cluster.onStoreRead = () => (cluster.written += 1);
    assert.equal((await takeOver()).kind, 'ok');
    assert.deepEqual([[...cluster.forgotten], cluster.leader], [[], 'chi-1']);
  });

  it('not without a proof, and not of another holder', async () => {
    cluster.silent.add('nyc-1');
    await takeOver({ deadlineMs: 600 });
    cluster.leader = 'lon-1';
    await takeOver({ gone, deadlineMs: 600 });
    assert.ok(!cluster.asked.some((each) => each.startsWith('DELETE')));
  });

  describe('of a holder that lets no client in any more', () => {
    const shut = { since: 21 };
    const order = (deadlineMs = 3_000) =>
      member(chi).perform({ kind: 'take-over', epoch: epoch(8), former: nyc, planned: false, shut }, { deadlineMs });

    it('as it is when it is taken, also where it was renewed in between', async () => {
      cluster.silent.add('nyc-1');
      cluster.renewed = 31;
      cluster.onAsked = () => {
        if (cluster.leader !== null) return;
        assert.equal(cluster.calledFor, 'chi-1', 'whoever races for the lock would ask the former one first');
        cluster.moveTo('chi-1');
      };
      const outcome = await order();
      assert.deepEqual(cluster.asked, [
        '/failover {"candidate":"chi-1"}',
        'DELETE members/nyc-1?prevIndex=1',
        'DELETE prevValue=nyc-1&prevIndex=31',
      ]);
      assert.equal(
        outcome.kind === 'ok' && outcome.detail['former'],
        'nyc-1 lets no client in, as its gate has closed, and its lock was released',
      );
    });

    it('it is asked to give way where it answers', async () => {
      cluster.onAsked = () => cluster.moveTo('chi-1');
      assert.equal((await order()).kind, 'ok');
      assert.deepEqual(cluster.asked, ['/switchover {"leader":"nyc-1","candidate":"chi-1"}']);
    });

    it('not where it has taken the lock again since, nor under anything that keeps a lock', async () => {
      cluster.silent.add('nyc-1');
      cluster.since = 22;
      await order(600);
      cluster.since = 21;
      for (const [, change] of kept.slice(2)) {
        change();
        await order(600);
      }
      assert.ok(!cluster.asked.some((each) => each.startsWith('DELETE')));
    });
  });

  it('the store compares once more: renewed in the last moment it is kept, and the old way is gone', async () => {
    cluster.silent.add('nyc-1');
    cluster.onStoreRead = () => (cluster.renewed = 26);
    const outcome = await takeOver({ gone, deadlineMs: 1_500 });
    assert.notEqual(outcome.kind, 'ok');
    assert.equal(cluster.leader, 'nyc-1');
  });
});

describe('taking a key away from etcd', () => {
  const lock = { holder: 'nyc-1', renewed: 25 };
  const release = (location: StoreLocation, ...answers: readonly HttpAnswer[]) => {
    const left = [...answers];
    return releaseLock(async () => left.shift()!, location, lock, { deadlineMs: 500 });
  };
  const two = { ...store, endpoints: ['http://a', 'http://b'] };

  it('is released, kept or unknown, as it answered', async () => {
    assert.equal((await release(two, { kind: 'answer', status: 200, text: '' })).kind, 'released');
    assert.equal((await release(two, { kind: 'answer', status: 412, text: 'Compare failed' })).kind, 'kept');
    assert.equal((await release(two, { kind: 'answer', status: 404, text: 'Key not found' })).kind, 'kept');
    assert.equal((await release(two, { kind: 'answer', status: 500, text: '' })).kind, 'unknown');
    assert.equal((await release(two, { kind: 'unknown', reason: 'no answer' })).kind, 'unknown');
  });

  it('the next endpoint is asked only where nobody took the first connection', async () => {
    const refused: HttpAnswer = { kind: 'not-sent', reason: 'refused' };
    assert.equal((await release(two, refused, { kind: 'answer', status: 200, text: '' })).kind, 'released');
    assert.equal((await release(two, refused, refused)).kind, 'kept');
  });

  it('a member’s key is compared by the revision at which it was written last, and by nothing else', async () => {
    const asked: string[] = [];
    const ask: AskHttp = async ({ method, url }) => {
      asked.push(`${method} ${url}`);
      return { kind: 'answer', status: 200, text: '' };
    };
    assert.equal((await forgetMember(ask, two, { name: 'nyc-1', written: 7 }, { deadlineMs: 500 })).kind, 'released');
    assert.deepEqual(asked, ['DELETE http://a/v2/keys/service/base/members/nyc-1?prevIndex=7']);
  });

  it('is not done by the v3 API, where a renewal leaves no trace in the key', async () => {
    assert.equal((await release({ ...two, api: 'etcd3' })).kind, 'kept');
    const member = { name: 'nyc-1', written: 7 };
    const nobody: AskHttp = () => assert.fail('nobody is asked');
    assert.equal((await forgetMember(nobody, { ...two, api: 'etcd3' }, member, { deadlineMs: 500 })).kind, 'kept');
  });
});
