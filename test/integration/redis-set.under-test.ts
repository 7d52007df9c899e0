import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisDriver } from '../../src/adapters/redis-sentinel/driver.ts';
import { type RedisTalk, redisTalk } from '../../src/adapters/redis-sentinel/redis-talk.ts';
import { SentinelDriver } from '../../src/adapters/redis-sentinel/sentinel-driver.ts';
import { ServedRedis } from '../../src/adapters/redis-sentinel/served-redis.ts';
import type { DialAddress } from '../../src/adapters/system/dial.ts';
import { GuardedEpochs } from '../../src/adapters/system/guarded-epochs.ts';
import { instanceId } from '../../src/core/base/ids.ts';
import { freePorts } from '../../trading/testing/free-ports.ts';
import { eventually } from '../contract/watch-log.ts';

export const members = ['nyc', 'chi'] as const;
export type Member = (typeof members)[number];
/** As the sentinel calls it. */
export const setName = 'cache';
const password = 'of-this-test';
const host = '127.0.0.1';
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const greeting = '+ping +publish +subscribe +client|setname';
const sentinelRights = `${greeting} +multi +exec +slaveof +config|rewrite +role +info +client|kill +script|kill`;

/** Null when this machine has no Redis. */
export function redisVersion(): string | null {
  try {
    return /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Two real servers and a sentinel that decides alone, in a directory that `close` removes. Servers start closed. */
export class RedisSetUnderTest {
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-redis-'));
  readonly #barred: boolean;
  readonly #addresses = new Map<Member | 'sentinel', DialAddress>();
  readonly #processes = new Map<Member | 'sentinel', ChildProcess>();
  #names = 0;

  /** @param options.barred false: sentinels are let in at a server that starts, as they usually are */
  static async start(options: { readonly barred: boolean }): Promise<RedisSetUnderTest> {
    const set = new RedisSetUnderTest(options.barred);
    const names = [...members, 'sentinel'] as const;
    for (const [index, port] of (await freePorts(names.length, host)).entries())
      set.#addresses.set(names[index]!, { host, port });
    set.#write();
    for (const name of names) await set.run(name);
    return set;
  }

  private constructor(barred: boolean) {
    this.#barred = barred;
  }

  address(name: Member | 'sentinel'): DialAddress {
    return this.#addresses.get(name)!;
  }

  async run(name: Member | 'sentinel'): Promise<void> {
    const home = join(this.directory, name);
    const first = name === 'sentinel' ? ['--sentinel'] : this.#barred ? ['--replica-priority', '0'] : [];
    const child = spawn('redis-server', ['redis.conf', ...first], { cwd: home, stdio: 'ignore' });
    this.#processes.set(name, child);
    const asked = this.talk(name);
    const answers = async () => (await asked([['PING']], { deadlineMs: 500 })).kind === 'ok';
    await eventually(answers, `${name} answers`);
  }

  async kill(name: Member): Promise<void> {
    const child = this.#processes.get(name)!;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** As its agent, or whoever drives the sentinel. */
  talk(name: Member | 'sentinel'): RedisTalk {
    return redisTalk({ address: this.address(name), user: name === 'sentinel' ? null : 'holdfast', password });
  }

  writer(name: Member, epoch: number): RedisTalk {
    return redisTalk({ address: this.address(name), user: `writer-${epoch}`, password });
  }

  driver(name: Member): RedisDriver {
    return new RedisDriver({
      talk: this.talk(name),
      epochs: this.#epochs(),
      writerPasswordHash: hashOf(password),
      sentinelUser: 'sentinel',
    });
  }

  sentinel(): SentinelDriver {
    return new SentinelDriver({
      talk: this.talk('sentinel'),
      peer: (address) => redisTalk({ address, user: null, password }),
      set: setName,
      epochs: this.#epochs(),
    });
  }

  /** What the agent of that server would lead. */
  led(own: Member): ServedRedis {
    const peer = (name: Member) => ({
      instance: instanceId(name),
      address: this.address(name),
      driver: this.driver(name),
    });
    return new ServedRedis({
      set: setName,
      own: peer(own),
      others: members.filter((name) => name !== own).map(peer),
      eligible: true,
      sentinel: this.sentinel(),
      follower: () => this.driver(own),
      watch: () => null,
    });
  }

  async close(): Promise<void> {
    for (const child of this.#processes.values()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #epochs(): GuardedEpochs {
    this.#names += 1;
    return new GuardedEpochs(join(this.directory, `epochs-${this.#names}.json`));
  }

  #write(): void {
    const { port: primaryPort } = this.address('nyc');
    const file = (name: Member | 'sentinel', lines: readonly string[]) => {
      const home = join(this.directory, name);
      mkdirSync(home, { mode: 0o700 });
      const own = [`bind ${host}`, `port ${this.address(name).port}`, `dir ${home}`];
      writeFileSync(join(home, 'redis.conf'), `${[...own, ...lines].join('\n')}\n`, { mode: 0o600 });
    };
    for (const name of members) {
      const follows = name === 'nyc' ? [] : [`replicaof ${host} ${primaryPort}`];
      const users = join(this.directory, name, 'users.acl');
      const replica = ['masteruser replica', `masterauth ${password}`];
      const disk = ['appendonly yes', 'appendfsync everysec', 'save ""', 'repl-diskless-sync-delay 0'];
      file(name, [...disk, ...replica, ...follows, `aclfile ${users}`]);
      const hash = `#${hashOf(password)}`;
      const lines = [
        'user default off resetpass resetchannels -@all',
        `user holdfast on ${hash} ~* &* +@all`,
        `user replica on ${hash} -@all +psync +replconf +ping`,
        `user sentinel on ${hash} &* -@all ${this.#barred ? greeting : sentinelRights}`,
      ];
      writeFileSync(users, `${lines.join('\n')}\n`, { mode: 0o600 });
    }
    const set = (key: string, value: string | number) => `sentinel ${key} ${setName} ${value}`;
    file('sentinel', [
      `requirepass ${password}`,
      `sentinel monitor ${setName} ${host} ${primaryPort} 1`,
      ...[set('auth-user', 'sentinel'), set('auth-pass', password)],
      ...[set('down-after-milliseconds', 1_000), set('failover-timeout', 5_000)],
    ]);
  }
}
