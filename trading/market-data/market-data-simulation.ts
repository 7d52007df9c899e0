import { seededRandom } from '../replication/seeded-random.ts';
import { FeedMessage, readFeedMessage, readPacketHeader } from '../venue-protocol/feed.ts';
import { bookLines } from './book-lines.ts';
import { FeedArbiter, type FeedName, type RecoveryRequest } from './feed-arbiter.ts';
import { MarketBooks } from './market-books.ts';
import { SimulatedExchange } from './simulated-exchange.ts';

const counted = [
  'messages',
  'lost',
  'duplicated',
  'blackouts',
  'restarts',
  'oldPackets',
  'filled',
  'snapshots',
  'skipped',
  'tooOld',
  'requestsLost',
  'answersCut',
  'lies',
] as const;
export type MarketDataCounts = Record<(typeof counted)[number], number>;

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

/**
 * An exchange, two feeds that lose, delay and repeat packets, a recovery service that loses requests and breaks off, and the arbiter with its
 * books: everything drawn from a seed. After a time of faults all heals, and the books must become the exchange's.
 */
export class MarketDataSimulation {
  readonly violations: string[] = [];
  readonly counts = Object.fromEntries(counted.map((name) => [name, 0])) as MarketDataCounts;
  readonly #random: () => number;
  readonly #exchange: SimulatedExchange;
  readonly #arbiter: FeedArbiter;
  readonly #books = new MarketBooks();
  readonly #message = new FeedMessage();
  readonly #lossOf: Record<FeedName, number>;
  #events: Event[] = [];
  #order = 0;
  #nowMs = 0;
  #sent = 0;
  #silentUntilMs = 0;
  #healed = false;
  /** Answers to requests before this one are not heard any more. */
  #asked = 0;
  /** What the last message or snapshot was: run and sequence. */
  #last = { run: 0, sequence: 0 };

