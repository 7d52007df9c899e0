import { monoMs } from '../load/clock.ts';
import type { Address } from '../load/line-connection.ts';
import { EntryFeed, removedProblem } from './entry-feed.ts';
import type { JournalEntry } from './journal-entry.ts';
import { type DatabaseAddress, OrderStore, StaleWriterError, type StorePosition } from './order-store.ts';
import type { ReaderPass } from './reader-pass.ts';

export interface PersisterOptions {
  readonly instance: string;
  readonly stream: string;
  readonly epoch: number;
  readonly engines: readonly Address[];
  /** Shown to engines that remove entries. */
  readonly readerPass?: ReaderPass | undefined;
  readonly database: DatabaseAddress;
  readonly databaseDeadlineMs: number;
  /** Asked immediately before every commit: the lease. */
  readonly mayCommit: () => boolean;
  readonly onChanged: () => void;
  /** False: entries are followed and none is taken until `startAccepting`. */
  readonly accepting: boolean;
  /** A newer writer is there; this one has ended. */
  readonly onStale: (epoch: number) => void;
}

/**
 * Moves released entries into the database while it lives: one transaction in flight, whatever has gathered meanwhile is the
 * next one. After anything unclear it starts over from the position that the database has.
 */
export class Persister {
  readonly #options: PersisterOptions;
  #store: OrderStore | null;
  #feed: EntryFeed | null = null;
  #queue: JournalEntry[] = [];
  /** When each of them came, in the same order. */
  #arrivedAtMs: number[] = [];
  #accepting: boolean;
  #working = false;
  #reopening: Promise<void> | null = null;
  #workTimer: NodeJS.Timeout | null = null;
  #retryTimer: NodeJS.Timeout | null = null;
  #position: StorePosition;
  #closed = false;
  #problem: string | null = null;
  #feedProblem: string | null = null;
  #lastPersistedAt: number | null = null;
  #persisted = 0;
  #breaks = 0;
  #breaksBefore = 0;

  /** `store` was opened in this epoch; the persister owns it from now on. */
  constructor(options: PersisterOptions, store: OrderStore) {
    this.#options = options;
    this.#store = store;
    this.#accepting = options.accepting;
    this.#position = store.position;
    this.#follow(store.position.sequence);
  }

  get position(): StorePosition {
    return this.#position;
  }

  get databaseReachable(): boolean {
    return this.#store !== null && !this.#store.closed;
  }

  get feedConnected(): boolean {
    return this.#feed?.connected ?? false;
  }

