import type { Epoch } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type Concern, checkConcerns, settingsConcerns, tagConcerns, versionConcerns } from './concerns.ts';
import { type ClusterCondition, confirmCondition } from './confirmation.ts';
import type { AskHttp, HttpAnswer, HttpQuestion } from './http.ts';
import { type ReleaseWish, whyKept } from './lock-release.ts';
import { type ClusterSettings, type MemberStatus, parseMember, parseSettings } from './parse.ts';
import { type AskedPromotion, type DelegateEvent, delegateEvents, type SeenPromotions } from './promotion-watch.ts';
import { forgetMember, type LockRelease, readStore, releaseLock, type StoreLocation, type StoreView } from './store.ts';

export interface PatroniDriverOptions {
  /** Patroni's name for the member that this driver stands beside. */
  readonly member: string;
  /** Its REST API, e.g. `http://127.0.0.1:8008`. */
  readonly url: string;
  /** To its own member, and over TLS to a primary that is to give way, with what it takes to be obeyed. */
  readonly command: AskHttp;
  /** To members and to the store; shows them no password. Writes nothing but the lock, and its holder's key, where that is released. */
  readonly look: AskHttp;
  readonly store: StoreLocation;
  readonly epochs: GuardedEpochs;
  /** Where Patroni has to ask before it promotes, or no lock is released before its time. Absent: it need not ask. */
  readonly grantSocket?: string;
}

interface Guarded {
  readonly epoch: Epoch;
  /** Concerns of severity `refuse` that whoever asks has seen and accepts. */
  readonly accepting?: readonly Concern['id'][];
}

/** Absolute values, except `reinitialise`, which is confirmed by another postmaster than before. */
export type ClusterAction = Guarded &
  (
    | { readonly kind: 'switchover'; readonly from: string; readonly to: string }
    /** `loss: none` goes only to a member that has acknowledged everything. */
    | { readonly kind: 'failover'; readonly to: string; readonly loss: 'none' | 'accepted' }
    /** While paused Patroni promotes nobody by itself. */
    | { readonly kind: 'pause'; readonly paused: boolean }
    | { readonly kind: 'durability'; readonly durability: ClusterSettings['durability'] }
    /** Throws the data of this driver's own member away and copies it anew. */
    | { readonly kind: 'reinitialise'; readonly writesMayStop: boolean }
  );

/** What one look gave. Null: that part did not answer in time, or not sensibly; `reasons` says why. */
export interface ClusterObservation {
  readonly member: MemberStatus | null;
  readonly settings: ClusterSettings | null;
  readonly store: StoreView | null;
  readonly concerns: readonly Concern[];
  /** What Patroni did since the last look that reached the store. */
  readonly events: readonly DelegateEvent[];
  readonly reasons: readonly string[];
}

type Look = Omit<ClusterObservation, 'events'>;

/** Under which name the highest epoch of a cluster is kept. */
export const epochResource = ({ scope }: StoreLocation): string => `patroni ${scope}`;

const lookAgainAfterMs = 50;
/** The lock is taken away then, asked for or not. */
const calledForWithinMs = 1000;
/** Patroni's words for a member that has not come up. */
const failsToStart = new Set(['start failed', 'starting', 'crashed', 'stopped']);
const nameShape = /^[A-Za-z0-9_.-]{1,63}$/;

/**
 * Drives a PostgreSQL cluster through Patroni, which stays in charge: it alone promotes, and also does so unasked. Nothing is changed
 * behind its back. Patroni knows no epoch: the driver refuses older ones, durably, and `ok` is what was seen afterwards.
 */
export class PatroniDriver {
  readonly #options: PatroniDriverOptions;
  #seen: SeenPromotions | null;
  #asked: AskedPromotion | null = null;
  /** Seen while something was done, and not told of yet. */
  #untold: readonly DelegateEvent[] = [];

  /** @param seen what an earlier driver of this member saw last, so that a promotion meanwhile is told of */
  constructor(options: PatroniDriverOptions, seen: SeenPromotions | null = null) {
    this.#options = options;
    this.#seen = seen;
  }

  /** For the next driver of this member; null before the first look that reached the store. */
  get seen(): SeenPromotions | null {
    return this.#seen;
  }

  /** Ends by its deadline, whatever Patroni and its store do. */
  async observe(options: CallOptions): Promise<ClusterObservation> {
    const seen = await this.#look(options);
    const events = this.#untold;
    this.#untold = [];
    return { ...seen, events };
  }

