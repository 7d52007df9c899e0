import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import {
  redisName,
  redisNodes,
  redisPort,
  redisSecrets,
  redisSet,
  sentinelNodes,
  sentinelPort,
  sentinelUser,
} from '../../../lab/netns/servers/redis.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { waitFor } from '../../../lab/wait.ts';
import { RedisDriver } from '../../../src/adapters/redis-sentinel/driver.ts';
import { switchPrimary } from '../../../src/adapters/redis-sentinel/planned-switch.ts';
import { redisTalk } from '../../../src/adapters/redis-sentinel/redis-talk.ts';
import { SentinelDriver } from '../../../src/adapters/redis-sentinel/sentinel-driver.ts';
import { lossBetween } from '../../../src/core/replication/stream-loss.ts';
import { codeOf, epoch, type ServersUnderTest, withinDeadline } from './servers-under-test.ts';

/** Longer than that, and clients would have given up. What a move takes is printed. */
const switchWithinMs = 10_000;
/** `min-replicas-max-lag`, looked at once a second in whole seconds, and the processors' time. */
const doomedWithinMs = 5_000;

export function redisSuite(servers: () => ServersUnderTest): void {
  const soon = { deadlineMs: 3_000 };
  const nodeAt = (site: string) => redisNodes(servers().ground).find((node) => node.site === site)!;
  const addressOf = (node: PlannedNode) => ({ host: lanAddress(servers().ground.plan, node), port: redisPort });
  const keyOf = (site: string) => serverKey({ name: redisName, node: nodeAt(site) });

  /** As its own machine drives it. */
  function driver(site: string): RedisDriver {
    const { ground } = servers();
    const node = nodeAt(site);
    const login = { address: addressOf(node), user: 'holdfast', password: ground.secret(redisSecrets.driver) };
    return new RedisDriver({
      talk: redisTalk(login, servers().dialFrom(node.id)),
      epochs: servers().newEpochs(),
      sentinelUser,
      writerPasswordHash: createHash('sha256').update(ground.secret(redisSecrets.writer)).digest('hex'),
    });
  }

  function sentinel(site: string): SentinelDriver {
    const { ground } = servers();
    const node = sentinelNodes(ground).find((each) => each.site === site)!;
    const address = { host: lanAddress(ground.plan, node), port: sentinelPort };
    const talk = (at: typeof address) =>
      redisTalk(
        { address: at, user: null, password: ground.secret(redisSecrets.sentinel) },
        servers().dialFrom(node.id),
      );
    return new SentinelDriver({
      talk: talk(address),
      peer: talk,
      set: redisSet,
      epochs: servers().newEpochs(),
    });
  }

  /** Somebody of an epoch at one server, from outside both trading sites' machines. */
  const writer = (site: string, at: number, from = 'observer/nyc') =>
    redisTalk(
      {
        address: addressOf(nodeAt(site)),
        user: `writer-${at}`,
        password: servers().ground.secret(redisSecrets.writer),
      },
      servers().dialFrom(from),
    );
  const write = async (site: string, at: number, value: string, from?: string) => {
    const answer = await writer(site, at, from)([['SADD', 'written', value]], soon);
    return answer.kind === 'ok' && answer.replies[0] === 1;
  };
  const isPrimary = (site: string) => async () =>
    (await sentinel('ldn').confirm({ kind: 'primary-at', address: addressOf(nodeAt(site)) }, soon)) === 'holds';
  const follows = (site: string, upstream: string) => async () => {
    const condition = { kind: 'following', upstream: addressOf(nodeAt(upstream)) } as const;
    return (await driver(site).confirm(condition, soon)) === 'holds';
  };
  const isQuorate = async () => {
    const looks = await Promise.all(['nyc', 'chi', 'ldn'].map((site) => sentinel(site).observe(soon)));
    if (new Set(looks.map(({ primary }) => `${primary?.host}:${primary?.port} ${primary?.flags}`)).size !== 1)
      return false;
    return looks.every(({ quorate, replicas, primary }) => {
      const others = replicas?.filter(({ linkUp }) => linkUp).length;
      return quorate === true && others === 2 && primary?.otherSentinels === 2;
    });
  };

  /**
   * Who is primary for all of them, and the other one, which they may promote and know it: nobody's agent says so here. A set that was
   * moved may be moved once more by sentinels that waited for the processors.
   */
  const agreed = async (at: number) => {
    await waitFor('sentinels that agree', isQuorate, 60_000);
    const active = (await isPrimary('nyc')()) ? 'nyc' : 'chi';
    const other = active === 'nyc' ? 'chi' : 'nyc';
    assert.equal(codeOf(await driver(other).perform({ kind: 'admit', epoch: epoch(at) }, soon)), 'ok');
    const isKnown = async () => {
      const looks = await Promise.all(['nyc', 'chi', 'ldn'].map((site) => sentinel(site).observe(soon)));
      return looks.every(({ replicas }) => replicas?.some(({ priority, linkUp }) => linkUp && priority > 0));
    };
    await waitFor('sentinels that know whom they may promote', isKnown, 30_000);
    return { active, other };
  };

  /** Writes one value after the other, until it is ended, wherever `where` says. */
  function write_(where: () => { readonly site: string; readonly at: number }, from?: string) {
    const acknowledged: string[] = [];
    let [ended, lastMs, gapMs, count] = [false, performance.now(), 0, 0];
    const done = (async () => {
      while (!ended) {
        const { site, at } = where();
        const value = `value-${count++}`;
        if (!(await write(site, at, value, from))) {
          await new Promise((resolve) => setTimeout(resolve, 2));
          continue;
        }
        acknowledged.push(value);
        gapMs = Math.max(gapMs, performance.now() - lastMs);
        lastMs = performance.now();
      }
    })();
    const end = async () => {
      ended = true;
      await done;
      return { acknowledged, gapMs };
    };
    return { acknowledged, end, lastMs: () => lastMs };
  }
  async function missingAt(site: string, at: number, acknowledged: readonly string[]): Promise<number> {
    const answer = await writer(site, at)([['SMEMBERS', 'written']], soon);
    assert.equal(answer.kind, 'ok');
    const there = new Set(answer.kind === 'ok' ? (answer.replies[0] as readonly string[]) : []);
    return acknowledged.filter((value) => !there.has(value)).length;
  }

  it('has one primary, a replica at every other site, sentinels that agree, and lets nobody write', async () => {
    await waitFor('sentinels that know each other and both replicas', isQuorate, 30_000);
    assert.ok(await isPrimary('nyc')());
    const seen = await driver('nyc').observe(soon);
    assert.deepEqual([seen.openFor, seen.storedEpoch, seen.reasons], [[], 0, []]);
    assert.equal(await write('nyc', 1, 'early'), false);
    assert.equal(codeOf(await driver('chi').perform({ kind: 'open', epoch: epoch(1) }, soon)), 'not-primary');
  });

  it('a planned switch loses no acknowledged write, and an earlier epoch may not write anywhere', async (context: TestContext) => {
    const nyc = driver('nyc');
    const chi = driver('chi');
    assert.equal(codeOf(await nyc.perform({ kind: 'open', epoch: epoch(1) }, soon)), 'ok');
    let where = { site: 'nyc', at: 1 };
    const flow = write_(() => where);
    await waitFor('some writes', () => flow.acknowledged.length > 100, 10_000);
    const begun = performance.now();
    const outcome = await switchPrimary(
      {
        epoch: epoch(2),
        from: { address: addressOf(nodeAt('nyc')), driver: nyc },
        to: { address: addressOf(nodeAt('chi')), driver: chi },
        sentinel: sentinel('ldn'),
        catchUpWithinMs: 1_000,
      },
      { deadlineMs: 10_000 },
    );
    const tookMs = performance.now() - begun;
    where = { site: 'chi', at: 2 };
    assert.deepEqual(outcome, { kind: 'ok' });
    const soFar = flow.acknowledged.length;
    await waitFor('writes at the new primary', () => flow.acknowledged.length > soFar + 20, 10_000);
    const { acknowledged, gapMs } = await flow.end();
    context.diagnostic(
      `switched in ${Math.round(tookMs)} ms, no write for ${Math.round(gapMs)} ms, ${acknowledged.length} acknowledged`,
    );
    assert.equal(await missingAt('chi', 2, acknowledged), 0);
    assert.ok(gapMs <= switchWithinMs, `${gapMs} ms`);
    for (const site of ['nyc', 'chi']) assert.equal(await write(site, 1, `stale-${site}`), false, site);
    assert.equal(codeOf(await driver('chi').perform({ kind: 'open', epoch: epoch(1) }, soon)), 'stale-epoch');
    await waitFor('the former primary to follow', follows('nyc', 'chi'), 10_000);
    await waitFor('London to follow', follows('ldn', 'chi'), 20_000);
    // Sentinel has had it written anew.
    const configuration = join(
      serverState(servers().under.context, { name: redisName, node: nodeAt('chi') }),
      'redis.conf',
    );
    assert.equal(statSync(configuration).mode & 0o077, 0);
  });

  it('a frozen server is unknown in everything; sentinels replace it, closed; what was lost is shown when it is back', async (context: TestContext) => {
    assert.equal((await agreed(2)).active, 'chi');
    const chi = driver('chi');
    const nyc = driver('nyc');
    const frozen = await servers().freeze(keyOf('chi'));
    const begun = performance.now();
    const close = { kind: 'close', epoch: epoch(3) } as const;
    assert.equal(codeOf(await withinDeadline(400, chi.perform(close, { deadlineMs: 400 }))), 'unknown');
    assert.equal(await withinDeadline(400, chi.confirm({ kind: 'closed' }, { deadlineMs: 400 })), 'unknown');
    assert.equal((await withinDeadline(400, chi.observe({ deadlineMs: 400 }))).replication, null);
    await waitFor('sentinels to replace it', isPrimary('nyc'), 30_000);
    context.diagnostic(`replaced after ${Math.round(performance.now() - begun)} ms`);
    assert.equal(await write('nyc', 2, 'not adopted'), false);
    const opens = async () => codeOf(await nyc.perform({ kind: 'open', epoch: epoch(3) }, soon)) === 'ok';
    await waitFor('it to be adopted', opens, 20_000);
    const taken: string[] = [];
    const takes = async () => (await write('nyc', 3, 'adopted')) && taken.push('adopted') === 1;
    await waitFor('a write at the new primary', takes, 10_000);
    context.diagnostic(`first write at its successor after ${Math.round(performance.now() - begun)} ms`);

    await servers().thaw(frozen);
    await waitFor('the former primary to follow', follows('chi', 'nyc'), 30_000);
    assert.equal(await write('chi', 2, 'late'), false);
    assert.match((await chi.observe(soon)).reasons.join(), /writers of epoch 2/);
    assert.equal(codeOf(await chi.perform({ kind: 'close', epoch: epoch(3) }, soon)), 'ok');
    assert.equal(await missingAt('nyc', 3, taken), 0);
  });

  it('a killed server starts closed, and follows', async (context: TestContext) => {
    const { active, other } = await agreed(3);
    const killed = driver(active);
    const former = (await killed.observe(soon)).replication!;
    await servers().kill(keyOf(active));
    const gone = await withinDeadline(400, killed.perform({ kind: 'close', epoch: epoch(4) }, { deadlineMs: 400 }));
    assert.equal(codeOf(gone), 'unknown');
    await waitFor('sentinels to replace it', isPrimary(other), 30_000);
    await servers().restart(keyOf(active));
    const isClosed = async () => (await driver(active).confirm({ kind: 'closed' }, soon)) === 'holds';
    await waitFor('it to be back, closed', isClosed, 10_000);
    assert.equal(await write(active, 3, 'after the restart'), false);
    const roles = ['it follows', 'the sentinels have led back to it'] as const;
    let seen: (typeof roles)[number] | null = null;
    const isSettled = async () => {
      if (await follows(active, other)()) seen = roles[0];
      else if (await follows(other, active)()) seen = roles[1];
      return seen !== null;
    };
    await waitFor('one of them to follow the other', isSettled, 60_000);
    context.diagnostic(seen!);
    // Whatever the sentinels made of it.
    assert.ok(await isClosed());
    assert.equal(await write(active, 3, 'once more'), false);
    if (seen !== roles[0]) return;
    const successor = (await driver(other).observe(soon)).replication!;
    const loss = lossBetween(former, successor, { stopped: true });
    context.diagnostic(`lost as shown: ${JSON.stringify(loss)}`);
    assert.ok(loss.kind !== 'unknown', 'the histories are not comparable');
  });

  it('a primary that is cut off acknowledges for a bounded time only, and what it loses is shown to the byte', async (context: TestContext) => {
    const { active, other } = await agreed(4);
    const [doomed, next] = [driver(active), driver(other)];
    const open = async () => codeOf(await doomed.perform({ kind: 'open', epoch: epoch(5) }, soon)) === 'ok';
    await waitFor('it to be open', open, 20_000);
    // Inside the site that is cut off.
    const flow = write_(() => ({ site: active, at: 5 }), nodeAt(active).id);
    await waitFor('some writes', () => flow.acknowledged.length > 50, 10_000);
    const fault = await servers().isolate(active);
    const cutAt = performance.now();
    await waitFor('sentinels to replace it', isPrimary(other), 30_000);
    const opens = async () => codeOf(await next.perform({ kind: 'open', epoch: epoch(6) }, soon)) === 'ok';
    await waitFor('its successor to be open', opens, 20_000);
    const isSilent = () => performance.now() - Math.max(flow.lastMs(), cutAt) > 1_500;
    await waitFor('the one that is cut off to take no writes', isSilent, 15_000);
    const { acknowledged } = await flow.end();
    const former = (await doomed.observe(soon)).replication!;
    assert.equal(former.role, 'primary');
    await servers().heal(fault);
    await waitFor('it to follow', follows(active, other), 40_000);
    assert.equal(codeOf(await doomed.perform({ kind: 'close', epoch: epoch(6) }, soon)), 'ok');
    const missing = await missingAt(other, 6, acknowledged);
    const loss = lossBetween(former, (await next.observe(soon)).replication!, { stopped: true });
    const foolishMs = flow.lastMs() - cutAt;
    context.diagnostic(
      `acknowledged for ${Math.round(foolishMs)} ms after the cut; ${missing} of ${acknowledged.length} lost; shown: ${JSON.stringify(loss)}`,
    );
    assert.ok(foolishMs <= doomedWithinMs, `${foolishMs} ms`);
    assert.ok(missing === 0 ? loss.kind !== 'unknown' : loss.kind === 'lost' && loss.exact && loss.bytes > 0);
  });
}