  constructor(seed: number) {
    const random = seededRandom(seed);
    this.#random = random;
    this.#exchange = new SimulatedExchange({ random, historyRoom: 40 + Math.floor(random() * 200) });
    const most = random() < 0.3 ? 0 : 0.3;
    this.#lossOf = { A: random() * most, B: random() < 0.2 ? 1 : random() * most };
    this.#arbiter = new FeedArbiter({
      nowMs: 0,
      window: 16 + Math.floor(random() * 100),
      sink: {
        message: ({ bytes, view, at }) => this.#told(bytes, view, at),
        ask: (request) => this.#ask(request),
      },
    });
  }

  run(faultsMs = 20_000): this {
    this.#every(1000, () => this.#heartbeat());
    while (this.#nowMs < faultsMs) {
      this.#step();
      if (this.#random() < 0.002) this.#silence();
      if (this.#random() < 0.0006) this.#restart();
      if (this.#random() < 0.0008) this.#lie();
    }
    this.#healed = true;
    const until = this.#nowMs + 8000;
    while (this.#nowMs < until) this.#step(this.#nowMs < until - 3000);
    this.#judge();
    return this;
  }

  /** Some milliseconds pass; things happen at the exchange and are sent. */
  #step(busy = true): void {
    this.#nowMs += 1 + Math.floor(this.#random() * 20);
    const burst = this.#random() < 0.01 ? 300 : 6;
    const count = busy ? Math.floor(this.#random() * burst) : 0;
    for (let each = 0; each < count; each++) this.#exchange.happen();
    this.counts.messages += count;
    this.#flush();
    this.#arrive();
    this.#arbiter.tick(this.#nowMs);
  }

  #arrive(): void {
    for (;;) {
      const due = this.#events.filter(({ atMs }) => atMs <= this.#nowMs);
      if (due.length === 0) return;
      this.#events = this.#events.filter(({ atMs }) => atMs > this.#nowMs);
      for (const event of due.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)) event.act();
    }
  }

  #later(delayMs: number, act: () => void): void {
    this.#events.push({ atMs: this.#nowMs + delayMs, order: this.#order++, act });
  }

  #every(ms: number, act: () => void): void {
    this.#later(ms, () => {
      act();
      this.#every(ms, act);
    });
  }

  #flush(): void {
    while (this.#sent < this.#exchange.next - 1) {
      const count = Math.min(1 + Math.floor(this.#random() * 8), this.#exchange.next - 1 - this.#sent);
      this.#send(this.#sent + 1, count);
      this.#sent += count;
    }
  }

  #heartbeat(): void {
    this.#send(this.#exchange.next, 0);
  }

  #send(first: number, count: number): void {
    for (const feed of ['A', 'B'] as const) {
      const packet = this.#exchange.packet(feed, first, count);
      const silent = this.#nowMs < this.#silentUntilMs;
      if (!this.#healed && (silent || this.#random() < this.#lossOf[feed])) {
        this.counts.lost += 1;
        continue;
      }
      const copies = !this.#healed && this.#random() < 0.05 ? 2 : 1;
      this.counts.duplicated += copies - 1;
      for (let copy = 0; copy < copies; copy++) {
        const delayMs = this.#random() < 0.02 && !this.#healed ? this.#random() * 3000 : this.#random() * 30;
        this.#later(delayMs, () => this.#receive(packet));
      }
    }
  }

  #receive(packet: Uint8Array): void {
    const header = readPacketHeader(packet, new DataView(packet.buffer));
    if (header === null) return;
    if (header.run < this.#arbiter.run) this.counts.oldPackets += 1;
    this.#arbiter.packet(packet, header, this.#nowMs);
  }

  #silence(): void {
    this.counts.blackouts += 1;
    this.#silentUntilMs = this.#nowMs + this.#random() * 6000;
  }

  #restart(): void {
    this.counts.restarts += 1;
    this.#exchange.restart();
    this.#sent = 0;
  }

  /** A heartbeat that promises what there is not. */
  #lie(): void {
    this.counts.lies += 1;
    const { run, next } = this.#exchange;
    const bytes = this.#exchange.packet('A', 1, 0);
    const first = next + Math.floor(this.#random() * 1e6);
    this.#later(1, () => this.#arbiter.packet(bytes, { feed: 'A', count: 0, run, first }, this.#nowMs));
  }

  #ask(request: RecoveryRequest): void {
    const asked = ++this.#asked;
    if (!this.#healed && this.#random() < 0.1) {
      this.counts.requestsLost += 1;
      return;
    }
    this.#later(this.#random() * 50, () => {
      const backMs = this.#random() * 50;
      const heard = (act: () => void) =>
        this.#later(backMs, () => {
          if (asked === this.#asked) act();
        });
      if (request.kind === 'snapshot') this.#answerSnapshot(heard);
      else this.#answerGap(request.from, request.count, heard);
    });
  }

  #answerSnapshot(heard: (act: () => void) => void): void {
    const { run, sequence, books } = this.#exchange.snapshot();
    heard(() => {
      if (!this.#arbiter.wantsSnapshot(run, this.#nowMs)) return;
      this.#books.replace(books, 'continuous');
      this.#last = { run, sequence };
      this.counts.snapshots += 1;
      this.#arbiter.snapshotTaken(sequence, this.#nowMs);
    });
  }

  #answerGap(from: number, count: number, heard: (act: () => void) => void): void {
    const { run, oldest, next } = this.#exchange;
    if (from < oldest) {
      this.counts.tooOld += 1;
      heard(() => this.#arbiter.tooOld(run, this.#nowMs));
      return;
    }
    const upTo = Math.min(next, from + count);
    const cutAt =
      !this.#healed && this.#random() < 0.1 ? from + Math.floor(this.#random() * count) : Number.POSITIVE_INFINITY;
    for (let sequence = from; sequence < upTo; sequence++) {
      const bytes = this.#exchange.bytes(sequence)!;
      if (sequence < cutAt) heard(() => this.#fill(run, sequence, bytes));
    }
    if (cutAt < upTo) this.counts.answersCut += 1;
    else heard(() => this.#arbiter.gapEnded({ run, next: Math.max(from, upTo) }, this.#nowMs));
  }

  #fill(run: number, sequence: number, bytes: Uint8Array): void {
    this.#arbiter.filled({ run, sequence, bytes, at: 0 }, this.#nowMs);
  }

  #told(bytes: Uint8Array, view: DataView, at: number): void {
    const { run, sequence } = this.#arbiter;
    if (run !== this.#last.run || sequence !== this.#last.sequence + 1)
      this.violations.push(`${run}/${sequence} was told after ${this.#last.run}/${this.#last.sequence}`);
    this.#last = { run, sequence };
    if (run === this.#exchange.run) {
      const truth = this.#exchange.bytes(sequence);
      if (truth === undefined || truth.some((byte, index) => byte !== bytes[at + index]))
        this.violations.push(`${run}/${sequence} was told with another content`);
    }
    if (!readFeedMessage(bytes, view, at, this.#message)) this.violations.push(`${run}/${sequence} cannot be read`);
    this.#books.apply(this.#message, this.#nowMs);
  }

  #judge(): void {
    const { figures, synced, behindSinceMs, sequence, run } = this.#arbiter;
    this.counts.filled += figures.filled;
    this.counts.skipped += figures.skipped;
    const { next } = this.#exchange;
    if (!synced || behindSinceMs !== null || sequence !== next - 1 || run !== this.#exchange.run)
      this.violations.push(`it ends at ${run}/${sequence}, the exchange at ${this.#exchange.run}/${next - 1}`);
    const [mine, theirs] = [bookLines(this.#books), bookLines(this.#exchange.books)];
    const shown = (lines: readonly string[]) => lines.filter((line) => !line.endsWith('[] [] 0')).join('\n');
    if (shown(mine) !== shown(theirs)) this.violations.push(`books differ:\n${shown(mine)}\n— and —\n${shown(theirs)}`);
  }
}