  /** `ok` only when it was seen to be so afterwards. What Patroni refused, or gave up, is `failed`; what was not seen in time is `unknown`. */
  async perform(action: ClusterAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const wrong = shapeProblem(action);
    if (wrong !== null) return failed('bad-value', wrong);
    const { epochs, store } = this.#options;
    const resource = epochResource(store);
    if (!epochs.admit(resource, action.epoch))
      return failed('stale-epoch', `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`);
    const seen = await this.#look({ deadlineMs: (until - hostMonoMs()) / 3 });
    const condition = this.#conditionOf(action, seen);
    const enough = hostMonoMs() + (until - hostMonoMs()) / 2;
    if (action.kind !== 'reinitialise' && (await this.#confirm(condition, enough)) === 'holds') return done;
    const objection = this.#objection(action, seen);
    if (objection !== null) return objection;
    if (action.kind === 'switchover' || action.kind === 'failover')
      this.#asked = { member: action.to, epoch: action.epoch };
    return this.#ask(questionOf(action, seen.member), this.#receivers(action, seen.store), condition, until);
  }

  /** Has this driver's own member read its configuration files; it does so at its next loop. */
  reload(options: CallOptions): Promise<HttpAnswer> {
    return this.#options.command({ method: 'POST', url: `${this.#options.url}/reload` }, options);
  }

  confirm(condition: ClusterCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    return this.#confirm(condition, hostMonoMs() + options.deadlineMs);
  }

  /**
   * Takes the lock from a holder that is proved to be gone, so that Patroni promotes this member now and not after the lock's time. `seen`
   * is this driver's own look, a moment ago; the lock is compared once more in the step that takes it. The holder's key as a member goes
   * with it, if it can be had: whoever is to stream from the dead one follows the new primary as soon as it has woken by the lock, and not
   * when that key has run out.
   */
  async release(
    { holder, lock, epoch }: Omit<ReleaseWish, 'candidate'> & { readonly epoch: Epoch },
    seen: ClusterObservation,
    options: CallOptions,
  ): Promise<LockRelease> {
    const until = hostMonoMs() + options.deadlineMs;
    const { member, look, store } = this.#options;
    const reason = whyKept(seen, { holder, lock, candidate: member });
    if (reason !== null) return { kind: 'kept', reason };
    if (lock.renewed === null) await this.#callFor(epoch, until);
    // Never null after `whyKept`.
    const renewed = lock.renewed ?? seen.store!.leaderRenewed!;
    const written = seen.store?.members.find(({ name }) => name === holder)?.written ?? null;
    const forgetting =
      written === null
        ? null
        : forgetMember(look, store, { name: holder, written }, { deadlineMs: options.deadlineMs / 3 });
    const [released] = await Promise.all([
      releaseLock(look, store, { holder, renewed }, { deadlineMs: until - hostMonoMs() }),
      forgetting,
    ]);
    return released;
  }

  /**
   * Has Patroni write down that this member is asked for, which it carries out once the lock is free. Whoever races for a lock asks every
   * member that was there with its loop before, and waits 2 s for one that is cut off; who is asked for by name asks nobody.
   */
  async #callFor(epoch: Epoch, until: number): Promise<void> {
    const { member, look, store, command, url } = this.#options;
    const within = Math.min(until, hostMonoMs() + calledForWithinMs);
    this.#asked = { member, epoch };
    // Answered when it was carried out, or given up.
    void command(
      { method: 'POST', url: `${url}/failover`, body: { candidate: member } },
      { deadlineMs: until - hostMonoMs() },
    );
    for (;;) {
      const stored = await readStore(look, store, { deadlineMs: within - hostMonoMs() });
      if (stored.kind === 'view' && stored.view.asked?.to === member) return;
      if (hostMonoMs() + lookAgainAfterMs >= within) return;
      await pause(lookAgainAfterMs);
    }
  }

  /** Patroni answers a switchover seconds after it is done: what is there counts, whoever says so first. */
  async #ask(
    question: Omit<HttpQuestion, 'url'> & { readonly path: string },
    receivers: readonly string[],
    condition: ClusterCondition,
    until: number,
  ) {
    let answer: HttpAnswer | null = null;
    const asking = this.#askInTurn(question, receivers, until).then((given) => {
      answer = given;
    });
    for (;;) {
      const before = answer as HttpAnswer | null;
      const held = await this.#confirm(condition, until);
      if (held === 'holds') return done;
      if (before?.kind === 'not-sent') return failed('not-running', `Patroni takes no connection: ${before.reason}`);
      if (before?.kind === 'answer' && held === 'does-not-hold' && isFinal(before))
        return failed(
          before.text.endsWith(' failed') ? 'gave-up' : 'refused',
          before.text.trim() || `${before.status}`,
        );
      const leftMs = until - hostMonoMs();
      if (leftMs <= lookAgainAfterMs) {
        const said =
          before === null ? '' : `; Patroni: ${before.kind === 'answer' ? before.text.trim() : before.reason}`;
        return { kind: 'unknown', reason: `${question.path} was not seen to take effect in time${said}` } as const;
      }
      const paused = pause(lookAgainAfterMs);
      await (before === null ? Promise.race([asking, paused]) : paused);
    }
  }

  /** The next one only where it is known that nothing was asked of the one before. */
  async #askInTurn(
    { path, ...rest }: Omit<HttpQuestion, 'url'> & { readonly path: string },
    receivers: readonly string[],
    until: number,
  ): Promise<HttpAnswer> {
    let answer: HttpAnswer = { kind: 'not-sent', reason: 'nobody to ask' };
    for (const url of receivers) {
      answer = await this.#options.command({ ...rest, url: `${url}${path}` }, { deadlineMs: until - hostMonoMs() });
      const isUnasked = answer.kind === 'not-sent' || (answer.kind === 'answer' && answer.status === 401);
      if (!isUnasked) break;
    }
    return answer;
  }

  /**
   * Who is asked, by address. A primary gives way at once when it is asked itself, and else with its next loop. It is shown the password only
   * where it has to prove by a certificate who it is.
   */
  #receivers(action: ClusterAction, store: StoreView | null): readonly string[] {
    const { url } = this.#options;
    if (action.kind !== 'switchover' || !url.startsWith('https:')) return [url];
    const primary = store?.members.find(({ name }) => name === action.from)?.apiUrl;
    return primary?.startsWith('https:') === true ? [...new Set([new URL(primary).origin, url])] : [url];
  }

  async #look(options: CallOptions): Promise<Look> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const { look, store: location } = this.#options;
    const [member, settings, stored] = await Promise.all([
      this.#part('/patroni', parseMember, until, reasons),
      this.#part('/config', parseSettings, until, reasons),
      readStore(look, location, { deadlineMs: until - hostMonoMs() }),
    ]);
    if (stored.kind === 'unknown') reasons.push(`store: ${stored.reason}`);
    const store = stored.kind === 'view' ? stored.view : null;
    if (store !== null) {
      const { events, seen } = delegateEvents(this.#seen, store, this.#asked);
      this.#seen = seen;
      this.#untold = [...this.#untold, ...events];
    }
    return { member, settings, store, concerns: this.#concerns(member, settings, store), reasons };
  }

  #objection(action: ClusterAction, seen: Look): ActionOutcome | null {
    const { member, settings, store } = seen;
    if (member === null || settings === null || store === null)
      return {
        kind: 'unknown',
        reason: `nothing was asked for, because what there is was not found out: ${seen.reasons.join('; ')}`,
      };
    const dangers = seen.concerns.filter(
      ({ id, severity }) => severity === 'refuse' && action.accepting?.includes(id) !== true,
    );
    // A pause only keeps Patroni from acting: it is the way out of what is dangerous.
    if (dangers.length > 0 && action.kind !== 'pause')
      return failed('unsafe', dangers.map(({ id, text }) => `${id}: ${text}`).join('; '));
    switch (action.kind) {
      case 'switchover':
      case 'failover':
        return promotionObjection(action, store, settings);
      case 'reinitialise':
        return this.#reinitialiseObjection(action.writesMayStop, store, member);
      case 'pause':
      case 'durability':
        return null;
    }
  }

  #reinitialiseObjection(writesMayStop: boolean, store: StoreView, own: MemberStatus): ActionOutcome | null {
    const { member } = this.#options;
    if (store.leader === member || own.role === 'primary')
      return failed('is-primary', `${member} is the primary: what it has is what there is`);
    if (store.leader === null) return failed('no-primary', 'there is nobody to copy from');
    const standbys = store.sync?.standbys ?? [];
    if (!writesMayStop && standbys.length === 1 && standbys[0] === member)
      return failed('sole-synchronous', `every write waits for ${member}, the only synchronous standby`);
    return null;
  }

  #conditionOf(action: ClusterAction, seen: Look): ClusterCondition {
    switch (action.kind) {
      case 'switchover':
      case 'failover':
        return { kind: 'primary', member: action.to };
      case 'pause':
        return { kind: 'paused', paused: action.paused };
      case 'durability':
        return { kind: 'durability', durability: action.durability };
      case 'reinitialise':
        return { kind: 'reinitialised', member: this.#options.member, before: seen.member?.startedAt ?? null };
    }
  }

  #confirm(condition: ClusterCondition, until: number): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const { look, store, member, url } = this.#options;
    return confirmCondition(condition, { look, store, own: { member, url } }, { deadlineMs: until - hostMonoMs() });
  }

  #concerns(
    member: MemberStatus | null,
    settings: ClusterSettings | null,
    store: StoreView | null,
  ): readonly Concern[] {
    const { grantSocket } = this.#options;
    const versions = new Set([member?.version ?? null, ...(store?.members ?? []).map(({ version }) => version)]);
    const quorum: readonly Concern[] =
      (store?.sync?.quorum ?? 0) > 0
        ? [
            {
              id: 'quorum-commit',
              severity: 'warn',
              text: 'quorum commit: no single standby is known to have everything',
            },
          ]
        : [];
    return [
      ...[...versions].flatMap((version) =>
        version === null ? [] : versionConcerns(version, this.#options.store.api),
      ),
      ...(settings === null ? [] : settingsConcerns(settings)),
      ...(settings === null || grantSocket === undefined ? [] : checkConcerns(settings, grantSocket)),
      ...quorum,
      ...(store?.members ?? []).flatMap(({ name, tags }) => tagConcerns(name, tags)),
    ];
  }

  async #part<Part>(
    path: string,
    parse: (text: string) => Part,
    until: number,
    reasons: string[],
  ): Promise<Part | null> {
    const { look, url } = this.#options;
    const answer = await look({ method: 'GET', url: `${url}${path}` }, { deadlineMs: until - hostMonoMs() });
    try {
      if (answer.kind !== 'answer') throw new Error(answer.reason);
      // A member that may not serve says so with 503 and the same text.
      if (answer.status !== 200 && answer.status !== 503) throw new Error(`it answered ${answer.status}`);
      return parse(answer.text);
    } catch (error) {
      reasons.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
}

const done: ActionOutcome = { kind: 'ok', detail: {} };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });

