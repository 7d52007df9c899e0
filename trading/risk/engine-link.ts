import { countField, type JsonRecord } from '../base/json-record.ts';
import type { Address } from '../load/line-connection.ts';
import { EntryFeed, removedProblem } from '../oms/entry-feed.ts';
import type { JournalEntry } from '../oms/journal-entry.ts';
import type { ReaderPass } from '../oms/reader-pass.ts';
import type { ApprovalTable } from './approval-table.ts';
import { type RiskRows, riskRecord } from './risk-message.ts';

export interface EngineLinkOptions {
  readonly instance: string;
  readonly epoch: number;
  /** What engines ask for before they believe anything. */
  readonly token: string;
  readonly engines: readonly Address[];
  readonly readerPass: ReaderPass | undefined;
  /** Sequence of the last entry that is known already. */
  readonly after: number;
  /** Up to here exposures are kept: nothing of it is asked for by the next start. */
  readonly stored: number;
  readonly table: ApprovalTable;
  /** Why nothing is approved; null = it is. */
  readonly failSafe: () => string | null;
  /** The lease: asked before every message. */
  readonly mayRelease: () => boolean;
  readonly onEntry: (entry: JournalEntry) => void;
  readonly onChanged: () => void;
  /** An engine knows a risk engine of a newer epoch. */
  readonly onStale: (epoch: number) => void;
  readonly onAhead: (engineEnd: number) => void;
  /** The engine no longer has what comes next; said each time that it is asked. `first` is the first entry that it has, if it says so. */
  readonly onRemoved: (first: number | null) => void;
}

/**
 * The connection to whichever engine is primary: its released entries come, approvals and rooms go. One connection for both, so that
 * what is approved is approved by somebody who hears this engine. A new connection begins with the whole table.
 */
export class EngineLink {
  readonly #options: EngineLinkOptions;
  readonly #feed: EntryFeed;
  #accepted = false;
  #whole = true;
  #seq = 0;
  #question = 0;
  #answered = 0;
  #said: string | null = 'nothing yet';
  #timer: NodeJS.Timeout | null = null;
  #refused: string | null = null;
  #removed: string | null = null;
  #through: number;
  #closed = false;
  sent = 0;

  constructor(options: EngineLinkOptions) {
    this.#options = options;
    this.#through = options.after;
    this.#feed = new EntryFeed({
      engines: options.engines,
      after: options.after,
      reader: 'risk',
      pass: options.readerPass,
      stored: options.stored,
      sink: {
        entry: (entry) => {
          this.#through = entry.seq;
          this.#removed = null;
          options.onEntry(entry);
          this.#publishSoon();
        },
        changed: () => options.onChanged(),
        ahead: options.onAhead,
        removed: (first) => {
          this.#removed = removedProblem('the risk engine', this.#through, first);
          options.onRemoved(first);
          options.onChanged();
        },
        attached: () => this.#attached(),
        caughtUp: () => {
          this.publish();
          options.onChanged();
        },
        other: (message) => this.#heard(message),
      },
    });
  }

  get connected(): boolean {
    return this.#feed.connected;
  }

  /** Every entry that the engine had released when it was last heard has been taken in. */
  get caughtUp(): boolean {
    return this.#feed.caughtUp;
  }

  get releasedSequence(): number {
    return this.#feed.releasedSequence;
  }

  get problem(): string | null {
    if (this.#refused !== null) return `the engine refuses this risk engine: ${this.#refused}`;
    if (this.#removed !== null) return this.#removed;
    return this.connected ? null : 'no engine of this site delivers its released entries';
  }

  /** See `EntryFeed`; what is approved does not hang on it. */
  get readerProblem(): string | null {
    return this.#feed.readerProblem;
  }

  /** Exposures are kept up to here. */
  stored(sequence: number): void {
    this.#feed.stored(sequence);
  }

  /** The engine has read all that was sent up to here; false when it has not said so by the deadline, or there is none. */
  async heardBy(deadlineMs: number): Promise<boolean> {
    this.publish();
    if (!this.#accepted || !this.#options.mayRelease()) return false;
    // Introduced anew it answers, behind everything that it was told before.
    this.#attached();
    const deadline = performance.now() + deadlineMs;
    while (!this.#accepted && !this.#closed && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    return this.#accepted;
  }

  /** The rules changed: everything is sent again. */
  replaceTable(): void {
    this.#whole = true;
    this.publish();
  }

  /** Sends what the engine does not know yet, if it is allowed to. Nothing that nobody asked for and that says nothing new. */
  publish(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#closed || !this.#accepted || !this.#options.mayRelease()) return;
    const reason = this.#options.failSafe();
    const rows = this.#feed.caughtUp ? this.#rows() : [];
    for (const [index, table] of rows.entries()) {
      // In force with the last part.
      const last = index === rows.length - 1;
      this.#send(last ? reason : this.#said, table);
    }
    if (rows.length === 0 && (this.#question !== this.#answered || reason !== this.#said)) this.#send(reason, null);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#feed.close();
  }

  #rows(): readonly RiskRows[] {
    if (!this.#whole) return this.#options.table.changes();
    this.#whole = false;
    return this.#options.table.all();
  }

  #send(reason: string | null, table: RiskRows | null): void {
    this.#seq += 1;
    this.sent += 1;
    this.#said = reason;
    this.#answered = this.#question;
    this.#feed.send(
      riskRecord({ seq: this.#seq, echo: this.#question, approved: reason === null, reason: reason ?? '', table }),
    );
  }

  #publishSoon(): void {
    if (this.#accepted) this.#timer ??= setTimeout(() => this.publish(), gatherMs);
  }

  #attached(): void {
    const { token, instance, epoch } = this.#options;
    this.#accepted = false;
    this.#feed.send({ t: 'risk-logon', token, instance, epoch });
  }

  #heard(message: JsonRecord): boolean {
    switch (message['t']) {
      case 'risk-ok':
        this.#accepted = true;
        this.#refused = null;
        this.#whole = true;
        this.#seq = 0;
        this.#question = 0;
        this.#answered = 0;
        this.#said = 'nothing yet';
        this.#options.onChanged();
        return true;
      case 'risk-ask':
        this.#question = countField(message, 'n') ?? 0;
        this.publish();
        return true;
      case 'risk-refused':
        this.#accepted = false;
        this.#refused = String(message['code']);
        if (message['code'] === 'stale-epoch') this.#options.onStale(countField(message, 'epoch') ?? 0);
        else this.#options.onChanged();
        return true;
      default:
        return false;
    }
  }
}

/** Executions gather for a moment: an engine is told once what many of them changed. */
const gatherMs = 20;
const lookEveryMs = 5;
