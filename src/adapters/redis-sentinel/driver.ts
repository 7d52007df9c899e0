import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { parseReplication, parseServer, type RedisProcess, type RedisReplication, textOf } from './parse.ts';
import type { RedisTalk } from './redis-talk.ts';
import { RespError, type RespValue } from './resp.ts';

export interface RedisDriverOptions {
  readonly talk: RedisTalk;
  readonly epochs: GuardedEpochs;
  /** SHA-256 of what writers log in with, in hex: the driver has no need of the password. */
  readonly writerPasswordHash: string;
  /** As whom sentinels log in at the server. Null: they are let in whatever the server has, and only its priority says that they may not promote it. */
  readonly sentinelUser: string | null;
}

export type RedisAction =
  /** Writers wait, at most this long; reads go on. `detail` says how far the server had come. */
  | { readonly kind: 'pause-writes'; readonly epoch: Epoch; readonly forMs: number }
  | { readonly kind: 'resume-writes'; readonly epoch: Epoch }
  /** Writers of this epoch, and no others, may write. Only at a primary. */
  | { readonly kind: 'open'; readonly epoch: Epoch }
  /** Nobody may write; whoever was logged in as a writer is cut off. */
  | { readonly kind: 'close'; readonly epoch: Epoch }
  | { readonly kind: 'follow'; readonly epoch: Epoch; readonly upstream: DialAddress }
  /** Sentinels may promote it, where it is a replica; a primary is only let be seen by them. */
  | { readonly kind: 'admit'; readonly epoch: Epoch }
  /** Sentinels may not promote it. */
  | { readonly kind: 'bar'; readonly epoch: Epoch };

export type FollowAction = Extract<RedisAction, { kind: 'follow' }>;

export type RedisCondition =
  | { readonly kind: 'primary' }
  | { readonly kind: 'open-at'; readonly epoch: Epoch }
  | { readonly kind: 'closed' }
  /** Connected, and not copying everything first. */
  | { readonly kind: 'following'; readonly upstream: DialAddress }
  /** Has all of this history up to there. */
  | { readonly kind: 'caught-up'; readonly history: string; readonly offset: number }
  | { readonly kind: 'priority-is'; readonly priority: number };

/** What one look at a server gave; null where it did not answer in time, or not sensibly. */
export interface RedisObservation {
  readonly server: RedisProcess | null;
  readonly replication: RedisReplication | null;
  /** Epochs whose writers are let in; more than one is nobody's intention. */
  readonly openFor: readonly number[] | null;
  /** The highest that was ever opened in this data, wherever; 0 = none. */
  readonly storedEpoch: number | null;
  /** `replica-priority`; 0 = sentinels do not promote it. */
  readonly priority: number | null;
  readonly reasons: readonly string[];
}

/** What Redis has where nothing is said: sentinels prefer the lowest one that is not 0. */
export const candidatePriority = 100;
/** What a sentinel needs at a server that it watches, promotes and reconfigures. */
const sentinelRights = [
  ...['multi', 'exec', 'slaveof', 'ping', 'role', 'info', 'publish', 'subscribe'],
  ...['config|rewrite', 'client|setname', 'client|kill', 'script|kill'],
].map((each) => `+${each}`);

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['7.0'];
const lookAgainAfterMs = 10;
export const epochKey = 'holdfast:epoch';
const writerOf = (epoch: number): string => `writer-${epoch}`;
const epochOfWriter = (user: string): number | null => {
  const found = /^writer-(\d{1,15})$/.exec(user)?.[1];
  return found === undefined ? null : Number(found);
};
const hostShape = /^[0-9a-fA-F.:]{2,45}$/;

/** Compare and set: an older epoch changes nothing and is told the newer one. */
const raiseEpoch = `local known = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > known then redis.call('SET', KEYS[1], ARGV[1]) known = tonumber(ARGV[1]) end
return known`;

interface Look {
  readonly replication: RedisReplication;
  readonly openFor: readonly number[];
  readonly storedEpoch: number;
  readonly priority: number;
  readonly users: readonly string[];
}
type Looked = { readonly kind: 'ok'; readonly look: Look } | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Drives one Redis server. Writers log in under a name with their epoch, which exists at one server while that epoch is open there:
 * so Redis itself refuses older ones. Who is primary is Sentinel's to say; a server that starts lets no writer in, whatever its role.
 */
export class RedisDriver {
  readonly #options: RedisDriverOptions;