/** Patroni knows itself when it does not know, and when the store did not take a key it may have taken it all the same. */
const isFinal = ({ status, text }: { readonly status: number; readonly text: string }): boolean =>
  status >= 400 && !text.includes('status unknown') && !text.includes('into DCS');

function promotionObjection(
  action: Extract<ClusterAction, { kind: 'switchover' | 'failover' }>,
  { leader, sync, members, position }: StoreView,
  { durability }: ClusterSettings,
): ActionOutcome | null {
  const candidate = members.find(({ name }) => name === action.to);
  if (candidate === undefined) return failed('no-such-member', `${action.to} has no fresh key in Patroni's store`);
  if (candidate.tags.nofailover) return failed('not-eligible', `${action.to} has the tag nofailover`);
  if (action.kind === 'switchover' && leader !== action.from)
    return failed('other-primary', `${leader ?? 'nobody'} has the lock, and not ${action.from}`);
  const hasEverything = sync?.quorum === 0 && sync.standbys.includes(action.to) && durability !== 'off';
  if (hasEverything || (action.kind === 'failover' && action.loss === 'accepted')) return null;
  // A switchover stops the primary in order and sends the rest first; only the standby that is waited for is known to get it.
  if (action.kind === 'switchover' && durability === 'off') return null;
  const behind = position === null || candidate.position === null ? null : position - candidate.position;
  const known =
    behind === null
      ? 'how much it lacks is not known'
      : `it lacked ${Math.max(0, behind)} bytes when both last wrote where they are`;
  return failed('would-lose', `${action.to} is not a synchronous standby; ${known}`);
}

