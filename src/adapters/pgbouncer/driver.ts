import { readFileSync, statSync } from 'node:fs';
import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { DialAddress } from '../system/dial.ts';
import { writeDurably } from '../system/durable-file.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import type { ConsoleRow, PoolerConsole } from './console.ts';
import { targetIn, withTarget } from './databases-file.ts';
import { type PooledDatabase, parseDatabases, parseVersion } from './parse.ts';

export interface PgbouncerDriverOptions {
  readonly console: PoolerConsole;
  /** Included by the pooler's configuration; has one line for each database, and no secret. */
  readonly databasesFile: string;
  readonly epochs: GuardedEpochs;
}

/** Absolute values only. */
export type PoolerAction =
  /** Clients wait from now on; `ok` when no transaction is left at a server and no connection is open to one. */
  | { readonly kind: 'pause'; readonly epoch: Epoch; readonly database: string }
  /** The same at once: clients and transactions are cut off. */
  | { readonly kind: 'cut'; readonly epoch: Epoch; readonly database: string }
  /** Only of one that is paused, so that nobody is led to two. */
  | { readonly kind: 'point'; readonly epoch: Epoch; readonly database: string; readonly target: DialAddress }
  | { readonly kind: 'resume'; readonly epoch: Epoch; readonly database: string };

export type PoolerCondition =
  /** No connection to any server is open, and none will be. */
  | { readonly kind: 'stopped'; readonly database: string }
  /** Not paused, leads there, and has no connection anywhere else. */
  | { readonly kind: 'leads-to'; readonly database: string; readonly target: DialAddress };

/** What one look at a pooler gave; null where it did not answer in time, or not sensibly. */
export interface PoolerObservation {
  readonly version: string | null;
  readonly databases: readonly PooledDatabase[] | null;
  readonly reasons: readonly string[];
}

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['1.18'];
const lookAgainAfterMs = 10;
/** Kept of a pause's deadline to find out why it did not come to its end. */
const lookBackMs = 200;
const nameShape = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const hostShape = /^[A-Za-z0-9.-]{1,253}$/;

