import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../../src/adapters/redis-sentinel/parse.ts';
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
        if (command[0] !== 'INFO' && command[0] !== 'GET' && command[1] !== 'USERS')
          this.said.push(`${host} ${command.filter((word) => !word.includes('\n')).join(' ')}`);
        return server.answer(command, this.version);
      });
      return { kind: 'ok', replies };
    };
  }

  readonly sentinel: RedisTalk = async (commands) => {
    if (this.sentinelFreezes) return { kind: 'unknown', reason: 'no answer within 200 ms' };
    const primary = [...this.servers].find(([, { role }]) => role === 'primary')![0];
    const replies = commands.map(([first, verb]): RespValue => {
      if (first === 'INFO') return recordedReply('info-server');
      switch (verb) {
        case 'GET-MASTER-ADDR-BY-NAME':
          return [primary, '6379'];
        case 'FAILOVER':
          this.said.push('sentinel FAILOVER');
          if (!this.sentinelPromotes) return 'OK';
          for (const [host, server] of this.servers) if (host === this.movesTo) server.role = 'primary';
          this.servers.get(primary)!.role = 'replica';
          return 'OK';
        case 'MASTER':
          return recordedReply('sentinel-master');
        case 'REPLICAS':
          return recordedReply('sentinel-replicas');
        default:
          return recordedReply('sentinel-ckquorum');
      }
    });
    return { kind: 'ok', replies };
  };
}

export class RecordedServer {
  role: 'primary' | 'replica';
  frozen = false;
  readonly users = new Set(['default', 'holdfast']);
  epoch = 0;
  behind = 0;
  /** Null: as it was recorded. */
  follows: string | null = null;
  noReplicas = 0;
  /** Sentinel cuts whoever is connected to what it promotes. */
  cuts = 0;

  constructor(role: 'primary' | 'replica') {
    this.role = role;
  }

  answer(command: readonly string[], version: string): RespValue {
    const [verb, what] = command;
    switch (`${verb} ${what}`) {
      case 'INFO server':
        return textOf(recordedReply('info-server')).replace(
          /redis_version:.*/,
          `redis_version:${version}\r\nprocess_id:7`,
        );
      case 'INFO replication':
        return textOf(recordedReply(`info-replication-${this.role}`))
          .replace(/((?:master|slave)_repl_offset):\d+/g, (_, name: string) => `${name}:${129_080 - this.behind}`)
          .replace(/master_host:\S+/, (recorded) => (this.follows === null ? recorded : `master_host:${this.follows}`));
      case 'ACL USERS':
        return [...this.users];
      case 'ACL SETUSER':
        this.users.add(command[2]!);
        return 'OK';
      case 'ACL DELUSER':
        for (const user of command.slice(2)) this.users.delete(user);
        return command.length - 2;
      default:
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