function questionOf(
  action: ClusterAction,
  own: MemberStatus | null,
): Omit<HttpQuestion, 'url'> & { readonly path: string } {
  switch (action.kind) {
    case 'switchover':
      return { method: 'POST', path: '/switchover', body: { leader: action.from, candidate: action.to } };
    case 'failover':
      return { method: 'POST', path: '/failover', body: { candidate: action.to } };
    case 'pause':
      return { method: 'PATCH', path: '/config', body: { pause: action.paused ? true : null } };
    case 'durability': {
      const body = {
        synchronous_mode: action.durability !== 'off',
        synchronous_mode_strict: action.durability === 'strict',
      };
      return { method: 'PATCH', path: '/config', body };
    }
    case 'reinitialise':
      // A member that fails to start is started again and again: that is what Patroni is busy with, and nothing is lost by ending it.
      return { method: 'POST', path: '/reinitialize', body: { force: own !== null && failsToStart.has(own.state) } };
  }
}

function shapeProblem(action: ClusterAction): string | null {
  const names = action.kind === 'switchover' ? [action.from, action.to] : action.kind === 'failover' ? [action.to] : [];
  const wrong = names.find((name) => !nameShape.test(name));
  if (wrong !== undefined) return `"${wrong}" is not a name of a member`;
  return names.length === 2 && names[0] === names[1] ? `${names[0]} cannot take over from itself` : null;
}
