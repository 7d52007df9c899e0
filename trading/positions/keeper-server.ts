import { join } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { asRecord, countField, type JsonRecord } from '../base/json-record.ts';
import { badMessage, type LinePeer, LineServer } from '../base/line-server.ts';
import { Pulse } from '../base/pulse.ts';
import { PriceFollower } from '../market-data/price-follower.ts';
import { EntryFeed, removedProblem } from '../oms/entry-feed.ts';
import type { BookSource } from '../reconcile/book-source.ts';
import type { ReconcileConfig } from '../reconcile/config.ts';
import { type CheckResult, EngineCheck } from './engine-check.ts';
import { exactSum } from './exact-integer.ts';
import { KeeperBook } from './keeper-book.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { KeeperLog } from './keeper-log.ts';
import { defaultInstrument, profitAndLoss } from './position.ts';
import type { BookedPosition } from './position-book.ts';

/**
 * The position keeper: follows the released entries of whichever engine is primary and answers what positions and P&L they amount
 * to. What it took in it keeps on its own disk, so that a start reads from the engine only what came after.
 */
export class KeeperServer {
  readonly #config: KeeperConfig;
  readonly #onChanged: () => void;
  readonly #server: LineServer;
  readonly #check: EngineCheck;
  /** What is answered. */
  #book = new KeeperBook();
  /** What entries are applied to: another one while positions are computed anew. */
  #next = this.#book;
  #rebuilt: { readonly differed: number } | null = null;
  /** What the other book began with, where the engine no longer has what comes before. */
  #rebuiltFrom = 0;
  /** Why positions could not be computed anew. */
  #impossible: string | null = null;
  /** For which book it was looked whether what was kept is of use. */
  #triedFor: KeeperBook | null = null;
  /** Where an engine ended that had less than this keeper: what was kept beyond that, the engine never had, or has otherwise. */
  #engineEnded = Number.POSITIVE_INFINITY;
  #unvouched: string | null = null;
  #log: KeeperLog | null = null;
  #keeping: Pulse | null = null;
  #kept: KeeperBook | null = null;
  #begunWith = 0;
  #feed: EntryFeed | null = null;
  #prices: PriceFollower | null = null;
  #problem: string | null = null;

  constructor(config: KeeperConfig, onChanged: () => void = () => {}) {
    this.#config = config;
    this.#onChanged = onChanged;
    this.#check = new EngineCheck(() => this.#book);
    this.#server = new LineServer((peer, request) => this.#receive(peer, request));
  }

