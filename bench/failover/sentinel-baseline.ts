import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { labBreak } from '../../lab/cli.ts';
import type { PlannedNode } from '../../lab/netns/network-plan.ts';
import { lanAddress } from '../../lab/netns/servers/placement.ts';
import {
  redisName,
  redisNodes,
  redisPort,
  redisSecrets,
  redisSet,
  sentinelNodes,
  sentinelPort,
} from '../../lab/netns/servers/redis.ts';
import { serverKey } from '../../lab/netns/servers/server.ts';
import { waitFor } from '../../lab/wait.ts';
import { type RedisTalk, redisTalk } from '../../src/adapters/redis-sentinel/redis-talk.ts';
import { RespError, type RespValue } from '../../src/adapters/redis-sentinel/resp.ts';
import { ClientProcess } from './client-process.ts';
import { firstSuccessMs, missingWrites, staleWrites } from './client-report.ts';
import { type BaselineOptions, notSeen, playRounds, type Round, type Series } from './failover-run.ts';
import { beganAtMs } from './fault-clock.ts';
import { describeSentinel, sentinelField } from './live-timers.ts';

/** Of Redis, and of Debian's file. */
const defaults = { 'down-after-milliseconds': '30000', 'failover-timeout': '180000', 'parallel-syncs': '1' };
/** As many firms have it, and as the first measurements of this lab were made. */
const tuned = { ...defaults, 'down-after-milliseconds': '5000' };
const user = 'bench';
const soon = { deadlineMs: 3_000 };
const takenOverWithinMs = 90_000;
const settledWithinMs = 90_000;
/** Of successes, before the killed one is started again. */
const steadyMs = 1_000;

/** Redis under Sentinel alone, as it comes: nobody opens or closes a server, and a primary that nobody follows takes writes. */
export class SentinelBaseline {
  readonly #options: BaselineOptions;
  readonly #password = randomBytes(16).toString('hex');
  #nextWrite = 0;

  private constructor(options: BaselineOptions) {
    this.#options = options;
  }