  constructor(options: RedisDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the server does. */
  async observe(options: CallOptions): Promise<RedisObservation> {
    const reasons: string[] = [];
    const answer = await this.#options.talk([['INFO', 'server'], ...lookCommands], options);
    if (answer.kind !== 'ok')
      return {
        ...{ server: null, replication: null, openFor: null, storedEpoch: null, priority: null },
        reasons: [answer.reason],
      };
    const [server, ...rest] = answer.replies;
    const part = <Part>(name: string, read: () => Part): Part | null => {
      try {
        return read();
      } catch (error) {
        reasons.push(`${name}: ${messageOf(error)}`);
        return null;
      }
    };
    const seen = part('server', () => parseServer(textOf(server)));
    if (seen !== null && !triedVersions.some((tried) => `${seen.version}.`.startsWith(`${tried}.`)))
      reasons.push(`version ${seen.version} has not been tried; ${triedVersions.join(', ')} has`);
    const replication = part('replication', () => parseReplication(textOf(rest[0])));
    const openFor = part('writers', () => writersIn(usersIn(rest[1])));
    if (replication?.role === 'replica' && openFor !== null && openFor.length > 0)
      reasons.push(
        `it follows another server, and would let writers of epoch ${openFor.join(', ')} in if it were promoted`,
      );
    return {
      server: seen,
      replication,
      openFor,
      storedEpoch: part('epoch', () => epochIn(rest[2])),
      priority: part('priority', () => priorityIn(rest[3])),
      reasons,
    };
  }

  /** `ok` only when it was seen to be so afterwards; what was not is `unknown`. */
  async perform(action: RedisAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const admitted = await this.#admitted(action, until);
    if (admitted.kind !== 'ok') return admitted;
    const { look } = admitted;
    switch (action.kind) {
      case 'pause-writes':
        return this.#pause(action.forMs, until);
      case 'resume-writes':
        return this.#say([['CLIENT', 'UNPAUSE']], until);
      case 'open':
        if (look.replication.role !== 'primary') return failed('not-primary', 'it follows another server');
        return this.#open(action.epoch, look, until);
      case 'close':
        return this.#close(look, until);
      case 'follow':
        return this.#follow(action, until);
      case 'admit':
        return this.#admit(look, until);
      case 'bar':
        return this.#change(
          [setPriority(0), ...this.#sentinelsMay(look, [])],
          { kind: 'priority-is', priority: 0 },
          until,
        );
    }
  }

  /** As `follow`, and said as soon as `due` is settled: over a connection that stands by then, where it may be said at all. */
  async followOnce(due: Promise<void>, action: FollowAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { promise: sayAfter, resolve: say } = Promise.withResolvers<void>();
    const saying = this.#follow(action, until, sayAfter);
    const admitted = await this.#admitted(action, until);
    if (admitted.kind !== 'ok') return admitted;
    void due.then(say);
    return saying;
  }

  /** Until somebody follows it, or for so long: whether a write would be taken is not said. */
  async untilFollowed({ deadlineMs }: CallOptions): Promise<void> {
    if (deadlineMs > 1) await this.#options.talk([['WAIT', '1', String(Math.floor(deadlineMs))]], { deadlineMs });
  }

  /** That nothing newer is known of here, at the server, and in the data. */
  async #admitted(
    action: RedisAction,
    until: number,
  ): Promise<{ readonly kind: 'ok'; readonly look: Look } | Exclude<ActionOutcome, { kind: 'ok' }>> {
    const wrong = shapeProblem(action);
    if (wrong !== null) return failed('bad-value', wrong);
    const { epochs } = this.#options;
    const stale = (known: number) =>
      failed('stale-epoch', `epoch ${action.epoch} is older than ${known} for this server`);
    if (!epochs.admit(resource, action.epoch)) return stale(epochs.highest(resource));
    const looked = await this.#look(until);
    if (looked.kind === 'unknown') return looked;
    const newest = Math.max(looked.look.storedEpoch, ...looked.look.openFor);
    return newest > action.epoch ? stale(newest) : looked;
  }

  async confirm(condition: RedisCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const looked = await this.#look(hostMonoMs() + options.deadlineMs);
    if (looked.kind === 'unknown') return 'unknown';
    return holds(condition, looked.look) ? 'holds' : 'does-not-hold';
  }

