import { Fields } from '../../wire/fields.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { AskHttp } from './http.ts';
import { type MemberRole, type MemberTags, memberRole, parseHistory, parseTags, type TimelineChange } from './parse.ts';

/** Where Patroni keeps who is primary. `etcd` is the section for the v2 API in its configuration, `etcd3` the one for the v3 API. */
export interface StoreLocation {
  readonly api: 'etcd' | 'etcd3';
  /** e.g. `http://10.1.0.13:2379`; asked in this order. */
  readonly endpoints: readonly string[];
  /** Begins and ends with a slash; Patroni's default is `/service/`. */
  readonly namespace: string;
  readonly scope: string;
}

export interface StoredMember {
  readonly name: string;
  /** The store's revision at which it wrote its key last; null where the store did not say, or a refresh does not write it. */
  readonly written: number | null;
  readonly apiUrl: string | null;
  readonly state: string;
  readonly role: MemberRole;
  readonly version: string | null;
  readonly timeline: number | null;
  readonly position: number | null;
  readonly tags: MemberTags;
}

/** Everything below the cluster's key at one moment, by a quorum of the store. */
export interface StoreView {
  /** Who has the lock; null when nobody does. */
  readonly leader: string | null;
  /** The store's revision at which its present holder took the lock: renewals leave it as it is. Null: nobody has it, or the store did not say. */
  readonly leaderSince: number | null;
  /** The store's revision at which its present holder wrote it last, which each renewal does. Null: nobody has it, or the store does not say. */
  readonly leaderRenewed: number | null;
  /**
   * Who may be promoted without a loss; null when no synchronous mode has ever been on. With a `quorum` above 0 each of them may lack
   * something that others have.
   */
  readonly sync: {
    readonly leader: string | null;
    readonly standbys: readonly string[];
    readonly quorum: number;
  } | null;
  /** A switchover or failover that has been asked for and not been carried out. */
  readonly asked: { readonly from: string | null; readonly to: string | null } | null;
  /** Members that have refreshed their key in time. */
  readonly members: readonly StoredMember[];
  readonly history: readonly TimelineChange[];
  /** The leader's end of WAL as it last wrote it. */
  readonly position: number | null;
}

export type StoreAnswer =
  | { readonly kind: 'view'; readonly view: StoreView }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Asks one endpoint, and the next one as well when it has not answered within a share of the time: a silent one costs that, and a slow one is
 * still waited for. The first that answers counts, as each does so for a quorum.
 */
export async function readStore(
  ask: AskHttp,
  location: StoreLocation,
  options: { readonly deadlineMs: number },
): Promise<StoreAnswer> {
  const until = hostMonoMs() + options.deadlineMs;
  const { endpoints } = location;
  const shareMs = options.deadlineMs / (endpoints.length + 1);
  const reasons: string[] = [];
  const open: Promise<StoreView | null>[] = [];
  for (const endpoint of endpoints) {
    open.push(
      readFrom(ask, endpoint, location, until).then((found) => {
        if (typeof found !== 'string') return found;
        reasons.push(`${endpoint}: ${found}`);
        return null;
      }),
    );
    const view = await firstOf(open, open.length < endpoints.length ? shareMs : until - hostMonoMs());
    if (view !== null) return { kind: 'view', view };
  }
  return { kind: 'unknown', reason: reasons.join('; ') || 'the store has no endpoint' };
}

/** A lock as it was seen: of whom, and at which revision it was written last. */
export interface StoredLock {
  readonly holder: string;
  readonly renewed: number;
}

/** Of one key. `kept`: it was another's, or was written anew, or was not there; nothing was changed. `unknown`: it may be gone. */
export type LockRelease =
  | { readonly kind: 'released' }
  | { readonly kind: 'kept' | 'unknown'; readonly reason: string };

/**
 * Takes the lock away before its time, in one step with the comparison: only from this holder, and only where nobody has written it since.
 */