  /** Entries that the engine has released and the database does not have. */
  get lagEntries(): number {
    return Math.max(0, (this.#feed?.releasedSequence ?? 0) - this.#position.sequence);
  }

  /** For how long the oldest released entry that has come here has not been in the database. */
  get lagMs(): number {
    const oldest = this.#arrivedAtMs[0];
    return oldest === undefined ? 0 : Math.round(monoMs() - oldest);
  }

  get accepting(): boolean {
    return this.#accepting;
  }

  /** Resolves with true as soon as everything that is released now is stored, with false at the deadline. More may be released meanwhile. */
  async caughtUp(deadlineMs: number): Promise<boolean> {
    const released = this.#feed?.releasedSequence ?? 0;
    const deadline = performance.now() + deadlineMs;
    while (!this.#closed && this.#position.sequence < released && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    return !this.#closed && this.#position.sequence >= released;
  }

  get problem(): string | null {
    return this.#problem ?? this.#feedProblem ?? this.#feed?.readerProblem ?? null;
  }

  /** For `Status.business`. */
  get figures(): Readonly<Record<string, number | null>> {
    return {
      activeOrders: this.#store?.activeOrders ?? 0,
      lastOrderAgeMs: this.#lastPersistedAt === null ? null : Math.round(monoMs() - this.#lastPersistedAt),
      acknowledged: this.#position.sequence,
      lagEntries: this.lagEntries,
      lagMs: this.lagMs,
      persistedEntries: this.#persisted,
      breaks: this.#breaks,
    };
  }

  async dryRun(): Promise<number> {
    if (this.#store === null) throw new Error('the database is not connected');
    while (this.#working) await new Promise((resolve) => setImmediate(resolve));
    return this.#store.dryRun();
  }

  /** No further entry is taken. Resolves when no transaction is under way; rejects when one still is at the deadline. */
  async stopAccepting(deadlineMs: number): Promise<void> {
    this.#accepting = false;
    this.#options.onChanged();
    const deadline = performance.now() + deadlineMs;
    while (this.#working && !this.#closed) {
      if (performance.now() > deadline) throw new Error(`a transaction is still under way after ${deadlineMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  }

  startAccepting(): void {
    this.#accepting = true;
    this.#options.onChanged();
    void this.#work();
  }

  /** Reads position and open orders from the database again and follows the engine from there. Rejects when it cannot. */
  async reload(): Promise<void> {
    this.#store?.close();
    this.#store = null;
    while (this.#working) await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    await this.#reopen();
    if (this.#store === null) throw new Error(this.#problem ?? 'it was ended meanwhile');
  }

  /** The right to commit may have come back. */
  wake(): void {
    void this.#work();
  }

  /** Nothing is sent to the database after this returns; a commit that was sent before may still happen. */
  close(): void {
    this.#closed = true;
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    if (this.#workTimer !== null) clearTimeout(this.#workTimer);
    this.#feed?.close();
    this.#store?.close();
  }

  #follow(after: number): void {
    this.#queue = [];
    this.#arrivedAtMs = [];
    this.#feed?.close();
    this.#feed = new EntryFeed({
      engines: this.#options.engines,
      after,
      sink: {
        entry: (entry) => this.#took(entry),
        changed: () => {
          this.#feedProblem = null;
          this.#options.onChanged();
        },
        ahead: (engineEnd) => {
          this.#feedProblem = `the database has entries up to ${this.#position.sequence}, the engine only up to ${engineEnd}`;
          this.#options.onChanged();
        },
        removed: (first) => {
          this.#feedProblem = removedProblem('the database', this.#position.sequence, first);
          this.#options.onChanged();
        },
      },
      reader: 'oms',
      pass: this.#options.readerPass,
    });
  }

  #took(entry: JournalEntry): void {
    this.#queue.push(entry);
    this.#arrivedAtMs.push(monoMs());
    if (this.#queue.length >= maxQueued) this.#feed?.pause();
    this.#workSoon();
  }

  /** Entries gather for a moment: fewer transactions cost the database less than the delay costs anybody. */
  #workSoon(): void {
    this.#workTimer ??= setTimeout(() => {
      this.#workTimer = null;
      void this.#work();
    }, gatherMs);
  }

  async #work(): Promise<void> {
    if (this.#working || this.#closed || !this.#accepting) return;
    this.#working = true;
    try {
      let full = true;
      while (full && this.#mayApply && this.#queue.length > 0 && this.#store !== null) {
        await this.#applyNext(this.#store);
        full = this.#queue.length >= maxBatch;
      }
      if (!full && this.#queue.length > 0) this.#workSoon();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#working = false;
    }
  }

  get #mayApply(): boolean {
    return this.#accepting && !this.#closed && this.#options.mayCommit();
  }

  async #applyNext(store: OrderStore): Promise<void> {
    const entries = this.#queue.slice(0, maxBatch);
    const outcome = await store.apply(entries, this.#options.mayCommit);
    if (outcome === 'held') return;
    this.#queue.splice(0, entries.length);
    this.#arrivedAtMs.splice(0, entries.length);
    if (this.#queue.length < maxQueued / 2) this.#feed?.resume();
    this.#position = store.position;
    this.#feed?.stored(store.position.sequence);
    this.#breaks = this.#breaksBefore + store.breaks;
    this.#persisted += entries.length;
    this.#lastPersistedAt = monoMs();
    if (this.#problem !== null) {
      this.#problem = null;
      this.#options.onChanged();
    }
  }

  #failed(error: unknown): void {
    this.#store?.close();
    this.#store = null;
    this.#breaksBefore = this.#breaks;
    if (this.#closed) return;
    if (error instanceof StaleWriterError) {
      this.close();
      this.#options.onStale(error.epoch);
      return;
    }
    this.#problem = error instanceof Error ? error.message : String(error);
    this.#options.onChanged();
    this.#retryTimer = setTimeout(() => void this.#reopen(), reopenAfterMs);
  }

  #reopen(): Promise<void> {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    this.#reopening ??= this.#open().finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  async #open(): Promise<void> {
    const { database, stream, epoch, instance, databaseDeadlineMs } = this.#options;
    try {
      const store = await OrderStore.open({
        database,
        stream,
        epoch,
        holder: instance,
        deadlineMs: databaseDeadlineMs,
      });
      if (this.#closed) return store.close();
      this.#store = store;
      this.#position = store.position;
      this.#problem = null;
      this.#follow(store.position.sequence);
      this.#options.onChanged();
    } catch (error) {
      this.#failed(error);
    }
  }
}

const gatherMs = 15;
const maxBatch = 2000;
const maxQueued = 20_000;
const reopenAfterMs = 50;
const lookEveryMs = 5;
