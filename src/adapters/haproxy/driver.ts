import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type ProxiedServer, type ProxyProcess, parseInfo, parseServers } from './parse.ts';
import type { RuntimeTalk } from './runtime-socket.ts';

export interface HaproxyDriverOptions {
  readonly talk: RuntimeTalk;
  readonly epochs: GuardedEpochs;
}

/** Absolute: exactly this server is led to, or none; sessions of every other one are cut. Doing it twice is doing it once. */
export interface ProxyAction {
  readonly kind: 'route';
  readonly epoch: Epoch;
  readonly backend: string;
  readonly server: string | null;
}

/** Nobody but this server is led to, or has a session left. That it is up as well is in the observation. */
export interface ProxyCondition {
  readonly kind: 'routed';
  readonly backend: string;
  readonly server: string | null;
}

/** What one look at a proxy gave. Null: that part did not answer in time, or not sensibly; `reasons` says why. */
export interface ProxyObservation {
  readonly process: ProxyProcess | null;
  readonly backends: Readonly<Record<string, readonly ProxiedServer[] | null>>;
  readonly reasons: readonly string[];
}

/** Versions against which this driver has run. Another one is reported, not refused. */
const triedVersions = ['2.6'];
const lookAgainAfterMs = 2;
const nameShape = /^[A-Za-z0-9_.:-]{1,120}$/;

