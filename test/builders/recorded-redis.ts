import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePeers, textOf } from '../../src/adapters/redis-sentinel/parse.ts';
import type { RedisTalk } from '../../src/adapters/redis-sentinel/redis-talk.ts';
import { RespError, RespReader, type RespValue } from '../../src/adapters/redis-sentinel/resp.ts';

const fixtures = join(import.meta.dirname, '../../src/adapters/redis-sentinel/fixtures');

/** What real servers answered, as it came. */
export const recordedBytes = (name: string): Buffer => readFileSync(join(fixtures, `${name}-7.0.resp`));
export const recordedReply = (name: string): RespValue => {
  const values = new RespReader().push(recordedBytes(name));
  assert.equal(values.length, 1, name);
  return values[0]!;
};

export const nyc = { host: '127.0.4.1', port: 6379 };
export const chi = { host: '127.0.4.2', port: 6379 };

/** A set of two servers and a sentinel that keep what they are told, in the words of real ones. */
export class RecordedSet {
  readonly said: string[] = [];
  readonly servers = new Map([
    [nyc.host, new RecordedServer('primary')],
    [chi.host, new RecordedServer('replica')],
  ]);
  sentinelFreezes = false;
  sentinelPromotes = true;
  /** Sentinels look at a replica now and then: that often its priority is still the one before. */
  looksLate = 0;
  /** What each sentinel has for the primary, by its host; left out = who is it. */
  readonly named = new Map<string, string>();
  movesTo = chi.host;
  version = '7.0.15';

  talk(host: string): RedisTalk {
    return async (commands, { sayAfter }) => {
      const server = this.servers.get(host);
      if (server === undefined || server.frozen) return { kind: 'unknown', reason: 'no answer within 200 ms' };
      await sayAfter;
      if (server.cuts > 0 && server.role === 'primary') {
        server.cuts -= 1;
        return { kind: 'unknown', reason: 'the connection was closed' };
      }
      const replies = commands.map((command) => {
        if (!['INFO', 'GET'].includes(command[0]!) && !['USERS', 'GET'].includes(command[1]!))
          this.said.push(`${host} ${command.filter((word) => !word.includes('\n')).join(' ')}`);
        return server.answer(command, this.version);
      });
      return { kind: 'ok', replies };
    };
  }

  /** Another sentinel of the set. */
  peer(host: string): RedisTalk {
    return async () => {
      const named = this.named.get(host) ?? this.#primary;
      return { kind: 'ok', replies: [[named, '6379']] };
    };
  }

  get peers(): readonly string[] {
    return parsePeers(recordedReply('sentinel-sentinels')).map(({ host }) => host);
  }

  get #primary(): string {
    return [...this.servers].find(([, { role }]) => role === 'primary')![0];
  }

  readonly sentinel: RedisTalk = async (commands) => {
    if (this.sentinelFreezes) return { kind: 'unknown', reason: 'no answer within 200 ms' };
    const primary = this.#primary;
    const replies = commands.map(([first, verb]): RespValue => {
      if (first === 'INFO') return recordedReply('info-server');
      switch (verb) {
        case 'GET-MASTER-ADDR-BY-NAME':
          return [this.named.get('own') ?? primary, '6379'];
        case 'SENTINELS':
          return recordedReply('sentinel-sentinels');
        case 'FAILOVER':
          this.said.push('sentinel FAILOVER');
          if (this.looksLate > 0) {
            this.looksLate -= 1;
            return recordedReply('error-no-good-replica');
          }
          if (!this.sentinelPromotes) return 'OK';
          for (const [host, server] of this.servers) if (host === this.movesTo) server.role = 'primary';
          this.servers.get(primary)!.role = 'replica';
          return 'OK';
        case 'MASTER':
          return recordedReply('sentinel-master');
        case 'REPLICAS':
          return this.#replicasOf(primary);
        default:
          return recordedReply('sentinel-ckquorum');
      }
    });
    return { kind: 'ok', replies };
  };

  /** As it was recorded, with the replica of the site that was not primary then, and the priority that a sentinel has seen. */
  #replicasOf(primary: string): RespValue {
    const other = primary === nyc.host ? chi.host : nyc.host;
    const seen = this.looksLate > 0 ? 0 : (this.servers.get(other)?.priority ?? 0);
    return (recordedReply('sentinel-replicas') as readonly (readonly string[])[]).map((each) => {
      if (!each.includes(nyc.host)) return each;
      return each.map((word, index) =>
        each[index - 1] === 'slave-priority' ? String(seen) : word.replace(nyc.host, other),
      );
    });
  }
}

export class RecordedServer {
  role: 'primary' | 'replica';
  frozen = false;
  readonly users = new Set(['default', 'holdfast']);
  epoch = 0;
  behind = 0;
  priority = 0;
  linkUp = true;
  /** Of this life of its process, and of its data; null = as they were recorded. */
  runId: string | null = null;
  history: string | null = null;
  /** Null: as it was recorded. */
  follows: string | null = null;
  noReplicas = 0;
  /** A command that it does not carry out. */
  refuses: string | null = null;
  /** The history before it was promoted; null = as it was recorded. */
  before: string | null = null;
  /** Sentinel cuts whoever is connected to what it promotes. */
  cuts = 0;

  constructor(role: 'primary' | 'replica') {
    this.role = role;
  }

  answer(command: readonly string[], version: string): RespValue {
    const [verb, what] = command;
    if (verb === this.refuses && what === 'SETUSER') return recordedReply('error-readonly');
    switch (`${verb} ${what}`) {
      case 'INFO server':
        return textOf(recordedReply('info-server'))
          .replace(/redis_version:.*/, `redis_version:${version}\r\nprocess_id:7`)
          .replace(/run_id:\S+/, (recorded) => (this.runId === null ? recorded : `run_id:${this.runId}`));
      case 'INFO replication':
        return textOf(recordedReply(`info-replication-${this.role}`))
          .replace(/((?:master|slave)_repl_offset):\d+/g, (_, name: string) => `${name}:${129_080 - this.behind}`)
          .replace(/master_host:\S+/, (recorded) => (this.follows === null ? recorded : `master_host:${this.follows}`))
          .replace(/master_replid2:\w+/, (recorded) =>
            this.before === null ? recorded : `master_replid2:${this.before}`,
          )
          .replace(/master_link_status:\w+/, `master_link_status:${this.linkUp ? 'up' : 'down'}`)
          .replace(/master_replid:\w+/, (recorded) =>
            this.history === null ? recorded : `master_replid:${this.history}`,
          );
      case 'CONFIG GET':
        return (recordedReply('config-replica-priority') as readonly string[]).with(1, String(this.priority));
      case 'CONFIG SET':
        this.priority = Number(command[3]);
        return 'OK';
      case 'ACL USERS':
        return [...this.users];
      case 'ACL SETUSER':
        this.users.add(command[2]!);
        return 'OK';
      case 'ACL DELUSER':
        for (const user of command.slice(2)) this.users.delete(user);
        return command.length - 2;
      default:
        if (verb === 'REPLICAOF') [this.role, this.follows] = ['replica', what!];
        if (verb === 'GET') return this.epoch === 0 ? null : String(this.epoch);
        if (verb === 'EVAL') {
          if (this.noReplicas-- > 0) return new RespError('NOREPLICAS Not enough good replicas to write.');
          this.epoch = Math.max(this.epoch, Number(command.at(-1)));
          return this.epoch;
        }
        return 'OK';
    }
  }
}
