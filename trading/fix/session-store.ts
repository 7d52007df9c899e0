import type { KeptSession } from './kept-session.ts';
import type { FixEntry } from './session-entry.ts';
import type { SentMessage, SentMessages, SessionNumbers } from './session-types.ts';

/** Where a session's entries go: a journal of its own, or the replicated one of the application that it belongs to. */
export interface EntryLog {
  /** Takes entries at the end, in order; answers the place of the first. */
  append(entries: readonly FixEntry[]): number;
  /** Calls back, in the order asked, once everything taken so far is as safe as this log makes things. May call at once. */
  whenSafe(done: () => void): void;
  /** The entry at a place; `gone` when it is no longer there to be read; null when it is none of a session. */
  read(place: number): FixEntry | 'gone' | null;
}

/**
 * A session's memory. Keeping is collected and given to the log by `settle`, so that all of one turn is one write; of what was
 * received only the last number is written. What was kept can be read at once.
 */
export class SessionStore implements SentMessages {
  readonly #log: EntryLog;
  readonly #kept: KeptSession;
  #entries: FixEntry[] = [];
  #received: number | null = null;
  /** The first message that was kept and not yet settled. */
  #unsettledFrom = Number.POSITIVE_INFINITY;
  /** Writes of messages and numbers: given to the log, and known to be safe. */
  #written = 0;
  #safe = 0;
  readonly #waiting: { readonly written: number; readonly done: () => void }[] = [];

  /** `kept` is what the log amounts to so far. */
  constructor(log: EntryLog, kept: KeptSession) {
    this.#log = log;
    this.#kept = kept;
    kept.readWith((place) => log.read(place));
  }

  get session(): string {
    return this.#kept.session;
  }

  /** As settled; what a successor would start from. */
  get numbers(): SessionNumbers {
    return this.#kept.numbers;
  }

  get(seq: number): SentMessage | null {
    if (seq >= this.#unsettledFrom) {
      const entry = this.#entries.findLast((each) => each.kind === 'fix-sent' && each.seq === seq);
      if (entry?.kind === 'fix-sent') return entry;
    }
    return this.#kept.get(seq);
  }

  keepSent(message: SentMessage): void {
    const { seq, msgType, sendingMs, possResend } = message;
    const fields = Buffer.from(message.fields);
    this.#unsettledFrom = Math.min(this.#unsettledFrom, seq);
    this.#entries.push({ kind: 'fix-sent', session: this.session, seq, msgType, sendingMs, possResend, fields });
  }

  keepNumbersBefore(next: number): void {
    this.#entries.push({ kind: 'fix-numbers', session: this.session, next });
  }

  keepReceived(next: number): void {
    this.#received = next;
  }

  keepReset(): void {
    this.#received = null;
    this.#entries.push({ kind: 'fix-reset', session: this.session });
    this.settle();
  }

  /** Gives the log what was kept. What the application made of the messages delivered so far has to be on its way before. */
  settle(): void {
    if (this.#received !== null) {
      this.#entries.push({ kind: 'fix-received', session: this.session, next: this.#received });
      this.#received = null;
    }
    if (this.#entries.length === 0) return;
    const entries = this.#entries;
    this.#entries = [];
    this.#unsettledFrom = Number.POSITIVE_INFINITY;
    let place = this.#log.append(entries);
    for (const entry of entries) this.#kept.apply(entry, place++);
    if (entries.every(({ kind }) => kind === 'fix-received')) return;
    this.#written += 1;
    this.#log.whenSafe(() => this.#becameSafe());
  }

  /** Every message and number settled so far is safe. */
  get safe(): boolean {
    return this.#safe === this.#written;
  }

  /**
   * Calls back, in the order asked, once every message and number settled so far is safe; at once when they are, whatever else the log
   * has still to make safe.
   */
  whenSafe(done: () => void): void {
    if (this.#safe === this.#written && this.#waiting.length === 0) done();
    else this.#waiting.push({ written: this.#written, done });
  }

  #becameSafe(): void {
    this.#safe += 1;
    while (this.#waiting.length > 0 && this.#waiting[0]!.written <= this.#safe) this.#waiting.shift()!.done();
  }
}
