import { monoNowMs } from '../base/mono-clock.ts';
import type { Address } from '../load/line-connection.ts';
import { FEED_MESSAGE_BYTES, FeedMessage, readFeedMessage, readPacketHeader } from '../venue-protocol/feed.ts';
import { type ArbiterTiming, arbiterTiming, FeedArbiter, type FeedName } from './feed-arbiter.ts';
import { FeedSocket } from './feed-socket.ts';
import { type Freshness, freshnessOf } from './freshness.ts';
import { MarketBooks } from './market-books.ts';
import type { MarketHours } from './market-hours.ts';
import { type GapAnswer, RecoveryClient, type SnapshotAnswer } from './recovery-client.ts';

export interface MarketFeedConfig {
  readonly venue: string;
  readonly a: Address;
  readonly b: Address;
  readonly recovery: Address;
  readonly hours: MarketHours;
}

/** One exchange's market data, from sockets to books. Nothing is heard before `join`. */
export class MarketFeed {
  readonly venue: string;
  readonly books = new MarketBooks();
  readonly #config: MarketFeedConfig;
  readonly #recovery: RecoveryClient;
  readonly #changed: (symbol: number) => void;
  readonly #message = new FeedMessage();
  #arbiter: FeedArbiter;
  #sockets: Readonly<Record<FeedName, FeedSocket>> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #unreadable = 0;

  /** `changed`: something of a symbol is another than before; −1 = of all of them. */
  constructor(config: MarketFeedConfig, changed: (symbol: number) => void) {
    this.venue = config.venue;
    this.#config = config;
    this.#changed = changed;
    this.#arbiter = this.#newArbiter();
    this.#recovery = new RecoveryClient({
      address: config.recovery,
      sink: {
        gap: (answer) => this.#filled(answer),
        snapshot: (answer) => this.#tookSnapshot(answer),
        tooOld: (run) => this.#with((arbiter, now) => arbiter.tooOld(run, now)),
      },
    });
  }

  get joined(): boolean {
    return this.#sockets !== null;
  }

  get sequence(): number {
    return this.#arbiter.sequence;
  }

  /** Books are whole and have everything that is known to exist. */
  get complete(): boolean {
    return this.#arbiter.synced && this.#arbiter.behindSinceMs === null;
  }

  get synced(): boolean {
    return this.#arbiter.synced;
  }

  /** Complete, and not stale. */
  get ready(): boolean {
    return this.complete && !this.freshness().stale;
  }

  get snapshots(): number {
    return this.#arbiter.figures.snapshots;
  }

  get figures(): Readonly<Record<string, number>> {
    const { feeds, figures, run, known } = this.#arbiter;
    return {
      run,
      sequence: this.sequence,
      known,
      ...figures,
      unreadable: this.#unreadable,
      packetsA: feeds.A.packets,
      packetsB: feeds.B.packets,
      firstA: feeds.A.first,
      firstB: feeds.B.first,
      duplicates: feeds.A.duplicates + feeds.B.duplicates,
    };
  }

  freshness(nowMs = monoNowMs()): Freshness {
    const { feeds, behindSinceMs } = this.#arbiter;
    return freshnessOf({
      nowMs,
      lastOfAMs: feeds.A.lastAtMs,
      lastOfBMs: feeds.B.lastAtMs,
      behindSinceMs,
      hasBooks: this.snapshots > 0,
      inMarketHours: this.#config.hours.trading(this.books.phase),
    });
  }

  /** Joins both feeds and takes a snapshot; what it had before is kept until that is there. */
  join(): void {
    if (this.#sockets !== null) return;
    this.#open();
    this.#with((arbiter, now) => arbiter.startOver(now));
  }

  /** Joins both feeds anew without forgetting anything. Packets are counted from here on. */
  rejoin(): void {
    this.#shut();
    for (const feed of Object.values(this.#arbiter.feeds)) feed.packets = 0;
    this.#open();
  }

  leave(): void {
    this.#shut();
    this.#recovery.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    this.#arbiter = this.#newArbiter();
  }

  /** Takes a snapshot whether one is needed or not. */
  takeSnapshot(): void {
    this.#with((arbiter, now) => arbiter.startOver(now));
  }

  #newArbiter(): FeedArbiter {
    const timing: ArbiterTiming = arbiterTiming;
    return new FeedArbiter({
      nowMs: monoNowMs(),
      timing,
      sink: {
        message: ({ bytes, view, at }) => this.#told(bytes, view, at),
        ask: (request) => this.#recovery.ask(request),
      },
    });
  }

  #open(): void {
    const { a, b } = this.#config;
    const received = (packet: Buffer) => this.#received(packet);
    this.#sockets = { A: new FeedSocket({ address: a, received }), B: new FeedSocket({ address: b, received }) };
  }

  #shut(): void {
    this.#sockets?.A.close();
    this.#sockets?.B.close();
    this.#sockets = null;
  }

  #received(packet: Buffer): void {
    if (this.#sockets === null) return;
    const header = readPacketHeader(packet, new DataView(packet.buffer, packet.byteOffset, packet.length));
    if (header === null) this.#unreadable += 1;
    else this.#with((arbiter, now) => arbiter.packet(packet, header, now));
  }

  /** A message that cannot be read is passed over by taking a snapshot: what it changed is not known. */
  #told(bytes: Uint8Array, view: DataView, at: number): void {
    if (readFeedMessage(bytes, view, at, this.#message)) {
      this.#changed(this.books.apply(this.#message, monoNowMs()));
      return;
    }
    this.#unreadable += 1;
    setImmediate(() => {
      if (this.joined) this.takeSnapshot();
    });
  }

  #filled({ run, next, first, bytes, count }: GapAnswer): void {
    this.#with((arbiter, now) => {
      for (let each = 0; each < count; each++)
        arbiter.filled({ run, sequence: first + each, bytes, at: each * FEED_MESSAGE_BYTES }, now);
      arbiter.gapEnded({ run, next }, now);
    });
  }

  #tookSnapshot({ run, sequence, phase, books }: SnapshotAnswer): void {
    this.#with((arbiter, now) => {
      if (!arbiter.wantsSnapshot(run, now)) return;
      this.books.replace(books, phase);
      this.#changed(-1);
      arbiter.snapshotTaken(sequence, now);
    });
  }

  /** Whatever the arbiter is told, it is looked at again when it next has something to ask. */
  #with(act: (arbiter: FeedArbiter, nowMs: number) => void): void {
    act(this.#arbiter, monoNowMs());
    const { dueAtMs } = this.#arbiter;
    if (dueAtMs === this.#timerAtMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAtMs = dueAtMs;
    if (dueAtMs === Number.POSITIVE_INFINITY || !this.joined) return;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#with((arbiter, now) => arbiter.tick(now));
      },
      Math.max(1, Math.ceil(dueAtMs - monoNowMs())),
    );
  }
}