export function releaseLock(
  ask: AskHttp,
  location: StoreLocation,
  { holder, renewed }: StoredLock,
  options: { readonly deadlineMs: number },
): Promise<LockRelease> {
  const condition = new URLSearchParams({ prevValue: holder, prevIndex: String(renewed) });
  return removeKey(ask, location, `leader?${condition.toString()}`, options);
}

/**
 * Takes away the key by which others find a member, only where it is as it was written then. A member that comes back writes it anew by itself.
 */
export function forgetMember(
  ask: AskHttp,
  location: StoreLocation,
  { name, written }: { readonly name: string; readonly written: number },
  options: { readonly deadlineMs: number },
): Promise<LockRelease> {
  return removeKey(ask, location, `members/${encodeURIComponent(name)}?prevIndex=${written}`, options);
}

/** Of etcd's v2 API only (compare-and-delete, https://etcd.io/docs/v2.3/api/): by the v3 API a renewal leaves no trace in the key. */
async function removeKey(
  ask: AskHttp,
  { api, endpoints, namespace, scope }: StoreLocation,
  keyAndCondition: string,
  options: { readonly deadlineMs: number },
): Promise<LockRelease> {
  if (api !== 'etcd') return { kind: 'kept', reason: 'by this API of the store a renewal cannot be told from none' };
  const until = hostMonoMs() + options.deadlineMs;
  let reason = 'the store has no endpoint';
  for (const endpoint of endpoints) {
    const url = `${endpoint}/v2/keys${namespace}${scope}/${keyAndCondition}`;
    const answer = await ask({ method: 'DELETE', url }, { deadlineMs: until - hostMonoMs() });
    if (answer.kind === 'answer' && answer.status === 200) return { kind: 'released' };
    if (answer.kind === 'answer' && (answer.status === 404 || answer.status === 412))
      return { kind: 'kept', reason: `it is not as it was: ${answer.text.trim()}` };
    reason = `${endpoint}: ${answer.kind === 'answer' ? `it answered ${answer.status}` : answer.reason}`;
    // Only where nobody took the connection is it known that nothing was done.
    if (answer.kind !== 'not-sent') return { kind: 'unknown', reason };
  }
  return { kind: 'kept', reason };
}

/** The first view; null once nobody can give one any more, or after so long. */
function firstOf(open: readonly Promise<StoreView | null>[], withinMs: number): Promise<StoreView | null> {
  const { promise, resolve } = Promise.withResolvers<StoreView | null>();
  const timer = setTimeout(() => resolve(null), Math.max(0, withinMs));
  for (const each of open) void each.then((view) => view !== null && resolve(view));
  void Promise.all(open).then(() => resolve(null));
  return promise.finally(() => clearTimeout(timer));
}