  /** The primary is killed, with each of the timers. */
  static async measured(options: BaselineOptions): Promise<readonly Series[]> {
    const baseline = new SentinelBaseline(options);
    await baseline.#settled();
    for (const node of redisNodes(options.servers.ground)) await baseline.#letIn(node);
    return [await baseline.#killedWith('sentinel', defaults), await baseline.#killedWith('sentinel-5s', tuned)];
  }

  async #killedWith(by: string, timers: Readonly<Record<string, string>>): Promise<Series> {
    const settings = Object.entries(timers).map((each) => ['SENTINEL', 'SET', redisSet, ...each]);
    for (const node of sentinelNodes(this.#options.servers.ground)) await carriedOut(this.#sentinel(node), settings);
    const said = await this.#master();
    const rounds = await playRounds(this.#options, `redis-killed, ${by}`, (index) => this.#round(`${by}-${index}`));
    return { fault: 'redis-killed', by, side: 'theirs', timers: describeSentinel(said), rounds };
  }

  async #round(key: string): Promise<Round> {
    const { servers } = this.#options;
    const nodes = redisNodes(servers.ground);
    const primary = await this.#settled();
    const client = new ClientProcess(servers.under, 'client', {
      service: { kind: 'redis', users: [user], password: this.#password, key },
      places: nodes.map((node) => ({ name: node.id, host: lanAddress(servers.ground.plan, node), port: redisPort })),
      first: this.#nextWrite,
    });
    const process = serverKey({ name: redisName, node: primary });
    try {
      await client.serving();
      const fault = { kind: 'kill', target: { kind: 'process', key: process } } as const;
      const seen = { atMs: beganAtMs(await labBreak(servers.lab, fault, null)), former: primary.id };
      const taken = await client.servedElsewhere(primary.id, takenOverWithinMs);
      if (taken) await pause(steadyMs);
      await servers.restart(process);
      const now = await this.#settled();
      const report = await client.end();
      this.#nextWrite += report.sent;
      const [members] = await carriedOut(this.#server(now), [['SMEMBERS', key]]);
      const there = new Set((members as readonly RespValue[]).map(Number));
      const counts = {
        acknowledged: report.acknowledged.length,
        missing: missingWrites([report], there),
        stale: staleWrites([report], seen),
      };
      const firstMs = firstSuccessMs(report, seen);
      if (!taken || firstMs === null)
        return { ...notSeen(`nobody else took a write within ${takenOverWithinMs / 1000} s`), counts };
      return { seconds: firstMs / 1000, why: null, counts };
    } finally {
      client.close();
      await servers.restart(process);
    }
  }

  /** The primary on which all sentinels agree, once everybody else follows it. */
  async #settled(): Promise<PlannedNode> {
    const { ground } = this.#options.servers;
    const nodes = redisNodes(ground);
    let primary: PlannedNode | undefined;
    const isSettled = async () => {
      const named = await Promise.all(sentinelNodes(ground).map((node) => this.#view(node)));
      if (named.some((each) => each === null) || new Set(named).size !== 1) return false;
      primary = nodes.find((node) => lanAddress(ground.plan, node) === named[0]);
      if (primary === undefined) return false;
      const info = await this.#server(primary)([['INFO', 'replication']], soon);
      if (info.kind !== 'ok') return false;
      const text = String(info.replies[0]);
      const online = text.match(/state=online/g)?.length ?? 0;
      return text.includes('role:master') && online === nodes.length - 1;
    };
    await waitFor('sentinels that agree, and replicas that follow', isSettled, settledWithinMs);
    return primary!;
  }

  /** The primary's address as this sentinel knows it, while it sees all others; null otherwise. */
  async #view(node: PlannedNode): Promise<string | null> {
    const { ground } = this.#options.servers;
    const answer = await this.#sentinel(node)([['SENTINEL', 'MASTER', redisSet]], soon);
    if (answer.kind !== 'ok' || !Array.isArray(answer.replies[0])) return null;
    const reply = answer.replies[0] as readonly RespValue[];
    const isWhole =
      sentinelField(reply, 'flags') === 'master' &&
      Number(sentinelField(reply, 'num-slaves')) === redisNodes(ground).length - 1 &&
      Number(sentinelField(reply, 'num-other-sentinels')) === sentinelNodes(ground).length - 1;
    return isWhole ? sentinelField(reply, 'ip') : null;
  }

  async #master(): Promise<readonly RespValue[]> {
    const [node] = sentinelNodes(this.#options.servers.ground);
    const [reply] = await carriedOut(this.#sentinel(node!), [['SENTINEL', 'MASTER', redisSet]]);
    return (reply as readonly RespValue[]).map(String);
  }

  /** A user who may write everywhere, kept over a restart, as where no agent opens and closes; and no more replicas than Redis asks for. */
  async #letIn(node: PlannedNode): Promise<void> {
    await carriedOut(this.#server(node), [
      ['ACL', 'SETUSER', user, 'on', `>${this.#password}`, '~*', '+@all'],
      ['ACL', 'SAVE'],
      ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      ['CONFIG', 'REWRITE'],
    ]);
  }

  #server(node: PlannedNode): RedisTalk {
    const { servers } = this.#options;
    const address = { host: lanAddress(servers.ground.plan, node), port: redisPort };
    const password = servers.ground.secret(redisSecrets.driver);
    return redisTalk({ address, user: 'holdfast', password }, servers.dialFrom('client'));
  }

  #sentinel(node: PlannedNode): RedisTalk {
    const { servers } = this.#options;
    const address = { host: lanAddress(servers.ground.plan, node), port: sentinelPort };
    const password = servers.ground.secret(redisSecrets.sentinel);
    return redisTalk({ address, user: null, password }, servers.dialFrom('client'));
  }
}

/** @throws unless every command is carried out */
async function carriedOut(talk: RedisTalk, commands: readonly (readonly string[])[]): Promise<readonly RespValue[]> {
  const answer = await talk(commands, soon);
  if (answer.kind !== 'ok') throw new Error(answer.reason);
  const refused = answer.replies.find((reply) => reply instanceof RespError);
  if (refused !== undefined) throw new Error((refused as RespError).message);
  return answer.replies;
}