type Looked =
  | { readonly kind: 'ok'; readonly databases: readonly PooledDatabase[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Drives one pgBouncer over its console. It knows no epoch: the driver refuses older ones, durably. Where a database leads is in a file
 * that only this driver writes.
 */
export class PgbouncerDriver {
  readonly #options: PgbouncerDriverOptions;

  constructor(options: PgbouncerDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the pooler does. */
  async observe(options: CallOptions): Promise<PoolerObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const answer = await this.#ask(['SHOW VERSION', ...lookCommands], until);
    if (answer.kind !== 'ok') return { version: null, databases: null, reasons: [answer.reason] };
    const [version, ...rows] = answer.results;
    const reasons: string[] = [];
    const seen = parseVersion(version ?? []);
    if (seen === null) reasons.push('it does not say that it is pgBouncer');
    else if (!triedVersions.some((tried) => `${seen}.`.startsWith(`${tried}.`)))
      reasons.push(`version ${seen} has not been tried; ${triedVersions.join(', ')} has`);
    const looked = lookOf(rows);
    if (looked.kind === 'unknown') reasons.push(`databases: ${looked.reason}`);
    return { version: seen, databases: looked.kind === 'ok' ? looked.databases : null, reasons };
  }

  /** `ok` only when it was seen to be so afterwards; what was not is `unknown`. */
  async perform(action: PoolerAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const wrong = shapeProblem(action);
    if (wrong !== null) return failed('bad-value', wrong);
    const { epochs } = this.#options;
    const { database } = action;
    const resource = `database ${database}`;
    if (!epochs.admit(resource, action.epoch))
      return failed('stale-epoch', `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`);
    const before = await this.#database(database, until);
    if (before.kind !== 'ok') return before;
    switch (action.kind) {
      case 'pause':
        return this.#stop(`PAUSE ${database}`, before.database, until);
      case 'cut':
        return this.#stop(`KILL ${database}`, before.database, until);
      case 'point':
        return this.#point(action.target, before.database, until);
      case 'resume':
        return this.#resume(before.database, until);
    }
  }

  async confirm(condition: PoolerCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const found = await this.#database(condition.database, hostMonoMs() + options.deadlineMs);
    if (found.kind !== 'ok') return 'unknown';
    const holds = condition.kind === 'stopped' ? isStopped(found.database) : leadsTo(found.database, condition.target);
    return holds ? 'holds' : 'does-not-hold';
  }

  async #stop(command: string, before: PooledDatabase, until: number): Promise<ActionOutcome> {
    // Of one that is paused already only whether it has come to its end is of interest.
    if (!before.paused || command.startsWith('KILL')) {
      const answer = await this.#ask([command], until - lookBackMs);
      if (answer.kind === 'refused') return failed('refused', answer.reason);
    }
    const stopped = await this.#until(before.name, isStopped, until);
    if (stopped.kind !== 'late') return stopped.kind === 'ok' ? { kind: 'ok', detail: {} } : stopped;
    const { paused, active } = stopped.database;
    // What stays at work is known; whoever asked may wait for it again, cut it off or let everybody go on.
    return paused && active > 0
      ? failed('busy', `${active} transactions go on; everybody else waits`)
      : { kind: 'unknown', reason: 'it was not seen in time to have let go of its servers' };
  }

  async #point(target: DialAddress, before: PooledDatabase, until: number): Promise<ActionOutcome> {
    if (!isStopped(before)) return failed('not-stopped', 'it is not paused, or still connected to a server');
    const { databasesFile: file } = this.#options;
    const text = readFileSync(file, 'utf8');
    const changed = withTarget(text, before.name, target);
    if (changed === null)
      return failed('foreign-config', `the file of databases has no line for ${before.name} to change`);
    // The pooler is another user than whoever drives it, and has to read it.
    const { uid, gid } = statSync(file);
    if (changed !== text) writeDurably(file, changed, { owner: { uid, gid } });
    const answer = await this.#ask(['RELOAD'], until);
    if (answer.kind === 'refused') return failed('refused', answer.reason);
    if (answer.kind === 'unknown') return answer;
    const done = await this.#until(before.name, (now) => isStopped(now) && isAt(now.target, target), until);
    if (done.kind === 'late') return { kind: 'unknown', reason: 'it was not seen in time to lead there' };
    return done.kind === 'ok' ? { kind: 'ok', detail: {} } : done;
  }

  async #resume(before: PooledDatabase, until: number): Promise<ActionOutcome> {
    if (before.paused) {
      const answer = await this.#ask([`RESUME ${before.name}`], until);
      if (answer.kind === 'refused') return failed('refused', answer.reason);
      if (answer.kind === 'unknown') return answer;
    }
    const target = targetIn(readFileSync(this.#options.databasesFile, 'utf8'), before.name);
    if (target === null) return failed('foreign-config', `the file of databases has no line for ${before.name}`);
    const done = await this.#until(before.name, (now) => leadsTo(now, target), until);
    if (done.kind === 'late') return { kind: 'unknown', reason: 'it was not seen in time to lead where its file says' };
    return done.kind === 'ok' ? { kind: 'ok', detail: { host: target.host, port: target.port } } : done;
  }

  /** Looks until it is so; `late` with the last look otherwise. */
  async #until(name: string, wanted: (database: PooledDatabase) => boolean, until: number) {
    for (;;) {
      const found = await this.#database(name, until);
      if (found.kind !== 'ok' || wanted(found.database)) return found;
      if (until - hostMonoMs() <= lookBackMs / 2) return { kind: 'late', database: found.database } as const;
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  async #database(
    name: string,
    until: number,
  ): Promise<
    | { readonly kind: 'ok'; readonly database: PooledDatabase }
    | Extract<ActionOutcome, { readonly kind: 'failed' | 'unknown' }>
  > {
    const looked = await this.#look(until);
    if (looked.kind === 'unknown') return looked;
    const database = looked.databases.find((each) => each.name === name);
    return database === undefined
      ? { kind: 'failed', code: 'unknown-database', reason: `it has no database ${name}` }
      : { kind: 'ok', database };
  }

  async #look(until: number): Promise<Looked> {
    const answer = await this.#ask(lookCommands, until);
    return answer.kind === 'ok' ? lookOf(answer.results) : { kind: 'unknown', reason: answer.reason };
  }

  #ask(commands: readonly string[], until: number) {
    return this.#options.console(commands, { deadlineMs: until - hostMonoMs() });
  }
}

const lookCommands: readonly string[] = ['SHOW DATABASES', 'SHOW SERVERS', 'SHOW POOLS'];

function lookOf(results: readonly (readonly ConsoleRow[])[]): Looked {
  const [databases = [], servers = [], pools = []] = results;
  try {
    return { kind: 'ok', databases: parseDatabases(databases, servers, pools) };
  } catch (error) {
    return { kind: 'unknown', reason: error instanceof Error ? error.message : String(error) };
  }
}

const isStopped = ({ paused, servers }: PooledDatabase): boolean => paused && Object.keys(servers).length === 0;

const leadsTo = ({ paused, disabled, target, servers }: PooledDatabase, wanted: DialAddress): boolean =>
  !paused &&
  !disabled &&
  isAt(target, wanted) &&
  Object.keys(servers).every((server) => server === `${wanted.host}:${wanted.port}`);

const isAt = (left: DialAddress | null, right: DialAddress): boolean =>
  left?.host === right.host && left.port === right.port;

/** Everything becomes part of a command or of a line of a file: nothing but what these may hold is let through. */
function shapeProblem(action: PoolerAction): string | null {
  if (!nameShape.test(action.database)) return `"${action.database}" is not a name of a database`;
  if (action.kind !== 'point') return null;
  const { host, port } = action.target;
  if (!hostShape.test(host)) return `"${host}" is not a host`;
  return Number.isInteger(port) && port > 0 && port < 65_536 ? null : `${port} is not a port`;
}

const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