  #follow({ upstream }: FollowAction, until: number, sayAfter?: Promise<void>): Promise<ActionOutcome> {
    const replicaOf = ['REPLICAOF', upstream.host, String(upstream.port)];
    return this.#change([replicaOf], { kind: 'told-to-follow', upstream }, until, sayAfter);
  }

  /** What led may be behind as soon as another one leads. */
  #close({ replication, openFor }: Look, until: number): Promise<ActionOutcome> {
    const led = replication.role === 'primary' ? [setPriority(0)] : [];
    return this.#change([...led, ...deletions(openFor)], { kind: 'closed' }, until);
  }

  /** The priority last, and alone: whatever is carried out before it leaves the server barred. */
  async #admit(look: Look, until: number): Promise<ActionOutcome> {
    const priority = look.replication.role === 'replica' ? candidatePriority : 0;
    const letIn = await this.#say(this.#sentinelsMay(look, sentinelRights), until);
    return letIn.kind === 'ok'
      ? this.#change([setPriority(priority)], { kind: 'priority-is', priority }, until)
      : letIn;
  }

  /** In place: a user that is deleted would be cut off, and would have to come back. Where there is none of that name nothing is made. */
  #sentinelsMay({ users }: Look, rights: readonly string[]): readonly (readonly string[])[] {
    const { sentinelUser } = this.#options;
    return sentinelUser === null || !users.includes(sentinelUser)
      ? []
      : [['ACL', 'SETUSER', sentinelUser, '-@all', ...rights]];
  }

  async #pause(forMs: number, until: number): Promise<ActionOutcome> {
    // The position is asked for in the same breath: nothing that writers sent comes after it.
    const answer = await this.#ask([['CLIENT', 'PAUSE', String(forMs), 'WRITE'], ...lookCommands], until);
    if (answer.kind === 'unknown') return answer;
    const [paused, ...rest] = answer.replies;
    if (paused instanceof RespError) return failed('refused', paused.message);
    const looked = lookOf(rest);
    if (looked.kind === 'unknown') return looked;
    const { history, offset } = looked.look.replication;
    return { kind: 'ok', detail: { history, offset } };
  }

  /** Earlier writers are gone before this epoch's are let in. Sentinels see it from then on; once it follows it is not to be promoted as it is. */
  async #open(epoch: Epoch, look: Look, until: number): Promise<ActionOutcome> {
    const stored = await this.#ask([['EVAL', raiseEpoch, '1', epochKey, String(epoch)]], until);
    if (stored.kind === 'unknown') return stored;
    const [known] = stored.replies;
    if (known instanceof RespError)
      return failed(/NOREPLICAS/.test(known.message) ? 'no-replicas' : 'refused', known.message);
    if (known !== epoch) return failed('stale-epoch', `epoch ${epoch} is older than ${String(known)} in the data`);
    const rights = [
      'reset',
      'on',
      `#${this.#options.writerPasswordHash}`,
      '~*',
      '&*',
      '+@all',
      '-@admin',
      '-@dangerous',
    ];
    const others = look.openFor.filter((each) => each !== epoch);
    const seen = await this.#say([setPriority(0), ...this.#sentinelsMay(look, sentinelRights)], until);
    if (seen.kind !== 'ok') return seen;
    return this.#change(
      [...deletions(others), ['ACL', 'SETUSER', writerOf(epoch), ...rights]],
      { kind: 'open-at', epoch },
      until,
    );
  }

  async #say(commands: readonly (readonly string[])[], until: number): Promise<ActionOutcome> {
    const answer = await this.#ask(commands, until);
    return answer.kind === 'unknown' ? answer : (refusalIn(answer.replies) ?? { kind: 'ok', detail: {} });
  }

  /** Says the commands and looks, in the same breath first, until they are seen to have worked. */
  async #change(
    commands: readonly (readonly string[])[],
    wanted: Wanted,
    until: number,
    sayAfter?: Promise<void>,
  ): Promise<ActionOutcome> {
    const answer = await this.#ask([...commands, ...lookCommands], until, sayAfter);
    if (answer.kind === 'unknown') return answer;
    const refusal = refusalIn(answer.replies.slice(0, commands.length));
    if (refusal !== null) return refusal;
    let looked = lookOf(answer.replies.slice(commands.length));
    for (;;) {
      if (looked.kind === 'unknown') return looked;
      if (holds(wanted, looked.look)) return { kind: 'ok', detail: {} };
      if (until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: `it was not seen in time to be ${wanted.kind}` };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
      looked = await this.#look(until);
    }
  }

  async #look(until: number): Promise<Looked> {
    const answer = await this.#ask(lookCommands, until);
    return answer.kind === 'unknown' ? answer : lookOf(answer.replies);
  }

  /** A server that does not let the driver in says nothing about its state. */
  async #ask(
    commands: readonly (readonly string[])[],
    until: number,
    sayAfter?: Promise<void>,
  ): Promise<
    | { readonly kind: 'ok'; readonly replies: readonly RespValue[] }
    | { readonly kind: 'unknown'; readonly reason: string }
  > {
    const answer = await this.#options.talk(commands, {
      deadlineMs: until - hostMonoMs(),
      ...(sayAfter === undefined ? {} : { sayAfter }),
    });
    return answer.kind === 'refused' ? { kind: 'unknown', reason: `it did not let us in: ${answer.reason}` } : answer;
  }
}

