import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type ClusterAction, PatroniDriver } from './driver.ts';
import type { AskHttp, HttpAnswer } from './http.ts';
import { parseHistory, parseMember, parseSettings } from './parse.ts';
import { parseV2, parseV3, type StoreLocation, storeView } from './store.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const primary = fixture('member-primary-3.0.2.json');
const synchronous = fixture('member-synchronous-3.0.2.json');
const cascade = fixture('member-cascade-3.0.2.json');
const config = fixture('config-3.0.2.json');
const stored = fixture('store-etcd-v2-3.4.23.json');
const switched = fixture('store-switched-etcd-v2-3.4.23.json');
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 300 };
const switchover = { kind: 'switchover', epoch: epoch(3), from: 'database-nyc', to: 'database-chi' } as const;
const asV3 = (keys: ReturnType<typeof parseV2>) => {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  return [...keys].map(([key, { text, since }]) => ({
    key: encode(`/service/database/${key}`),
    value: encode(text),
    create_revision: String(since),
  }));
};
const codeOf = (outcome: ActionOutcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

describe('what Patroni and its store print', () => {
  it('a primary with the standby that it waits for', () => {
    const status = parseMember(primary);
    assert.deepEqual([status.version, status.state, status.role, status.timeline], ['3.0.2', 'running', 'primary', 1]);
    assert.deepEqual(status.standbys, [{ member: 'database-chi', state: 'streaming', sync: 'sync' }]);
    assert.equal(status.serverVersion, 150_018);
    assert.equal(status.paused, false);
  });

  it('a synchronous standby, a cascade with its tags, a paused member', () => {
    assert.deepEqual([parseMember(synchronous).role, parseMember(synchronous).synchronous], ['replica', true]);
    assert.deepEqual(parseMember(cascade).tags, {
      nofailover: true,
      nosync: true,
      clonefrom: false,
      replicatefrom: 'database-chi',
    });
    assert.equal(parseMember(fixture('member-paused-3.0.2.json')).paused, true);
  });

  it('settings that wait for every commit', () => {
    const settings = parseSettings(config);
    assert.deepEqual([settings.durability, settings.ttlSeconds, settings.paused], ['strict', 5, false]);
    assert.equal(settings.parameters['synchronous_commit'], 'remote_apply');
    assert.equal(parseSettings('{}').ttlSeconds, 30);
  });

  it('where timelines ended and who began the next', () => {
    const [change] = parseHistory(fixture('history-3.0.2.json'));
    assert.deepEqual([change?.endedTimeline, change?.newPrimary], [1, 'database-chi']);
  });

  it('the lock, who may take over without a loss, and every member', () => {
    const view = storeView(parseV2(stored, '/service/database/'));
    assert.deepEqual([view.leader, view.leaderSince], ['database-nyc', 21]);
    assert.deepEqual(view.sync, { leader: 'database-nyc', standbys: ['database-chi'], quorum: 0 });
    assert.deepEqual(
      view.members.map(({ name, role }) => `${name} ${role}`),
      ['database-chi replica', 'database-ldn replica', 'database-nyc primary'],
    );
    assert.equal(storeView(parseV2(switched, '/service/database/')).leader, 'database-chi');
    assert.equal(storeView(parseV2(switched, '/service/database/')).asked, null, 'what was carried out is emptied');
  });

  it('the same from the other API of etcd', () => {
    const keys = parseV2(stored, '/service/database/');
    const kvs = asV3(keys);
    const text = JSON.stringify({ header: {}, kvs, count: String(kvs.length) });
    // A lease is what is renewed there.
    const view = storeView(keys);
    const unwritten = { leaderRenewed: null, members: view.members.map((member) => ({ ...member, written: null })) };
    assert.deepEqual(storeView(parseV3(text, '/service/database/')), { ...view, ...unwritten });
    assert.equal(storeView(parseV3('{"header":{}}', '/service/database/')).leader, null);
  });
});

describe('driver of one member', () => {
  let directory: string;
  let answers: (line: string) => Partial<HttpAnswer> & { status?: number; text?: string };
  const said: string[] = [];
  const shown: string[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'patroni-driver-'));
    said.length = 0;
    shown.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const location: StoreLocation = {
    api: 'etcd',
    endpoints: ['http://a:2379', 'http://b:2379'],
    namespace: '/service/',
    scope: 'database',
  };
  const asking =
    (log: string[]): AskHttp =>
    async ({ method, url, body }) => {
      const line = `${method} ${url}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`;
      log.push(line);
      return { kind: 'answer', status: 200, text: '', reason: 'silent', ...answers(line) } as HttpAnswer;
    };
  const driver = (store = location, member = 'database-nyc', url = 'http://own:8008') =>
    new PatroniDriver({
      member,
      url,
      command: asking(said),
      look: asking(shown),
      store,
      epochs: new GuardedEpochs(join(directory, 'epochs.json')),
    });

  /** A cluster that does what it is told when `moved` says so. */
  const cluster =
    (own: { moved: boolean; settings?: string; member?: string; refuses?: string }) =>
    (line: string): { status?: number; text: string } => {
      if (line.includes('/v2/keys')) return { text: own.moved ? switched : stored };
      if (line.startsWith('POST') || line.startsWith('PATCH'))
        return own.refuses === undefined ? { text: 'done' } : { status: 412, text: own.refuses };
      if (line.endsWith('/config')) return { text: own.settings ?? config };
      if (line.includes('10.2.0.12')) return { text: own.moved ? primary : synchronous };
      if (line.includes('10.3.0.10')) return { text: cascade };
      return { text: own.member ?? primary };
    };

  it('sees the member, the settings, the lock, and what is known against them', async () => {
    answers = cluster({ moved: false });
    const seen = await driver().observe(soon);
    assert.equal(seen.member?.role, 'primary');
    assert.equal(seen.settings?.durability, 'strict');
    assert.equal(seen.store?.leader, 'database-nyc');
    assert.deepEqual([seen.reasons, seen.events], [[], []]);
    assert.deepEqual(
      seen.concerns.map(({ id }) => id),
      ['primary-start-waits'],
    );
    assert.deepEqual(said, []);
  });

  it('a switchover is ok when the lock and the new primary itself say so', async () => {
    const own = { moved: false };
    const still = cluster(own);
    answers = (line) => {
      if (line.startsWith('POST')) own.moved = true;
      return still(line);
    };
    const watching = driver();
    await watching.observe(soon);
    assert.equal((await watching.perform(switchover, soon)).kind, 'ok');
    assert.deepEqual(said, ['POST http://own:8008/switchover {"leader":"database-nyc","candidate":"database-chi"}']);
    const { events } = await watching.observe(soon);
    assert.deepEqual(
      events.map(({ kind, asked }) => `${kind} ${asked}`),
      ['lock-moved 3', ...Array(5).fill('promoted 3')],
    );
  });

  it('over TLS the primary itself is asked to give way, which others are heard of only with its next loop; else the own member is', async () => {
    const asked = '/switchover {"leader":"database-nyc","candidate":"database-chi"}';
    const [own, from] = ['https://own:8008', 'https://10.1.0.12:8008'].map((url) => `POST ${url}${asked}`);
    for (const [refusal, questions] of [
      [null, [from]],
      [{ kind: 'not-sent', reason: 'refused' }, [from, own]],
      [{ status: 401, text: 'wrong authorization' }, [from, own]],
    ] as const) {
      said.length = 0;
      const state = { moved: false };
      const still = cluster(state);
      answers = (line) => {
        if (line.startsWith('POST https://10.1.0.12') && refusal !== null) return refusal as Partial<HttpAnswer>;
        if (line.startsWith('POST')) state.moved = true;
        const { text, ...rest } = still(line);
        return { ...rest, text: line.includes('/v2/keys') ? text.replaceAll('http://10.', 'https://10.') : text };
      };
      const outcome = await driver(location, 'database-chi', 'https://own:8008').perform(switchover, soon);
      assert.equal(outcome.kind, 'ok', JSON.stringify(outcome));
      assert.deepEqual(said, questions);
    }
  });

  it('a promotion that nobody asked for is told of with the next look, also one that was seen while something was done', async () => {
    const own = { moved: false };
    answers = cluster(own);
    const watching = driver();
    await watching.observe(soon);
    own.moved = true;
    await watching.perform({ kind: 'pause', epoch: epoch(1), paused: false }, soon);
    const { events } = await watching.observe(soon);
    assert.deepEqual(
      events.map(({ kind, asked }) => `${kind} ${asked}`),
      ['lock-moved null', ...Array(5).fill('promoted null')],
    );
  });

  it('what is done already is not asked for again', async () => {
    answers = cluster({ moved: true });
    assert.equal((await driver().perform(switchover, soon)).kind, 'ok');
    assert.deepEqual(said, []);
  });

  it('an older epoch is refused, also by the next driver after a restart, and nothing is asked', async () => {
    answers = cluster({ moved: false, refuses: 'no' });
    await driver().perform({ ...switchover, epoch: epoch(5) }, soon);
    said.length = 0;
    shown.length = 0;
    assert.equal(codeOf(await driver().perform({ ...switchover, epoch: epoch(4) }, soon)), 'stale-epoch');
    assert.deepEqual([...said, ...shown], []);
  });

  it('what Patroni refuses is a failure in its own words', async () => {
    answers = cluster({ moved: false, refuses: 'candidate name does not match with sync_standby' });
    assert.deepEqual(await driver().perform(switchover, soon), {
      kind: 'failed',
      code: 'refused',
      reason: 'candidate name does not match with sync_standby',
    });
  });

  it('Patroni’s word for done is not taken: without the lock it is unknown', async () => {
    answers = cluster({ moved: false });
    assert.equal((await driver().perform(switchover, soon)).kind, 'unknown');
  });

  it('a member that has not acknowledged everything is not promoted unless the loss is accepted', async () => {
    const text = stored.replace('\\"sync_standby\\":\\"database-chi\\"', '\\"sync_standby\\":null');
    assert.notEqual(text, stored);
    const still = cluster({ moved: false });
    answers = (line) => (line.includes('/v2/keys') ? { text } : still(line));
    const failover = (loss: 'none' | 'accepted') =>
      driver().perform({ kind: 'failover', epoch: epoch(3), to: 'database-chi', loss }, soon);
    const refused = await failover('none');
    assert.equal(codeOf(refused), 'would-lose');
    assert.match(refused.kind === 'failed' ? refused.reason : '', /it lacked \d+ bytes/);
    assert.equal(codeOf(await driver().perform(switchover, soon)), 'would-lose');
    assert.deepEqual(said, []);
    await failover('accepted');
    assert.deepEqual(said, ['POST http://own:8008/failover {"candidate":"database-chi"}']);
  });

  it('a member that may not lead, one that is not there, and a primary that is another one are refused', async () => {
    answers = cluster({ moved: false });
    const to = async (name: string, from = 'database-nyc') =>
      codeOf(await driver().perform({ ...switchover, from, to: name }, soon));
    assert.equal(await to('database-ldn'), 'not-eligible');
    assert.equal(await to('database-par'), 'no-such-member');
    assert.equal(await to('database-chi', 'database-ldn'), 'other-primary');
    assert.deepEqual(said, []);
  });

  it('nothing is moved in a cluster that is known to lose data, unless whoever asks names why', async () => {
    const keys = parseV2(stored, '/service/database/');
    const kvs = asV3(keys);
    const still = cluster({ moved: false });
    answers = (line) => (line.includes('/v3/kv/range') ? { text: JSON.stringify({ kvs }) } : still(line));
    const on = { ...location, api: 'etcd3' as const };
    const refused = await driver(on).perform(switchover, soon);
    assert.equal(codeOf(refused), 'unsafe');
    assert.match(refused.kind === 'failed' ? refused.reason : '', /3\.0\.3 or newer/);
    assert.deepEqual(said, []);
    await driver(on).perform({ ...switchover, accepting: ['leader-key-overwritten'] }, soon);
    assert.equal(said.length, 1);
  });

  it('a pause is ok when every member says so, and unknown while one is silent', async () => {
    const paused = config.replace(/\}\s*$/, ', "pause": true}');
    const still = cluster({ moved: false, settings: paused });
    const withPause = (text: string) => text.replace(/\}\s*$/, ', "pause": true}');
    let silent = 'nobody';
    answers = (line) => {
      if (line.includes(silent)) return { kind: 'unknown' };
      const given = still(line);
      return line.endsWith('/patroni') ? { text: withPause(given.text) } : given;
    };
    const pause = () => driver().perform({ kind: 'pause', epoch: epoch(1), paused: true }, soon);
    assert.equal((await pause()).kind, 'ok');
    silent = '10.3.0.10';
    assert.equal((await pause()).kind, 'unknown');
    assert.deepEqual(said, ['PATCH http://own:8008/config {"pause":true}']);
  });

  it('how many acknowledge is set by absolute values and read back', async () => {
    answers = cluster({ moved: false });
    const set = (durability: 'strict' | 'off') =>
      driver().perform({ kind: 'durability', epoch: epoch(1), durability }, soon);
    assert.equal((await set('strict')).kind, 'ok');
    assert.deepEqual(said, []);
    assert.equal((await set('off')).kind, 'unknown');
    assert.deepEqual(said, ['PATCH http://own:8008/config {"synchronous_mode":false,"synchronous_mode_strict":false}']);
  });

  it('data is thrown away neither of the primary nor of the one standby that every write waits for', async () => {
    const reinitialise = (writesMayStop: boolean) =>
      ({ kind: 'reinitialise', epoch: epoch(1), writesMayStop }) as const;
    answers = cluster({ moved: false });
    assert.equal(codeOf(await driver().perform(reinitialise(true), soon)), 'is-primary');
    answers = cluster({ moved: false, member: synchronous });
    const standby = () => driver(location, 'database-chi');
    assert.equal(codeOf(await standby().perform(reinitialise(false), soon)), 'sole-synchronous');
    assert.deepEqual(said, []);
    assert.equal((await standby().perform(reinitialise(true), soon)).kind, 'unknown', 'the same postmaster');
    assert.deepEqual(said, ['POST http://own:8008/reinitialize {"force":false}']);
  });

  it('a member that does not start is copied anew although Patroni is busy starting it, and one that is being copied goes on', async () => {
    const own = { moved: false, member: fixture('member-start-failed-3.0.2.json') };
    const still = cluster(own);
    answers = (line) => {
      if (line.startsWith('POST')) own.member = cascade;
      return still(line);
    };
    const anew = () =>
      driver(location, 'database-ldn').perform({ kind: 'reinitialise', epoch: epoch(1), writesMayStop: false }, soon);
    assert.equal((await anew()).kind, 'ok');
    assert.deepEqual(said, ['POST http://own:8008/reinitialize {"force":true}']);
    own.member = fixture('member-start-failed-3.0.2.json').replace('start failed', 'creating replica');
    said.length = 0;
    await anew();
    assert.deepEqual(said, ['POST http://own:8008/reinitialize {"force":false}']);
  });

  it('a member that was copied anew runs under another postmaster', async () => {
    const own = { moved: false, member: cascade };
    const still = cluster(own);
    answers = (line) => {
      if (line.startsWith('POST')) own.member = cascade.replace('2026-11-21 ', '2026-11-22 ');
      return still(line);
    };
    const outcome = await driver(location, 'database-ldn').perform(
      { kind: 'reinitialise', epoch: epoch(1), writesMayStop: false },
      soon,
    );
    assert.equal(outcome.kind, 'ok');
  });

  it('a frozen Patroni is unknown in everything, and nothing is asked of it', async () => {
    const still = cluster({ moved: false });
    answers = (line) => (line.includes('own') ? { kind: 'unknown' } : still(line));
    const { member, settings, store, reasons } = await driver().observe(soon);
    assert.deepEqual([member, settings, store?.leader, reasons.length], [null, null, 'database-nyc', 2]);
    assert.equal((await driver().perform(switchover, soon)).kind, 'unknown');
    assert.equal(await driver().confirm({ kind: 'primary', member: 'database-nyc' }, soon), 'unknown');
    assert.equal(await driver().confirm({ kind: 'durability', durability: 'strict' }, soon), 'unknown');
    assert.deepEqual(said, []);
  });

  it('a frozen member takes half the time at most, and what is wanted is asked for all the same; a refusal is a failure', async () => {
    const still = cluster({ moved: true, refuses: 'switchover is not possible: no good candidates have been found' });
    const patient: AskHttp = async (question, { deadlineMs }) => {
      if (!question.url.includes('10.2.0.12')) return asking(shown)(question, { deadlineMs });
      await new Promise((resolve) => setTimeout(resolve, deadlineMs));
      return { kind: 'unknown', reason: 'silent' };
    };
    answers = (line) => (line.includes('/v2/keys') ? { text: stored } : still(line));
    const own = new PatroniDriver({
      member: 'database-nyc',
      url: 'http://own:8008',
      command: async (question, options) =>
        options.deadlineMs <= 0 ? { kind: 'not-sent', reason: 'no time' } : asking(said)(question, options),
      look: patient,
      store: location,
      epochs: new GuardedEpochs(join(directory, 'epochs.json')),
    });
    const pause = { kind: 'pause', epoch: epoch(1), paused: true } as const;
    const begun = performance.now();
    assert.equal((await own.perform(pause, { deadlineMs: 400 })).kind, 'unknown');
    assert.ok(performance.now() - begun < 2_000);
    assert.deepEqual(said, ['PATCH http://own:8008/config {"pause":true}']);
    assert.equal(codeOf(await own.perform(switchover, { deadlineMs: 400 })), 'refused');
  });

  it('without its store nobody is known to be primary', async () => {
    const still = cluster({ moved: false });
    answers = (line) => (line.includes('/v2/keys') ? { kind: 'unknown' } : still(line));
    const seen = await driver().observe(soon);
    assert.equal(seen.store, null);
    assert.match(seen.reasons.join(), /^store: http:\/\/a:2379: silent; http:\/\/b:2379: silent/);
    assert.equal(await driver().confirm({ kind: 'primary', member: 'database-nyc' }, soon), 'unknown');
    assert.equal((await driver().perform(switchover, soon)).kind, 'unknown');
    assert.deepEqual(said, []);
  });

  it('one silent endpoint of the store is not the store', async () => {
    const still = cluster({ moved: false });
    answers = (line) => (line.includes('a:2379') ? { kind: 'unknown' } : still(line));
    assert.equal((await driver().observe(soon)).store?.leader, 'database-nyc');
  });

  it('nonsense is a reason, never a state', async () => {
    answers = () => ({ text: '<html>' });
    const { member, settings, store, reasons } = await driver().observe(soon);
    assert.deepEqual([member, settings, store, reasons.length], [null, null, null, 3]);
  });

  it('nothing that is not a name gets into a request', async () => {
    answers = cluster({ moved: false });
    const wrong: readonly ClusterAction[] = [
      { ...switchover, to: 'a b' },
      { ...switchover, to: 'database-nyc' },
      { kind: 'failover', epoch: epoch(1), to: '', loss: 'none' },
    ];
    for (const action of wrong) assert.equal(codeOf(await driver().perform(action, soon)), 'bad-value');
    assert.deepEqual([...said, ...shown], []);
  });

  it('another version is named', async () => {
    const still = cluster({ moved: false, member: primary.replace('3.0.2', '4.0.6') });
    answers = still;
    const { concerns } = await driver().observe(soon);
    assert.ok(concerns.some(({ id, text }) => id === 'untried-version' && text.includes('4.0.6')));
  });
});