  async listen(): Promise<number> {
    const port = await this.#server.listen(this.#config.listen);
    this.#beginWithLog();
    this.#kept = this.#book;
    this.follow();
    if (this.#config.marketData.length > 0) this.#prices = new PriceFollower(this.#config.marketData);
    return port;
  }

  close(): Promise<void> {
    this.#keeping?.stop();
    this.#log?.close();
    this.#log = null;
    this.#feed?.close();
    this.#prices?.close();
    return this.#server.close();
  }

  /** An engine of the list is primary and delivers. */
  get connected(): boolean {
    return this.#feed?.connected ?? false;
  }

  /** Last entry that was known from the disk when it began. */
  get begunWith(): number {
    return this.#begunWith;
  }

  /** Last entry that is on its disk. */
  get keptThrough(): number {
    return this.#log?.through ?? 0;
  }

  get book(): KeeperBook {
    return this.#book;
  }

  get lagEntries(): number {
    return Math.max(0, (this.#feed?.releasedSequence ?? 0) - this.#book.through);
  }

  /** What people should know about the figures; what was lost stays until they are recovered, or the process is started anew. */
  get problem(): string | null {
    return this.#unvouched ?? this.#problem ?? this.#feed?.readerProblem ?? null;
  }

  /** Which released entries the engine no longer has; null = none. */
  get lost(): string | null {
    return this.#problem;
  }

  /** All books agree without what was lost. */
  settleLoss(): void {
    this.#problem = null;
  }

  /** Nobody should believe the figures, until `vouch`. */
  vouchNot(reason: string): void {
    this.#unvouched = reason;
  }

  vouch(): void {
    this.#unvouched = null;
  }

  reconciliation(own: BookSource): ReconcileConfig | null {
    return this.#config.reconcile?.(own) ?? null;
  }

  /**
   * Computes everything anew from the first released entry on, beside the book that is answered meanwhile, and puts it in its place once all has come.
   * Where the engine no longer has the first entries it begins with what is on disk, read and checked again, and says so (`begunWith`).
   * Where the old book ended both are compared. Rejects at the deadline, and when nothing can be begun with, which changes nothing;
   * with `again` it goes on waiting for what was begun.
   */
  async recompute(options: { readonly again: boolean; readonly deadlineMs: number }): Promise<Rebuilt> {
    const deadline = performance.now() + options.deadlineMs;
    if (!options.again || this.#impossible !== null) {
      this.#next = new KeeperBook();
      this.#rebuilt = null;
      this.#rebuiltFrom = 0;
      this.#impossible = null;
      this.follow();
    }
    while (this.#next !== this.#book) {
      if (performance.now() > deadline)
        throw new Error(
          `positions are being computed anew: entry ${this.#next.through} of ${this.#feed?.releasedSequence ?? 0}`,
        );
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
    if (this.#impossible !== null) throw new Error(this.#impossible);
    const { through, trades, positions } = this.#book;
    const differed = this.#rebuilt?.differed ?? 0;
    return { begunWith: this.#rebuiltFrom, differed, through, trades: trades.length, positions: positions.size };
  }

  /** P&L of all positions at the price of each symbol's last trade, by currency, for people. */
  profitInWords(): { readonly realised: string; readonly total: string } {
    const sums = new Map<string, { realised: number; total: number }>();
    for (const position of this.#book.positions.positions()) {
      const instrument = this.#config.instruments[position.symbol] ?? defaultInstrument;
      const found = profitAndLoss(position, this.#book.lastPrice(position.symbol), instrument);
      const sum = sums.get(found.currency) ?? { realised: 0, total: 0 };
      const what = `the P&L in ${found.currency}`;
      sums.set(found.currency, {
        realised: exactSum(sum.realised, found.realisedMinor, what),
        total: exactSum(sum.total, found.totalMinor ?? 0, what),
      });
    }
    const text = (name: 'realised' | 'total') =>
      [...sums].map(([currency, sum]) => `${currency} ${sum[name]}`).join(', ');
    return { realised: text('realised'), total: text('total') };
  }

  /** Goes on from the entry at which the book is. */
  follow(): void {
    this.#feed?.close();
    const book = this.#next;
    this.#feed = new EntryFeed({
      engines: this.#config.engines,
      after: book.through,
      calmAfterMs,
      reader: 'positions',
      pass: this.#config.readerPass,
      stored: this.keptThrough > this.#engineEnded ? 0 : this.keptThrough,
      sink: {
        entry: (entry) => {
          book.apply(entry);
          this.#compareWith(book);
        },
        caughtUp: () => this.#adopt(book),
        changed: this.#onChanged,
        ahead: (end) => this.#startOver(end),
        removed: (first) => this.#removed(book, first),
      },
    });
  }

  #beginWithLog(): void {
    const { control, keepEveryMs } = this.#config;
    if (control === null || keepEveryMs === 0) return;
    this.#log = KeeperLog.open(join(control.dataDir, 'kept.log'));
    this.#book = this.#log.book;
    this.#next = this.#book;
    this.#begunWith = this.#book.through;
    this.#keeping = new Pulse({ everyMs: () => keepEveryMs, beat: () => this.#keep() });
  }

  /** Another book than the one that was kept takes its place once it has everything: until then that one may be all that is left. */
  #keep(): void {
    if (this.#log === null || this.#next !== this.#book) return;
    try {
      if (this.#kept === this.#book) this.#log.keep(this.#book);
      else if (this.#feed?.caughtUp === true) {
        this.#log.replace(this.#book);
        this.#kept = this.#book;
        this.#engineEnded = Number.POSITIVE_INFINITY;
      } else return;
      this.#feed?.stored(this.#log.through);
    } catch {
      // What was on disk before stays; a line that was not finished is cut by the next start.
      this.#log.close();
      this.#log = null;
    }
  }

  /** Entries that come next are gone at the engine. A book that has none yet begins with what was kept, if that is of use. */
  #removed(book: KeeperBook, first: number | null): void {
    const problem = removedProblem('the position keeper', book.through, first);
    if (this.#triedFor === book) {
      this.#problem ??= problem;
      return;
    }
    const kept = book.through > 0 ? '' : this.#keptFor(first);
    this.#triedFor = book;
    if (typeof kept === 'string' && book === this.#book) {
      this.#problem = `${problem}${kept}`;
      return this.#onChanged();
    }
    if (typeof kept === 'string') {
      this.#impossible = `${problem}${kept}`;
      this.#kept = null;
      this.#next = this.#book;
    } else {
      if (book === this.#book) this.#book = kept;
      this.#next = kept;
      this.#rebuiltFrom = kept.through;
      this.#compareWith(kept);
    }
    this.follow();
  }

  /** The book on disk, read and checked again; in words why it is of no use to go on from. */
  #keptFor(first: number | null): KeeperBook | string {
    try {
      if (this.#log === null) throw new Error('there is nothing');
      const book = this.#log.reread();
      if (book.through === 0 || book.through + 1 < (first ?? 1)) throw new Error(`it ends at ${book.through}`);
      if (book.through > this.#engineEnded)
        throw new Error(`the engine came to have no more than ${this.#engineEnded}`);
      return book;
    } catch (error) {
      return `; what was kept is of no use: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  /** At the entry at which the book that is answered ended. */
  #compareWith(book: KeeperBook): void {
    if (book === this.#book || book.through !== this.#book.through) return;
    const textOf = (each: BookedPosition) => JSON.stringify(each);
    const before = new Set(this.#book.positions.positions().map(textOf));
    const differed = book.positions.positions().filter((each) => !before.delete(textOf(each))).length;
    this.#rebuilt = { differed: Math.max(differed, before.size) };
  }

  /** What was computed anew has everything that was released: it is what is answered from now on. */
  #adopt(book: KeeperBook): void {
    if (book === this.#book) return;
    this.#problem =
      book.through >= this.#book.through
        ? null
        : `entries ${book.through + 1} to ${this.#book.through} had been released and the engine no longer has them`;
    this.#book = book;
    this.#onChanged();
  }

  stopFollowing(): void {
    this.#feed?.close();
    this.#feed = null;
  }

  /** Compares with the engine that is followed. */
  check(deadlineMs: number): Promise<CheckResult> {
    const engine = this.#feed?.engine ?? null;
    return engine === null
      ? Promise.resolve({ kind: 'unknown', why: 'no engine of this site is primary' })
      : this.#check.run(engine, deadlineMs);
  }

  /** Released entries are missing at the engine. What they said is no longer vouched for: begin again with what it has. */
  #startOver(engineEnd: number): void {
    if (engineEnd >= this.#next.through) return;
    this.#problem = `entries ${engineEnd + 1} to ${this.#next.through} had been released and the engine no longer has them`;
    this.#engineEnded = engineEnd;
    this.#book = new KeeperBook();
    this.#next = this.#book;
    this.follow();
  }

  #receive(peer: LinePeer, request: JsonRecord): void {
    switch (request.t) {
      case 'status':
        return peer.send(this.#status());
      case 'book':
        return this.#sendBook(peer);
      case 'pnl':
        return peer.send(this.#answerProfitAndLoss(request));
      default:
        return peer.send(badMessage);
    }
  }

  #status(): object {
    const book = this.#book;
    return {
      t: 'status',
      instance: this.#config.instance,
      connected: this.connected,
      through: book.through,
      epoch: book.epoch,
      released: this.#feed?.releasedSequence ?? 0,
      positions: book.positions.size,
      trades: book.trades.length,
      unbooked: book.unbooked.length,
      problem: this.problem,
    };
  }

  /** Everything as it is at this moment; what is booked while a slow reader takes it is not in it. */
  #sendBook(peer: LinePeer): void {
    const { trades, unbooked, through } = this.#book;
    const { positions, hash } = this.#book.snapshot();
    const messages = [
      { ...this.#status(), t: 'book', hash },
      ...positions.map((position) => ({ t: 'position', ...position })),
      ...trades.map((trade) => ({ t: 'trade', ...trade })),
      ...unbooked.map((entry) => ({ t: 'unbooked', ...entry })),
      { t: 'book-end', through },
    ];
    peer.sendAll(messages.values());
  }

  /** A mark that makes a figure pass 2^53 gets a reject, never a rounded figure. */
  #answerProfitAndLoss(request: JsonRecord): object {
    try {
      return this.#profitAndLoss(asRecord(request['marks']) ?? {}, {
        market: request['market'] === true,
        lastTrades: request['lastTrades'] === true,
      });
    } catch (error) {
      if (error instanceof CodedError) return { t: 'reject', code: error.code, message: error.message };
      throw error;
    }
  }

  /** Market data that is stale marks nothing. */
  #profitAndLoss(marks: JsonRecord, use: { readonly market: boolean; readonly lastTrades: boolean }): object {
    const prices = use.market && this.#prices?.stale === false ? this.#prices : null;
    const rows = this.#book.positions.positions().map(({ account, symbol, ...position }) => {
      const instrument = this.#config.instruments[symbol] ?? defaultInstrument;
      const known = countField(marks, symbol) ?? prices?.mark(symbol) ?? null;
      const mark = known ?? (use.lastTrades ? this.#book.lastPrice(symbol) : null);
      return { account, symbol, lots: position.lots, mark, ...profitAndLoss(position, mark, instrument) };
    });
    const market = use.market ? { marketDataAgeMs: this.#prices?.ageMs ?? null, marketDataUsed: prices !== null } : {};
    return { t: 'pnl', through: this.#book.through, ...market, rows };
  }
}

/** What computing anew came to. */
interface Rebuilt {
  /** Entry behind which it began; 0 = with the first one. */
  readonly begunWith: number;
  readonly through: number;
  readonly trades: number;
  readonly positions: number;
  /** Positions that were others before, at the entry at which the old book ended. */
  readonly differed: number;
}

const lookEveryMs = 5;
/** At a site that is not active there is nobody to follow: it looks for an engine once a second. */
const calmAfterMs = 3000;
