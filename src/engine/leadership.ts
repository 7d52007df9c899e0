import { nextBeat } from '../core/base/beat.ts';
import type { ControllerId, Term } from '../core/base/ids.ts';
import type { Timing } from '../core/topology/topology.ts';
import { keys } from './authority-keys.ts';
import type { AuthorityMirror } from './authority-mirror.ts';
import type { Comparison, Transaction, TransactionOutcome } from './authority-port.ts';

export interface LeaderRecord {
  readonly controller: ControllerId;
  readonly term: Term;
}

/**
 * Which controller leads. Leadership is not what safety rests on (terms and compare-and-set are); it keeps two controllers
 * from working against each other. `leader` changes only when leadership does, so that every journal append can compare
 * it; the counter beside it shows that the leader lives.
 */
export class Leadership {
  readonly #self: ControllerId;
  readonly #timing: Timing;
  /** 0 is tried first. */
  readonly #rank: number;
  #term: Term | null = null;
  #inFlight = false;
  #renewAt = 0;
  /** After an attempt that was not committed: not again at once. */
  #notBefore = 0;
  #startedAt: number | null = null;

  constructor(self: ControllerId, timing: Timing, rank: number) {
    this.#self = self;
    this.#timing = timing;
    this.#rank = rank;
  }

  get term(): Term {
    return this.#term ?? (0 as Term);
  }

  /** Won by this process (not by an earlier life of it), and not seen to be lost. */
  leading(mirror: AuthorityMirror): boolean {
    if (this.#term === null) return false;
    const record = mirror.value<LeaderRecord>(keys.leader);
    return record !== null && record.controller === this.#self && record.term === this.#term;
  }

  /** What every change by a leader compares. */
  comparison(mirror: AuthorityMirror): Comparison {
    return { key: keys.leader, revision: mirror.revisionOf(keys.leader) };
  }

  /** The transaction to send now, if any. */
  next(mirror: AuthorityMirror, now: number): { readonly body: Transaction; readonly candidacy: Term | null } | null {
    this.#startedAt ??= now;
    if (!mirror.loaded || this.#inFlight || now < this.#notBefore) return null;
    if (this.leading(mirror)) {
      if (now < this.#renewAt) return null;
      this.#renewAt = nextBeat(now, this.#timing.leaderRenewEveryMs);
      this.#inFlight = true;
      return {
        candidacy: null,
        body: {
          compare: [this.comparison(mirror)],
          put: [{ key: keys.leaderRenewal, value: { term: this.term, at: Math.floor(now) } }],
        },
      };
    }
    if (!this.#vacant(mirror, now)) return null;
    const term = ((mirror.value<LeaderRecord>(keys.leader)?.term ?? 0) + 1) as Term;
    this.#inFlight = true;
    return {
      candidacy: term,
      body: {
        compare: [
          this.comparison(mirror),
          { key: keys.leaderRenewal, revision: mirror.revisionOf(keys.leaderRenewal) },
        ],
        put: [
          { key: keys.leader, value: { controller: this.#self, term } },
          { key: keys.leaderRenewal, value: { term, at: Math.floor(now) } },
        ],
      },
    };
  }

  /** Nobody renewed for the time-out, longer for those who are less preferred. Its own silence is not the leader's. */
  #vacant(mirror: AuthorityMirror, now: number): boolean {
    const heardAt = mirror.heardAt;
    if (heardAt === null || now - heardAt > this.#timing.leaderTimeoutMs) return false;
    const seenAt = mirror.seenAt(keys.leaderRenewal);
    // At the very start the preferred one is given the time to come up.
    if (seenAt === null) return now - (this.#startedAt ?? now) >= this.#rank * this.#timing.leaderTimeoutMs;
    return now - seenAt >= this.#patienceMs;
  }

  get #patienceMs(): number {
    return this.#timing.leaderTimeoutMs + (this.#rank * this.#timing.leaderRenewEveryMs) / 2;
  }

  answered(
    candidacy: Term | null,
    outcome: TransactionOutcome,
    body: Transaction,
    mirror: AuthorityMirror,
    now: number,
  ): boolean {
    this.#inFlight = false;
    this.#notBefore = outcome.kind === 'committed' ? now : now + this.#timing.leaderRenewEveryMs / 4;
    if (outcome.kind === 'committed') {
      mirror.change(body.put, outcome.revision, now);
      if (candidacy !== null) {
        this.#term = candidacy;
        this.#renewAt = nextBeat(now, this.#timing.leaderRenewEveryMs);
        return true;
      }
    }
    // An unknown candidacy may have been won: the term is then ours alone, because nobody else writes our name with it.
    if (outcome.kind === 'unknown' && candidacy !== null) this.#term = candidacy;
    return false;
  }

  nextWakeAt(mirror: AuthorityMirror, now: number): number {
    if (this.#inFlight) return now + this.#timing.leaderRenewEveryMs;
    if (this.leading(mirror)) return Math.max(this.#renewAt, this.#notBefore);
    const seenAt = mirror.seenAt(keys.leaderRenewal);
    const soon = now + this.#timing.leaderRenewEveryMs / 2;
    return seenAt === null ? soon : Math.max(soon, seenAt + this.#patienceMs);
  }
}