type Backend =
  | { readonly kind: 'servers'; readonly servers: readonly ProxiedServer[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Drives one HAProxy process over its runtime socket. HAProxy knows no epoch: the driver refuses older ones, durably. Nothing is led to
 * a server before nothing is led to any other one; what a proxy was told it forgets when it restarts, and is closed then.
 */
export class HaproxyDriver {
  readonly #options: HaproxyDriverOptions;

  constructor(options: HaproxyDriverOptions) {
    this.#options = options;
  }

  /** Ends by its deadline, whatever the proxy does. */
  async observe(options: CallOptions & { readonly backends: readonly string[] }): Promise<ProxyObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const [process, ...found] = await Promise.all([
      this.#process(until),
      ...options.backends.map((backend) => this.#backend(backend, until)),
    ]);
    if (process.kind === 'unknown') reasons.push(`process: ${process.reason}`);
    const seen = process.kind === 'ok' ? process.process : null;
    if (seen !== null && !triedVersions.some((tried) => `${seen.version}.`.startsWith(`${tried}.`)))
      reasons.push(`version ${seen.version} has not been tried; ${triedVersions.join(', ')} has`);
    if (seen?.stopping === true) reasons.push('it is stopping: another process has taken its place');
    const backends = Object.fromEntries(
      options.backends.map((name, index) => {
        const backend = found[index]!;
        if (backend.kind === 'servers') return [name, backend.servers];
        reasons.push(backend.kind === 'absent' ? `there is no backend ${name}` : `${name}: ${backend.reason}`);
        return [name, null];
      }),
    );
    return { process: seen, backends, reasons };
  }

  /** `ok` only when it was seen to be so afterwards, by the same process; what was not is `unknown`. */
  async perform(action: ProxyAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { backend, server } = action;
    const wrong = [backend, ...(server === null ? [] : [server])].find((name) => !nameShape.test(name));
    if (wrong !== undefined) return failed('bad-value', `"${wrong}" is not a name of a backend or server`);
    const { epochs } = this.#options;
    const resource = `backend ${backend}`;
    if (!epochs.admit(resource, action.epoch))
      return failed('stale-epoch', `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`);
    const before = await this.#process(until);
    if (before.kind === 'unknown') return before;
    if (before.process.stopping) return failed('stopping', 'another process has taken its place');
    const found = await this.#backend(backend, until);
    if (found.kind === 'unknown') return found;
    if (found.kind === 'absent') return failed('unknown-backend', `it has no backend ${backend}`);
    if (server !== null && !found.servers.some(({ name }) => name === server))
      return failed('unknown-server', `${backend} has no server ${server}`);
    const others = found.servers.filter(({ name }) => name !== server);
    const steps = [
      {
        lines: others.flatMap(({ name }) => [
          `set server ${backend}/${name} state maint`,
          `shutdown sessions server ${backend}/${name}`,
        ]),
        done: (servers: readonly ProxiedServer[]) => servers.every((each) => each.name === server || isClosed(each)),
        what: 'cut the others',
      },
      {
        lines: server === null ? [] : [`set server ${backend}/${server} state ready`],
        done: (servers: readonly ProxiedServer[]) => isRouted(servers, server),
        what: `lead to ${server}`,
      },
    ];
    for (const { lines, done, what } of steps) {
      const outcome = await this.#step(backend, lines, done, what, until);
      if (outcome.kind !== 'ok') return outcome;
    }
    const after = await this.#process(until);
    if (after.kind === 'unknown') return after;
    if (after.process.pid !== before.process.pid)
      return { kind: 'unknown', reason: 'it was started anew meanwhile, and has forgotten what it was told' };
    return { kind: 'ok', detail: {} };
  }

  async confirm(condition: ProxyCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const found = await this.#backend(condition.backend, hostMonoMs() + options.deadlineMs);
    if (found.kind !== 'servers') return 'unknown';
    return isRouted(found.servers, condition.server) ? 'holds' : 'does-not-hold';
  }

  /** Says the lines and looks until they are seen to have worked. */
  async #step(
    backend: string,
    lines: readonly string[],
    done: (servers: readonly ProxiedServer[]) => boolean,
    what: string,
    until: number,
  ): Promise<ActionOutcome> {
    if (lines.length > 0) {
      const answer = await this.#ask(lines.join('; '), until);
      if (answer.kind === 'unknown') return answer;
      // Of such commands every word that is answered is a complaint.
      const complaint = answer.text.trim().split('\n')[0]!;
      if (complaint !== '') return failed('refused', complaint);
    }
    for (;;) {
      const found = await this.#backend(backend, until);
      if (found.kind === 'servers' && done(found.servers)) return { kind: 'ok', detail: {} };
      if (found.kind === 'unknown') return found;
      if (until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: `it was not seen in time to ${what}` };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  async #process(
    until: number,
  ): Promise<
    { readonly kind: 'ok'; readonly process: ProxyProcess } | { readonly kind: 'unknown'; readonly reason: string }
  > {
    const answer = await this.#ask('show info', until);
    if (answer.kind === 'unknown') return answer;
    try {
      return { kind: 'ok', process: parseInfo(answer.text) };
    } catch (error) {
      return { kind: 'unknown', reason: messageOf(error) };
    }
  }

  async #backend(backend: string, until: number): Promise<Backend> {
    // In this order: what is seen closed, and has no session after that, gets none any more.
    const answer = await this.#ask(`show servers state ${backend}; show stat -1 4 -1`, until);
    if (answer.kind === 'unknown') return answer;
    try {
      const servers = parseServers(backend, ...halves(answer.text));
      return servers === null ? { kind: 'absent' } : { kind: 'servers', servers };
    } catch (error) {
      return { kind: 'unknown', reason: messageOf(error) };
    }
  }

  #ask(line: string, untilMs: number) {
    return this.#options.talk(line, { deadlineMs: untilMs - hostMonoMs() });
  }
}

/** @throws Error where the second one is not there */
function halves(text: string): readonly [state: string, statistics: string] {
  const at = text.search(/^# pxname,/m);
  if (at < 0) throw new Error('it printed no statistics');
  return [text.slice(0, at), text.slice(at)];
}

const isClosed = ({ admitted, sessions, queued }: ProxiedServer): boolean =>
  !admitted && sessions === 0 && queued === 0;

const isRouted = (servers: readonly ProxiedServer[], server: string | null): boolean =>
  servers.every((each) => (each.name === server ? each.admitted : isClosed(each))) &&
  (server === null || servers.some(({ name }) => name === server));

const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
