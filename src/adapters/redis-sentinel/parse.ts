import type { DialAddress } from '../system/dial.ts';
import { RespError, type RespValue } from './resp.ts';

/** A replica as its primary has it. */
export interface KnownReplica extends DialAddress {
  readonly state: string;
  readonly offset: number;
  /** Since it last said how far it is, in whole seconds as Redis counts. */
  readonly heardMsAgo: number;
}

export interface RedisReplication {
  readonly role: 'primary' | 'replica';
  /** Names a history; bytes are compared within one only. */
  readonly history: string;
  /** Bytes of the history that this server has. */
  readonly offset: number;
  /** The history before this server was promoted, and how many bytes of it are in the present one; null = none. */
  readonly before: { readonly history: string; readonly offset: number } | null;
  /** Of a replica: whom it follows. */
  readonly upstream: (DialAddress & { readonly linkUp: boolean; readonly syncing: boolean }) | null;
  readonly replicas: readonly KnownReplica[];
}

/** `INFO replication`. Throws when it is not that. */
export function parseReplication(text: string): RedisReplication {
  const info = fieldsOf(text);
  const role = info.get('role');
  if (role !== 'master' && role !== 'slave') throw new Error('that is not what "INFO replication" prints');
  const number = (name: string) => whole(info.get(name), name);
  const second = number('second_repl_offset');
  return {
    role: role === 'master' ? 'primary' : 'replica',
    history: info.get('master_replid') ?? '',
    offset: role === 'master' ? number('master_repl_offset') : number('slave_repl_offset'),
    // Redis names the first byte that is not of it.
    before: second < 0 ? null : { history: info.get('master_replid2') ?? '', offset: second - 1 },
    upstream:
      role === 'master'
        ? null
        : {
            host: info.get('master_host') ?? '',
            port: number('master_port'),
            linkUp: info.get('master_link_status') === 'up',
            syncing: info.get('master_sync_in_progress') === '1',
          },
    replicas: [...info].filter(([name]) => /^slave\d+$/.test(name)).map(([, value]) => replica(value)),
  };
}

function replica(text: string): KnownReplica {
  const parts = new Map(text.split(',').map((part) => part.split('=', 2) as [string, string]));
  const number = (name: string) => whole(parts.get(name), name);
  return {
    host: parts.get('ip') ?? '',
    port: number('port'),
    state: parts.get('state') ?? '',
    offset: number('offset'),
    heardMsAgo: 1000 * Math.max(0, number('lag')),
  };
}

export interface RedisProcess {
  readonly version: string;
  /** New at each start. */
  readonly runId: string;
  /** On its own machine. */
  readonly pid: number | null;
  readonly upMs: number;
}

/** `INFO server`. Throws when it is not that. */
export function parseServer(text: string): RedisProcess {
  const info = fieldsOf(text);
  const [version, runId] = [info.get('redis_version'), info.get('run_id')];
  if (version === undefined || runId === undefined) throw new Error('that is not what "INFO server" prints');
  const pid = info.get('process_id');
  return {
    version,
    runId,
    pid: pid === undefined ? null : whole(pid, 'process_id'),
    upMs: 1000 * whole(info.get('uptime_in_seconds'), 'uptime_in_seconds'),
  };
}

/** What one sentinel believes of a server. */
export interface SentinelView extends DialAddress {
  /** Its own words, e.g. `master`, `s_down`, `o_down`, `failover_in_progress`. */
  readonly flags: readonly string[];
}

export interface SentinelSet extends SentinelView {
  /** Grows with every failover that this sentinel has heard of. */
  readonly configEpoch: number;
  readonly otherSentinels: number;
  readonly quorum: number;
}

/** `SENTINEL MASTER name`. Throws when it is not that. */
export function parseSet(value: RespValue): SentinelSet {
  const fields = pairs(value);
  const number = (name: string) => whole(fields.get(name), name);
  return {
    ...view(fields),
    configEpoch: number('config-epoch'),
    otherSentinels: number('num-other-sentinels'),
    quorum: number('quorum'),
  };
}

export interface SentinelReplica extends SentinelView {
  /** 0 is never promoted. */
  readonly priority: number;
  readonly linkUp: boolean;
  /** As of the last look, up to 10 s ago. */
  readonly offset: number;
}

/** `SENTINEL REPLICAS name`. Throws when it is not that. */
export function parseReplicas(value: RespValue): readonly SentinelReplica[] {
  if (!Array.isArray(value)) throw new Error('that is no list of replicas');
  return value.map((each: RespValue) => {
    const fields = pairs(each);
    return {
      ...view(fields),
      priority: whole(fields.get('slave-priority'), 'slave-priority'),
      linkUp: fields.get('master-link-status') === 'ok',
      offset: whole(fields.get('slave-repl-offset'), 'slave-repl-offset'),
    };
  });
}

/** `SENTINEL SENTINELS name`: the others that one knows of. Throws when it is not that. */
export function parsePeers(value: RespValue): readonly SentinelView[] {
  if (!Array.isArray(value)) throw new Error('that is no list of sentinels');
  return value.map((each: RespValue) => view(pairs(each)));
}

const view = (fields: ReadonlyMap<string, string>): SentinelView => ({
  host: fields.get('ip') ?? '',
  port: whole(fields.get('port'), 'port'),
  flags: (fields.get('flags') ?? '').split(','),
});

/** What Redis calls RESP2's maps: names and values in turns. */
function pairs(value: RespValue): ReadonlyMap<string, string> {
  if (!Array.isArray(value) || value.length % 2 !== 0) throw new Error('that is no list of names and values');
  const list = value.map(String);
  return new Map(list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]!] as const] : [])));
}

const fieldsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at < 1 || line.startsWith('#') ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );

function whole(text: string | undefined, name: string): number {
  const value = Number(text);
  if (text === undefined || text === '' || !Number.isSafeInteger(value))
    throw new Error(`"${name}" is no whole number`);
  return value;
}

/** A text answer. Throws with Redis's own words where it refused. */
export function textOf(value: RespValue | undefined): string {
  if (value instanceof RespError) throw new Error(value.message);
  if (typeof value !== 'string') throw new Error('the answer is no text');
  return value;
}