type Wanted = RedisCondition | { readonly kind: 'told-to-follow'; readonly upstream: DialAddress };

const resource = 'writes';
const lookCommands: readonly (readonly string[])[] = [
  ['INFO', 'replication'],
  ['ACL', 'USERS'],
  ['GET', epochKey],
  ['CONFIG', 'GET', 'replica-priority'],
];
const setPriority = (priority: number): readonly string[] => ['CONFIG', 'SET', 'replica-priority', String(priority)];

function lookOf(replies: readonly RespValue[]): Looked {
  try {
    const users = usersIn(replies[1]);
    const look = {
      replication: parseReplication(textOf(replies[0])),
      openFor: writersIn(users),
      storedEpoch: epochIn(replies[2]),
      priority: priorityIn(replies[3]),
      users,
    };
    return { kind: 'ok', look };
  } catch (error) {
    return { kind: 'unknown', reason: messageOf(error) };
  }
}

function holds(wanted: Wanted, { replication, openFor, priority }: Look): boolean {
  switch (wanted.kind) {
    case 'primary':
      return replication.role === 'primary';
    case 'open-at':
      return replication.role === 'primary' && openFor.length === 1 && openFor[0] === wanted.epoch;
    case 'closed':
      return openFor.length === 0;
    case 'told-to-follow':
      return isAt(replication.upstream, wanted.upstream);
    case 'following': {
      const { upstream } = replication;
      return isAt(upstream, wanted.upstream) && upstream?.linkUp === true && !upstream.syncing;
    }
    case 'caught-up':
      return replication.history === wanted.history && replication.offset >= wanted.offset;
    case 'priority-is':
      return priority === wanted.priority;
  }
}

const isAt = (left: DialAddress | null, right: DialAddress): boolean =>
  left?.host === right.host && left.port === right.port;

function refusalIn(replies: readonly RespValue[]): ActionOutcome | null {
  const refusal = replies.find((reply) => reply instanceof RespError);
  return refusal instanceof RespError ? failed('refused', refusal.message) : null;
}

const deletions = (epochs: readonly number[]): readonly (readonly string[])[] =>
  epochs.length === 0 ? [] : [['ACL', 'DELUSER', ...epochs.map(writerOf)]];

function usersIn(value: RespValue | undefined): readonly string[] {
  if (value instanceof RespError) throw new Error(value.message);
  if (!Array.isArray(value)) throw new Error('that is no list of users');
  return value.map(String);
}

const writersIn = (users: readonly string[]): readonly number[] => users.flatMap((user) => epochOfWriter(user) ?? []);

function priorityIn(value: RespValue | undefined): number {
  if (value instanceof RespError) throw new Error(value.message);
  const priority = Array.isArray(value) && value.length === 2 ? Number(value[1]) : Number.NaN;
  if (!Number.isSafeInteger(priority)) throw new Error('that is no priority');
  return priority;
}

function epochIn(value: RespValue | undefined): number {
  if (value === null) return 0;
  const epoch = Number(textOf(value));
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw new Error(`${epochKey} holds no epoch`);
  return epoch;
}

function shapeProblem(action: RedisAction): string | null {
  if (!Number.isSafeInteger(action.epoch) || action.epoch < 1) return `${action.epoch} is not an epoch`;
  if (action.kind === 'pause-writes' && !(Number.isSafeInteger(action.forMs) && action.forMs > 0))
    return `${action.forMs} is not a number of milliseconds`;
  if (action.kind === 'follow' && !hostShape.test(action.upstream.host))
    return `"${action.upstream.host}" is not an address`;
  return null;
}

const failed = (code: string, reason: string) => ({ kind: 'failed', code, reason }) as const;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
