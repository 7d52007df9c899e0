import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RecordedDrivers } from '../../../test/builders/recorded-drivers.ts';
import { chi, nyc, RecordedServer, type RecordedSet } from '../../../test/builders/recorded-redis.ts';
import { type Epoch, instanceId } from '../../core/base/ids.ts';
import { ServedRedis } from './served-redis.ts';

const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };
const codeOf = (outcome: { readonly kind: string; readonly code?: string }) =>
  outcome.kind === 'failed' ? outcome.code : outcome.kind;

describe('a server of a set, led by an agent', () => {
  let drivers: RecordedDrivers;
  let set: RecordedSet;

  beforeEach(() => {
    drivers = new RecordedDrivers();
    set = drivers.set;
  });
  afterEach(() => drivers.close());

  const driver = (host?: string, file?: string) => drivers.server(host, file);
  const sentinel = () => drivers.sentinel();
  const peer = (name: string, address: typeof nyc) => ({
    instance: instanceId(name),
    address,
    driver: driver(address.host),
  });
  const here = instanceId('chi');
  beforeEach(() => {
    set.servers.get(chi.host)!.follows = nyc.host;
  });
  let process: { ended: boolean; killed: boolean };
  beforeEach(() => {
    process = { ended: false, killed: false };
  });
  const watched = () => ({
    pid: 7,
    hasEnded: () => process.ended,
    kill: () => Object.assign(process, { ended: true, killed: true }),
  });
  const led = (watch: () => ReturnType<typeof watched> | null = watched, eligible = true) =>
    new ServedRedis({
      set: 'cache',
      own: peer('chi', chi),
      others: [peer('nyc', nyc)],
      eligible,
      sentinel: sentinel(),
      watch,
      follower,
    });
  const follower = (address: { readonly host: string }) => driver(address.host);
  const lead = (at: number, to: string | null, redis = led(), silence = false) =>
    redis.lead(epoch(at), { cache: to === null ? null : instanceId(to) }, { deadlineMs: 1000, silence });

  it('takes over from a primary that answers without loss, and is opened for the epoch', async () => {
    set.servers.get(nyc.host)!.users.add('writer-1');
    set.servers.get(nyc.host)!.epoch = 1;
    assert.deepEqual(await lead(2, 'chi'), { kind: 'ok', detail: { from: 'nyc' } });
    assert.ok(set.said.indexOf('127.0.4.1 ACL DELUSER writer-1') < set.said.indexOf('sentinel FAILOVER'));
    const look = await led().look(soon);
    assert.ok(look.kind === 'seen' && led().isLed(look, { cache: here }, epoch(2)));
    assert.ok(!led().isLed(look, { cache: here }, epoch(3)) && !led().isLed(look, { cache: null }, epoch(2)));
  });

  it('from one that does not answer what is lost is not known, and said so', async () => {
    set.servers.get(nyc.host)!.frozen = true;
    const outcome = await lead(2, 'chi');
    assert.ok(outcome.kind === 'ok' && String(outcome.detail['loss']).startsWith('not known'), JSON.stringify(outcome));
  });

  it('promoted, it has the other replicas follow it at once, whoever leads them, and opens when one does', async () => {
    const third = '127.0.4.3';
    set.servers.set(third, new RecordedServer('replica'));
    set.servers.get(nyc.host)!.frozen = true;
    set.servers.get(chi.host)!.noReplicas = 1;
    assert.equal((await lead(2, 'chi')).kind, 'ok');
    const [promoted, told] = ['sentinel FAILOVER', `${third} REPLICAOF ${chi.host} 6379`].map((line) =>
      set.said.indexOf(line),
    );
    assert.ok(promoted! >= 0 && told! > promoted!, set.said.join('; '));
    assert.ok(!set.said.some((line) => line.startsWith(`${chi.host} REPLICAOF`)));
  });

  it('cut off by Sentinel in the middle of the promotion, it goes on', async () => {
    const third = '127.0.4.3';
    set.servers.set(third, new RecordedServer('replica'));
    set.servers.get(nyc.host)!.frozen = true;
    const own = set.servers.get(chi.host)!;
    Object.assign(own, { noReplicas: 1, cuts: 2 });
    assert.equal((await lead(2, 'chi')).kind, 'ok');
    assert.equal(own.cuts, 0);
    assert.ok(set.said.includes(`${third} REPLICAOF ${chi.host} 6379`), set.said.join('; '));
  });

  it('one that dies in the middle of its promotion holds up no later order', async () => {
    set.servers.get(nyc.host)!.frozen = true;
    const redis = led();
    await redis.look(soon);
    set.servers.get(chi.host)!.cuts = Number.POSITIVE_INFINITY;
    setTimeout(() => {
      process.ended = true;
    }, 50);
    const begun = performance.now();
    const outcome = await redis.lead(epoch(2), { cache: here }, { deadlineMs: 20_000, silence: false });
    assert.equal(outcome.kind, 'unknown');
    assert.ok(performance.now() - begun < 10_000, 'it waited for its deadline');
  });

  it('no other replica is told anything while Sentinel has promoted nobody, or under an older epoch', async () => {
    const third = '127.0.4.3';
    set.servers.set(third, new RecordedServer('replica'));
    set.servers.get(nyc.host)!.frozen = true;
    set.sentinelPromotes = false;
    assert.notEqual((await lead(2, 'chi')).kind, 'ok');
    set.sentinelPromotes = true;
    set.servers.get(third)!.epoch = 3;
    set.servers.get(chi.host)!.noReplicas = 1;
    assert.equal((await lead(2, 'chi')).kind, 'ok');
    assert.ok(!set.said.some((line) => line.includes('REPLICAOF')), set.said.join('; '));
  });

  it('what sentinels refuse, or do with another server, opens nothing', async () => {
    set.servers.get(nyc.host)!.frozen = true;
    set.servers.set('127.0.4.3', new RecordedServer('replica'));
    set.movesTo = '127.0.4.3';
    assert.equal(codeOf(await lead(2, 'chi')), 'elsewhere');
    assert.ok(!set.said.some((line) => line.includes('SETUSER')));
  });

  it('is closed wherever the route does not name it, and frozen it is unknown', async () => {
    set.servers.get(chi.host)!.users.add('writer-1');
    assert.equal((await lead(2, 'nyc')).kind, 'ok');
    assert.deepEqual([...set.servers.get(chi.host)!.users], ['default', 'holdfast']);
    set.servers.get(chi.host)!.frozen = true;
    assert.equal((await led().look(soon)).kind, 'unknown');
    assert.equal((await lead(2, 'chi')).kind, 'unknown');
  });

  describe('kept from sentinels until it has what the leading one has', () => {
    const standing = () =>
      set.said.filter((line) => /priority|sentinel|REPLICAOF/.test(line)).map((line) => line.replace(/ \+.*/, ' +…'));
    const let_ = [`${chi.host} ACL SETUSER sentinel -@all +…`, `${chi.host} CONFIG SET replica-priority 100`];
    const shut = [`${chi.host} CONFIG SET replica-priority 0`, `${chi.host} ACL SETUSER sentinel -@all`];
    let redis: ServedRedis;
    beforeEach(async () => {
      set.servers.get(nyc.host)!.users.add('writer-1');
      for (const { users } of set.servers.values()) users.add('sentinel');
      redis = led();
      assert.equal((await lead(1, 'nyc', redis)).kind, 'ok');
      set.said.length = 0;
    });
    const priority = () => set.servers.get(chi.host)!.priority;

    it('a copy that has everything is let be promoted, the rights first and the priority last, once', async () => {
      await redis.keep(soon);
      assert.deepEqual(standing(), let_);
      await redis.keep(soon);
      assert.deepEqual(standing(), let_);
      set.servers.get(chi.host)!.behind = 500;
      await redis.keep(soon);
      assert.equal(priority(), 100, 'it follows');
    });

    it('its data may have a newer epoch than it was told: that is the one of whoever leads', async () => {
      set.servers.get(chi.host)!.epoch = 7;
      await redis.keep(soon);
      assert.equal(priority(), 100);
      assert.equal((await lead(6, 'chi', redis)).kind, 'failed');
    });

    it('one that is behind, copies first or has another history is not, and that is said', async () => {
      const own = set.servers.get(chi.host)!;
      for (const fault of [{ behind: 500 }, { linkUp: false }, { history: 'f'.repeat(40) }]) {
        Object.assign(own, { behind: 0, linkUp: true, history: null }, fault);
        set.said.length = 0;
        await redis.keep(soon);
        assert.deepEqual(standing(), shut, JSON.stringify(fault));
        const look = await redis.look(soon);
        assert.ok(look.kind === 'seen' && look.remarks.some((each) => each.startsWith('sentinels may not promote it')));
      }
    });

    it('one that was started anew as primary is shut, and made to follow', async () => {
      const own = set.servers.get(chi.host)!;
      await redis.keep(soon);
      Object.assign(own, { role: 'primary', runId: 'b'.repeat(40), history: 'f'.repeat(40) });
      set.said.length = 0;
      await redis.keep(soon);
      assert.deepEqual(standing(), [...shut, `${chi.host} REPLICAOF ${nyc.host} 6379`]);
      Object.assign(own, { history: null });
      await redis.keep(soon);
      assert.equal(priority(), 100);
    });

    it('its link gone, it stays promotable while nobody is seen to lead, and not once the leading one goes on without it', async () => {
      await redis.keep(soon);
      set.servers.get(chi.host)!.linkUp = false;
      set.servers.get(nyc.host)!.frozen = true;
      await redis.keep(soon);
      assert.equal(priority(), 100);
      set.servers.get(nyc.host)!.frozen = false;
      await redis.keep(soon);
      assert.equal(priority(), 0);
    });

    it('cut short anywhere it has priority 0; one that may never lead is never let', async () => {
      const own = set.servers.get(chi.host)!;
      own.refuses = 'ACL';
      await redis.keep(soon);
      assert.equal(priority(), 0);
      own.refuses = null;
      const never = led(watched, false);
      await lead(1, 'nyc', never);
      await never.keep(soon);
      assert.equal(priority(), 0);
    });

    it('nobody was told yet, or it is the one that leads: nothing is changed', async () => {
      await led().keep(soon);
      const own = led();
      await lead(2, 'chi', own);
      set.said.length = 0;
      await own.keep(soon);
      assert.deepEqual(standing(), []);
    });

    it('named by the record, it is made promotable first, and sentinels are asked until they have seen it', async () => {
      set.servers.get(nyc.host)!.frozen = true;
      set.looksLate = 2;
      assert.equal((await lead(2, 'chi', redis)).kind, 'ok');
      assert.ok(set.said.indexOf(let_[1]!) < set.said.indexOf('sentinel FAILOVER'));
      assert.equal(set.said.filter((line) => line === 'sentinel FAILOVER').length, 3);
      assert.equal(priority(), 0, 'who leads is not to be promoted as it is when it follows again');
    });

    it('a planned switch to one that sentinels may not promote, or do not know to be promotable, is not begun', async () => {
      set.servers.get(chi.host)!.history = 'f'.repeat(40);
      const behind = await lead(2, 'chi', redis);
      assert.equal(codeOf(behind), 'no-candidate');
      set.servers.get(chi.host)!.history = null;
      set.looksLate = Number.POSITIVE_INFINITY;
      const unseen = await lead(2, 'chi', redis);
      assert.match(unseen.kind === 'failed' ? unseen.reason : '', /with priority 0/);
      assert.ok(!set.said.some((line) => line.includes('PAUSE') || line === 'sentinel FAILOVER'));
      assert.ok(set.servers.get(nyc.host)!.users.has('writer-1'));
    });

    it('where sentinels find nobody whom they may promote that is what it says, with what to look at', async () => {
      set.servers.get(nyc.host)!.frozen = true;
      set.looksLate = Number.POSITIVE_INFINITY;
      const outcome = await lead(2, 'chi', redis);
      assert.equal(codeOf(outcome), 'no-candidate');
      assert.match(outcome.kind === 'failed' ? outcome.reason : '', /NOGOODSLAVE.*SENTINEL REPLICAS cache/);
    });
  });

  describe('where it led and sentinels promoted another one', () => {
    const own = () => set.servers.get(chi.host)!;
    let redis: ServedRedis;
    beforeEach(async () => {
      Object.assign(own(), { role: 'primary', epoch: 3 });
      set.servers.get(nyc.host)!.role = 'replica';
      own().users.add('writer-3');
      redis = led();
      await redis.look(soon);
      set.said.length = 0;
    });
    const stream = async () => {
      const look = await redis.look(soon);
      return look.kind === 'seen' ? look.stream : undefined;
    };

    it('what it led is said once it has another history, until another one is named', async () => {
      const { history, offset } = (await stream())!;
      assert.equal((await stream())!.left, undefined);
      Object.assign(own(), { role: 'replica', history: 'f'.repeat(40) });
      const { left } = (await stream())!;
      assert.deepEqual([left?.history, left?.offset], [history, offset]);
      assert.ok(left!.endedWithinMs >= 0 && left!.endedWithinMs < 5000);
      await lead(4, null, redis);
      assert.deepEqual((await stream())!.left, left);
      await lead(4, 'nyc', redis);
      assert.equal((await stream())!.left, undefined);
    });

    it('it leaves one that has its history to the record, and moves any other back', async () => {
      Object.assign(own(), { role: 'replica', follows: nyc.host, history: 'f'.repeat(40) });
      Object.assign(set.servers.get(nyc.host)!, { role: 'primary', before: 'e'.repeat(40), history: 'f'.repeat(40) });
      await redis.look(soon);
      const moved = await lead(3, 'chi', redis);
      assert.notEqual(codeOf(moved), 'gave-way');
      Object.assign(set.servers.get(nyc.host)!, { role: 'primary', before: (await stream())!.left!.history });
      Object.assign(own(), { role: 'replica', follows: nyc.host });
      assert.equal(codeOf(await lead(3, 'chi', redis)), 'gave-way');
      assert.ok(own().users.has('writer-3'));
    });
  });

  describe('sentinels that name two primaries', () => {
    beforeEach(() => {
      set.servers.get(chi.host)!.role = 'primary';
    });

    it('nobody is let in while most name another one that says so too; the reason has what each says', async () => {
      for (const host of ['own', ...set.peers]) set.named.set(host, nyc.host);
      const outcome = await lead(2, 'chi');
      assert.equal(codeOf(outcome), 'two-primaries');
      assert.match(
        outcome.kind === 'failed' ? outcome.reason : '',
        /nyc is primary as well: its sentinel names 127\.0\.4\.1:6379, .*SENTINEL REMOVE/,
      );
      assert.ok(!set.said.some((line) => line.includes('writer-2')));
      assert.equal(set.said.at(-1), `${chi.host} REPLICAOF ${nyc.host} 6379`);
      set.named.clear();
      assert.equal((await lead(2, 'chi')).kind, 'ok', 'it takes over from that one');
      assert.ok(set.said.indexOf('sentinel FAILOVER') > 0);
    });

    it('where as many name the one as the other it is not opened, and follows nobody', async () => {
      const [first, second] = set.peers;
      for (const [host, named] of [
        ['own', nyc.host],
        [first!, chi.host],
        [second!, '127.0.4.9'],
      ] as const)
        set.named.set(host, named);
      const redis = led();
      assert.equal(codeOf(await lead(2, 'chi', redis)), 'two-primaries');
      assert.ok(!set.said.some((line) => line.includes('REPLICAOF')));
      const look = await redis.look(soon);
      assert.match(look.kind === 'seen' ? look.concerns.join() : '', /nyc is primary as well/);
    });

    it('it is opened where most name it, or whom they name is no primary, or does not answer', async () => {
      set.named.set('own', nyc.host);
      for (const host of set.peers) set.named.set(host, chi.host);
      assert.equal((await lead(2, 'chi')).kind, 'ok');
      for (const host of set.peers) set.named.set(host, nyc.host);
      set.servers.get(nyc.host)!.role = 'replica';
      assert.equal((await lead(3, 'chi')).kind, 'ok');
      Object.assign(set.servers.get(nyc.host)!, { role: 'primary', frozen: true });
      assert.equal((await lead(4, 'chi')).kind, 'ok');
    });
  });

  it('one whose process is gone is closed; without a process of this machine that is never said', async () => {
    set.servers.get(chi.host)!.users.add('writer-1');
    const redis = led();
    assert.equal(redis.hasEnded(), false, 'it was never seen');
    await redis.look(soon);
    set.servers.get(chi.host)!.frozen = true;
    process.ended = true;
    assert.ok(redis.hasEnded());
    assert.deepEqual(await lead(2, null, redis), { kind: 'ok', detail: { closed: 'its process is gone' } });
    const elsewhere = led(() => null);
    set.servers.get(chi.host)!.frozen = false;
    await elsewhere.look(soon);
    set.servers.get(chi.host)!.frozen = true;
    assert.equal(elsewhere.hasEnded(), false);
    assert.equal((await lead(2, null, elsewhere, true)).kind, 'unknown');
  });

  it('one that let writers in and does not answer is killed where that is asked for, and nowhere else', async () => {
    const redis = led();
    await redis.look(soon);
    set.servers.get(chi.host)!.frozen = true;
    assert.equal((await lead(2, null, redis, true)).kind, 'unknown');
    set.servers.get(chi.host)!.frozen = false;
    set.servers.get(chi.host)!.users.add('writer-1');
    await redis.look(soon);
    set.servers.get(chi.host)!.frozen = true;
    assert.equal((await lead(2, null, redis)).kind, 'unknown');
    assert.equal(process.killed, false);
    assert.deepEqual(await lead(2, null, redis, true), {
      kind: 'ok',
      detail: { closed: 'it did not answer, and was killed' },
    });
  });

  it('an epoch that others have overtaken opens nothing', async () => {
    set.servers.get(nyc.host)!.role = 'replica';
    set.servers.get(chi.host)!.role = 'primary';
    set.servers.get(chi.host)!.epoch = 5;
    assert.equal(codeOf(await lead(4, 'chi')), 'stale-epoch');
  });
});