async function readFrom(
  ask: AskHttp,
  endpoint: string,
  location: StoreLocation,
  until: number,
): Promise<StoreView | string> {
  try {
    const read = location.api === 'etcd' ? readV2 : readV3;
    const found = await read(ask, endpoint, location, until - hostMonoMs());
    return typeof found === 'string' ? found : storeView(found);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Keys = ReadonlyMap<string, StoredKey>;

interface StoredKey {
  readonly text: string;
  /** Revision at which it was made; null where the store did not say. */
  readonly since: number | null;
  /** Revision at which it was written last; null where the store did not say, or renewals do not write it. */
  readonly renewed: number | null;
}

async function readV2(
  ask: AskHttp,
  endpoint: string,
  { namespace, scope }: StoreLocation,
  deadlineMs: number,
): Promise<Keys | string> {
  const url = `${endpoint}/v2/keys${namespace}${scope}/?recursive=true&quorum=true`;
  const answer = await ask({ method: 'GET', url }, { deadlineMs });
  if (answer.kind !== 'answer') return answer.reason;
  if (answer.status === 404 && answer.text.includes('Key not found')) return new Map();
  return answer.status === 200 ? parseV2(answer.text, `${namespace}${scope}/`) : `it answered ${answer.status}`;
}

async function readV3(
  ask: AskHttp,
  endpoint: string,
  { namespace, scope }: StoreLocation,
  deadlineMs: number,
): Promise<Keys | string> {
  const prefix = Buffer.from(`${namespace}${scope}/`);
  const end = Buffer.from(prefix);
  end[end.length - 1] = end.at(-1)! + 1;
  const body = { key: prefix.toString('base64'), range_end: end.toString('base64') };
  const answer = await ask({ method: 'POST', url: `${endpoint}/v3/kv/range`, body }, { deadlineMs });
  if (answer.kind !== 'answer') return answer.reason;
  return answer.status === 200 ? parseV3(answer.text, prefix.toString()) : `it answered ${answer.status}`;
}

/** Of `GET /v2/keys/…?recursive=true`. */
export function parseV2(text: string, prefix: string): Keys {
  const keys = new Map<string, StoredKey>();
  const walk = (value: unknown, at: string): void => {
    const node = Fields.of(value, at);
    const raw = node.raw()['value'];
    if (typeof raw === 'string')
      keys.set(node.text('key').slice(prefix.length), {
        text: raw,
        since: node.numberOrNull('createdIndex'),
        renewed: node.numberOrNull('modifiedIndex'),
      });
    for (const child of node.list('nodes', (each) => each, [])) walk(child, `${at}.nodes`);
  };
  walk(Fields.parse(text, 'store').raw()['node'], 'node');
  return keys;
}

/** Of the JSON gateway's `POST /v3/kv/range`. */
export function parseV3(text: string, prefix: string): Keys {
  const decode = (value: string) => Buffer.from(value, 'base64').toString('utf8');
  const entries = Fields.parse(text, 'store').list(
    'kvs',
    (value, at): readonly [string, StoredKey] => {
      const entry = Fields.of(value, at);
      const created = entry.textOrNull('create_revision');
      return [
        decode(entry.text('key')).slice(prefix.length),
        // A lease is what is renewed there, and not the key.
        { text: decode(entry.words('value', '')), since: created === null ? null : Number(created), renewed: null },
      ];
    },
    [],
  );
  return new Map(entries);
}

export function storeView(keys: Keys): StoreView {
  const fields = (name: string) => {
    const text = keys.get(name)?.text;
    return text === undefined || text === '' ? null : Fields.parse(text, name);
  };
  const sync = fields('sync');
  const asked = fields('failover');
  const status = fields('status');
  const from = asked?.textOrNull('leader') ?? null;
  const to = asked?.textOrNull('member') ?? asked?.textOrNull('candidate') ?? null;
  const members = [...keys].flatMap(([key, stored]) =>
    key.startsWith('members/') ? [storedMember(key.slice('members/'.length), stored)] : [],
  );
  return {
    leader: keys.get('leader')?.text ?? null,
    leaderSince: keys.get('leader')?.since ?? null,
    leaderRenewed: keys.get('leader')?.renewed ?? null,
    sync:
      sync === null
        ? null
        : {
            leader: sync.textOrNull('leader'),
            standbys: namesIn(sync.raw()['sync_standby']),
            quorum: sync.numberOrNull('quorum') ?? 0,
          },
    asked: from === null && to === null ? null : { from, to },
    members: members.toSorted((left, right) => (left.name < right.name ? -1 : 1)),
    history: parseHistory(keys.get('history')?.text ?? '[]'),
    position: status?.numberOrNull('optime') ?? null,
  };
}

const namesIn = (value: unknown): readonly string[] =>
  typeof value === 'string'
    ? value
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '')
    : [];

function storedMember(name: string, { text, renewed }: StoredKey): StoredMember {
  const fields = Fields.parse(text, `members/${name}`);
  return {
    name,
    written: renewed,
    apiUrl: fields.textOrNull('api_url'),
    state: fields.words('state', ''),
    role: memberRole(fields.words('role', '')),
    version: fields.textOrNull('version'),
    timeline: fields.numberOrNull('timeline'),
    position: fields.numberOrNull('xlog_location'),
    tags: parseTags(fields.fieldsOrNull('tags')),
  };
}
