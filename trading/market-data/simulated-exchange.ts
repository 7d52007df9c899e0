import { IdScratch } from '../base/id-view.ts';
import {
  FEED_MESSAGE_BYTES,
  FEED_PHASES,
  FeedMessage,
  PACKET_HEADER_BYTES,
  readFeedMessage,
  writeFeedMessage,
  writePacketHeader,
} from '../venue-protocol/feed.ts';
import { levelsOf } from './book-lines.ts';
import type { FeedName } from './feed-arbiter.ts';
import { MarketBooks, type SnapshotBook } from './market-books.ts';

const symbols = ['ALPHA', 'BRAVO', 'CHARLIE', 'DELTA'] as const;

/** The feeds' side of an exchange without an exchange: random levels, trades and phases, numbered, with a history of limited length. */
export class SimulatedExchange {
  readonly #random: () => number;
  readonly #room: number;
  readonly books = new MarketBooks();
  run = 1_000_000;
  #history: Uint8Array[] = [];
  readonly #scratch = new IdScratch();
  readonly #message = new FeedMessage();

  constructor(options: { readonly random: () => number; readonly historyRoom: number }) {
    this.#random = options.random;
    this.#room = options.historyRoom;
  }

  get next(): number {
    return this.#history.length + 1;
  }

  get oldest(): number {
    return Math.max(1, this.next - this.#room);
  }

  /** The bytes of a message of this run, however old. */
  bytes(sequence: number): Uint8Array | undefined {
    return this.#history[sequence - 1];
  }

  happen(): void {
    const message = this.#message;
    const draw = this.#random();
    message.kind = draw < 0.7 ? 'level' : draw < 0.95 ? 'trade' : 'phase';
    Object.assign(message.symbol, this.#scratch.hold(symbols[Math.floor(this.#random() * symbols.length)]!));
    message.side = Math.floor(this.#random() * 2);
    message.price = 90 + Math.floor(this.#random() * 20);
    message.volume = Math.floor(this.#random() * 4);
    message.orders = message.volume;
    message.trade = this.next;
    message.phase = message.kind === 'phase' && this.#random() < 0.5 ? FEED_PHASES[5]! : FEED_PHASES[3]!;
    const bytes = new Uint8Array(FEED_MESSAGE_BYTES);
    const view = new DataView(bytes.buffer);
    writeFeedMessage(bytes, view, 0, message);
    this.#history.push(bytes);
    readFeedMessage(bytes, view, 0, message);
    this.books.apply(message, 0);
  }

  /** Books stay, numbers begin again. */
  restart(): void {
    this.run += 1 + Math.floor(this.#random() * 1000);
    this.#history = [];
  }

  packet(feed: FeedName, first: number, count: number): Uint8Array {
    const bytes = new Uint8Array(PACKET_HEADER_BYTES + count * FEED_MESSAGE_BYTES);
    writePacketHeader(bytes, new DataView(bytes.buffer), { feed, count, run: this.run, first });
    for (let each = 0; each < count; each++)
      bytes.set(this.#history[first - 1 + each]!, PACKET_HEADER_BYTES + each * FEED_MESSAGE_BYTES);
    return bytes;
  }

  snapshot(): { readonly run: number; readonly sequence: number; readonly books: readonly SnapshotBook[] } {
    const books = Array.from({ length: this.books.count }, (_, symbol): SnapshotBook => {
      const [bids, asks] = [this.books.bids(symbol), this.books.asks(symbol)];
      return {
        symbol: this.books.symbol(symbol),
        phase: this.books.phaseOf(symbol),
        lastPrice: this.books.lastPrice(symbol),
        bids: levelsOf(bids, bids.depth),
        asks: levelsOf(asks, asks.depth),
      };
    });
    return { run: this.run, sequence: this.next - 1, books };
  }
}
