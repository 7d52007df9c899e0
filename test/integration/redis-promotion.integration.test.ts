import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { RespError } from '../../src/adapters/redis-sentinel/resp.ts';
import type { ServedRedis } from '../../src/adapters/redis-sentinel/served-redis.ts';
import { type Epoch, instanceId } from '../../src/core/base/ids.ts';
import { lossBetween } from '../../src/core/replication/stream-loss.ts';
import type { SeenServer } from '../../src/engine/served-port.ts';
import { eventually } from '../contract/watch-log.ts';
import { type Member, members, RedisSetUnderTest, redisVersion, setName } from './redis-set.under-test.ts';

const skip = redisVersion() === null ? 'Redis is not installed' : false;
const soon = { deadlineMs: 2_000 };
/** Sentinels ask a replica that is well every 10 s. */
const seenWithinMs = 25_000;

describe('whom a real sentinel may promote', { skip, timeout: 240_000 }, () => {
  let set: RedisSetUnderTest;
  let led: Record<Member, ServedRedis>;
  afterEach(() => set.close());

  async function start(options: { readonly barred: boolean }): Promise<void> {
    set = await RedisSetUnderTest.start(options);
    led = { nyc: set.led('nyc'), chi: set.led('chi') };
  }

  const lead = (name: Member, to: Member, epoch: number) =>
    led[name].lead(epoch as Epoch, { [setName]: instanceId(to) }, { deadlineMs: 20_000, silence: false });
  /** The record names one of them, and both are told. */
  async function named(to: Member, epoch: number): Promise<void> {
    const others = members.filter((name) => name !== to);
    for (const name of others) await lead(name, to, epoch);
    const outcome = await lead(to, to, epoch);
    assert.equal(outcome.kind, 'ok', JSON.stringify(outcome));
  }
  async function seen(name: Member): Promise<SeenServer> {
    const look = await led[name].look(soon);
    assert.ok(look.kind === 'seen', JSON.stringify(look));
    return look;
  }
  const priorityOf = async (name: Member) => (await seen(name)).figures['priority'];
  /** As soon as nothing is under way: what the sentinel says to it. */
  const failover = async () => {
    let said: unknown;
    const isFree = async () => {
      const answer = await set.talk('sentinel')([['SENTINEL', 'FAILOVER', setName]], soon);
      const [reply] = answer.kind === 'ok' ? answer.replies : [];
      said = reply instanceof RespError ? reply.message : reply;
      return !String(said).startsWith('INPROG');
    };
    await eventually(isFree, 'no failover under way', 20_000);
    return said;
  };
  const priorityAtSentinel = async (name: Member) => {
    const { replicas } = await set.sentinel().observe(soon);
    const known = replicas?.find(({ port }) => port === set.address(name).port);
    return known?.linkUp && !known.flags.includes('s_down') ? known.priority : null;
  };
  /** Its agent looks again and again until it may be promoted. */
  async function candidate(name: Member): Promise<void> {
    const isOne = async () => {
      await led[name].keep(soon);
      return (await priorityOf(name)) === 100 && (await priorityAtSentinel(name)) === 100;
    };
    await eventually(isOne, `${name} may be promoted`, seenWithinMs);
  }
  async function write(name: Member, epoch: number, values: readonly string[]): Promise<void> {
    const answer = await set.writer(name, epoch)([['SADD', 'written', ...values]], soon);
    assert.deepEqual(answer, { kind: 'ok', replies: [values.length] });
  }
  const written = async (name: Member) => {
    const answer = await set.talk(name)([['SCARD', 'written']], soon);
    return answer.kind === 'ok' ? answer.replies[0] : answer.kind;
  };
  const values = (what: string) => Array.from({ length: 100 }, (_, index) => `${what}-${index}`);

  /** nyc led and was killed; chi was promoted, and took more; nyc was started again with what it had. */
  async function restarted(): Promise<void> {
    await named('nyc', 1);
    await candidate('chi');
    await write('nyc', 1, values('first'));
    await eventually(async () => (await written('chi')) === 100, 'chi has them');
    await set.kill('nyc');
    const takenOver = await lead('chi', 'chi', 2);
    assert.equal(takenOver.kind, 'ok', JSON.stringify(takenOver));
    await write('chi', 2, values('second'));
    await set.run('nyc');
    assert.equal((await set.driver('nyc').observe(soon)).replication?.role, 'primary');
  }

  it('never one that was started anew: only once it was seen to have what the leading one has, and then nothing is lost', async () => {
    await start({ barred: true });
    await restarted();
    await lead('nyc', 'chi', 2);
    assert.match(String(await failover()), /^NOGOODSLAVE/);
    await candidate('nyc');
    assert.equal(await written('nyc'), 200);
    assert.equal(await failover(), 'OK');
    const promoted = async () => (await set.driver('nyc').observe(soon)).replication?.role === 'primary';
    await eventually(promoted, 'nyc is promoted');
    assert.equal(await written('nyc'), 200);
    assert.deepEqual((await seen('nyc')).leads, { [setName]: null }, 'it lets nobody in');
  });

  it('a sentinel that is let in at a server as it starts would promote it, and lose what was acknowledged since', async () => {
    await start({ barred: false });
    await restarted();
    const known = async () => {
      const { replicas } = await set.sentinel().observe(soon);
      const found = replicas?.find(({ port }) => port === set.address('nyc').port);
      return found !== undefined && !found.flags.some((flag) => flag !== 'slave');
    };
    await eventually(known, 'the sentinel has seen nyc', seenWithinMs);
    assert.equal(await failover(), 'OK');
    const copied = async () => (await set.driver('chi').observe(soon)).replication?.role === 'replica';
    await eventually(copied, 'chi follows', 30_000);
    await eventually(async () => (await written('chi')) === 100, 'chi has lost what it took', 30_000);
  });

  it('where one that leads gives way to another, its agent leaves that to the record, and says what it led', async () => {
    await start({ barred: true });
    await named('nyc', 1);
    await candidate('chi');
    await write('nyc', 1, values('first'));
    const before = (await seen('nyc')).stream!;
    assert.equal(await failover(), 'OK');
    const gaveWay = async () => (await seen('nyc')).stream?.left !== undefined;
    await eventually(gaveWay, 'nyc has another history', 30_000);
    const outcome = await lead('nyc', 'nyc', 1);
    assert.equal(outcome.kind === 'failed' && outcome.code, 'gave-way', JSON.stringify(outcome));
    const { left } = (await seen('nyc')).stream!;
    assert.equal(left!.history, before.history);
    const successor = (await set.driver('chi').observe(soon)).replication!;
    // Until it was demoted it went on, with nothing but what Redis and Sentinel say in the stream themselves.
    const loss = lossBetween(left!, successor, { stopped: false, endedWithinMs: left!.endedWithinMs });
    assert.ok(
      loss.kind === 'bounded' || (loss.kind === 'lost' && !loss.exact && loss.bytes < 2_000),
      JSON.stringify(loss),
    );
    assert.equal(await written('chi'), 100);
  });
});
