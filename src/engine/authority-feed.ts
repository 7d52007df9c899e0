import type { Revision } from '../core/base/ids.ts';
import type { AuthorityEvent } from './agent-effects.ts';
import type { AuthorityPort, RangeOutcome, Watch, WatchEvent } from './authority-port.ts';
import { byDeadline, type ShellClock } from './shell.ts';

export interface AuthorityFeedOptions {
  readonly authority: AuthorityPort;
  readonly clock: ShellClock;
  readonly give: (event: AuthorityEvent) => void;
  /** Deadline of one read. Default 1000. */
  readonly readDeadlineMs?: number;
  /** When nothing was heard for this long, the authority is asked. Default 400; null = never, for who takes its silence as it is. */
  readonly quietMs?: number | null;
  /** Changes below this are watched; everything is read at the start. Default all. */
  readonly watchPrefix?: string;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 500;
/** Nothing is stored below it: a linearizable read that costs no data. */
const PROBE_PREFIX = 'quiet/';

/**
 * Turns the authority into events: one snapshot, then every change after it, in order and without gaps. After a gap, or when
 * asked to, there is a new snapshot. Silence ends in `authority-heard` only when the authority answered a read, which with
 * etcd is a quorum's answer.
 */
export class AuthorityFeed {
  readonly #options: AuthorityFeedOptions;
  #watch: Watch | null = null;
  /** Of the watch: one that was replaced is not listened to. */
  #generation = 0;
  #loading = false;
  #again = false;
  #closed = false;
  #retryMs = FIRST_RETRY_MS;
  #heardAt: number;
  #cancelQuiet: (() => void) | null = null;
  #cancelRetry: (() => void) | null = null;

  constructor(options: AuthorityFeedOptions) {
    this.#options = options;
    this.#heardAt = options.clock.monoMs();
  }

  start(): void {
    this.reload();
    this.#listenForQuiet();
  }

  /** Reads everything again; changes that arrive meanwhile are part of what is read, or follow it. */
  reload(): void {
    if (this.#closed) return;
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    this.#again = false;
    void this.#load();
  }

  close(): void {
    this.#closed = true;
    this.#cancelQuiet?.();
    this.#cancelRetry?.();
    this.#watch?.close();
  }

  async #load(): Promise<void> {
    const found = await this.#range('');
    if (this.#closed) return;
    this.#loading = false;
    if (found.kind !== 'ok') {
      this.#cancelRetry?.();
      this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => this.reload());
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
      return;
    }
    this.#retryMs = FIRST_RETRY_MS;
    this.#watch?.close();
    this.#heard();
    const { revision, incarnation, entries } = found;
    this.#options.give({ kind: 'authority-snapshot', revision, incarnation, entries });
    this.#follow(revision);
    if (this.#again) this.reload();
  }

  #follow(afterRevision: Revision): void {
    this.#generation += 1;
    const generation = this.#generation;
    this.#watch = this.#options.authority.watch(this.#options.watchPrefix ?? '', {
      afterRevision,
      onEvent: (event) => {
        if (!this.#closed && generation === this.#generation) this.#seen(event);
      },
    });
  }

  #seen(event: WatchEvent): void {
    switch (event.kind) {
      case 'changed':
        this.#heard();
        this.#options.give({ kind: 'authority-changed', revision: event.revision, changes: event.changes });
        return;
      case 'resumed':
        this.#heard();
        this.#options.give({ kind: 'authority-heard' });
        return;
      case 'lost':
        return;
      case 'compacted':
        this.reload();
        return;
    }
  }

  #heard(): void {
    this.#heardAt = this.#options.clock.monoMs();
  }

  #listenForQuiet(): void {
    const { clock, quietMs = 400 } = this.#options;
    if (quietMs === null) return;
    const left = this.#heardAt + quietMs - clock.monoMs();
    this.#cancelQuiet = clock.after(Math.max(quietMs / 4, left), () => void this.#probe(quietMs));
  }

  async #probe(quietMs: number): Promise<void> {
    if (!this.#loading && this.#options.clock.monoMs() - this.#heardAt >= quietMs) {
      const found = await this.#range(PROBE_PREFIX);
      if (!this.#closed && found.kind === 'ok') {
        this.#heard();
        this.#options.give({ kind: 'authority-heard' });
      }
    }
    if (!this.#closed) this.#listenForQuiet();
  }

  #range(prefix: string): Promise<RangeOutcome> {
    const { authority, clock, readDeadlineMs = 1000 } = this.#options;
    const late = (reason: string): RangeOutcome => ({ kind: 'unknown', reason });
    return byDeadline(clock, { deadlineMs: readDeadlineMs, late }, () =>
      authority.range(prefix, { deadlineMs: readDeadlineMs }),
    );
  }
}
