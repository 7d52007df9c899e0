import { IdScratch } from '../base/id-view.ts';
import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import { type Address, LineConnection } from '../load/line-connection.ts';
import { FEED_KINDS, FEED_MESSAGE_BYTES, FEED_PHASES, FeedMessage, writeFeedMessage } from '../venue-protocol/feed.ts';
import type { RecoveryRequest } from './feed-arbiter.ts';
import type { MarketPhase, SnapshotBook } from './market-books.ts';

/** A gap's messages, as the feed would have brought them. */
export interface GapAnswer {
  readonly run: number;
  readonly next: number;
  readonly first: number;
  /** Of consecutive sequences from `first` on, one directly after the other. */
  readonly bytes: Uint8Array;
  readonly count: number;
}

export interface SnapshotAnswer {
  readonly run: number;
  readonly sequence: number;
  readonly phase: MarketPhase;
  readonly books: readonly SnapshotBook[];
}

export interface RecoverySink {
  gap(answer: GapAnswer): void;
  snapshot(answer: SnapshotAnswer): void;
  tooOld(run: number): void;
}

/**
 * Asks an exchange's recovery service one thing at a time. A new request gives the one before up, with its connection; an answer is told
 * whole or not at all, and one that cannot be relied on ends the connection.
 */
export class RecoveryClient {
  readonly #address: Address;
  readonly #sink: RecoverySink;
  #connection: LineConnection | null = null;
  #asked: RecoveryRequest | null = null;
  #books: SnapshotBook[] = [];
  #gap = new Uint8Array(0);
  #filled = 0;
  readonly #message = new FeedMessage();
  readonly #scratch = new IdScratch();

  constructor(options: { readonly address: Address; readonly sink: RecoverySink }) {
    this.#address = options.address;
    this.#sink = options.sink;
  }

  ask(request: RecoveryRequest): void {
    if (this.#asked !== null) this.close();
    this.#asked = request;
    this.#books = [];
    this.#filled = 0;
    if (request.kind === 'gap') this.#gap = new Uint8Array(request.count * FEED_MESSAGE_BYTES);
    const message = request.kind === 'gap' ? { t: 'gap', from: request.from, count: request.count } : { t: 'snapshot' };
    const connection = this.#connection ?? this.#connect();
    connection.send(message);
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#asked = null;
    connection?.close();
  }

  #connect(): LineConnection {
    const connection = new LineConnection(this.#address, {
      message: (message) => {
        if (connection === this.#connection) this.#received(message);
      },
      closed: () => {
        if (connection !== this.#connection) return;
        this.#connection = null;
        this.#asked = null;
      },
    });
    this.#connection = connection;
    return connection;
  }

  #received(message: JsonRecord): void {
    if (!this.#took(message)) this.close();
  }

  /** False when it does not belong here or cannot be relied on. */
  #took(message: JsonRecord): boolean {
    const asked = this.#asked;
    if (asked === null) return false;
    if (asked.kind === 'snapshot') return this.#tookOfSnapshot(message);
    if (message['t'] === 'message') return this.#tookOfGap(message, asked.from);
    const run = countField(message, 'run');
    if (run === null) return false;
    if (message['t'] === 'reject' && message['code'] === 'too-old') {
      this.#asked = null;
      this.#sink.tooOld(run);
      return true;
    }
    const next = countField(message, 'next');
    if (message['t'] !== 'gap-end' || next === null || next !== asked.from + this.#filled) return false;
    this.#asked = null;
    this.#sink.gap({ run, next, first: asked.from, bytes: this.#gap, count: this.#filled });
    return true;
  }

  #tookOfGap(record: JsonRecord, from: number): boolean {
    const room = this.#gap.length / FEED_MESSAGE_BYTES;
    if (this.#filled >= room || countField(record, 'sequence') !== from + this.#filled) return false;
    if (!this.#read(record)) return false;
    const view = new DataView(this.#gap.buffer);
    writeFeedMessage(this.#gap, view, this.#filled * FEED_MESSAGE_BYTES, this.#message);
    this.#filled += 1;
    return true;
  }

  #read(record: JsonRecord): boolean {
    const message = this.#message;
    const kind = FEED_KINDS.find((each) => each === record['kind']);
    const phase = phaseIn(record);
    const [side, orders] = [countField(record, 'side'), countField(record, 'orders')];
    const [price, volume] = [countField(record, 'price'), countField(record, 'volume')];
    const [trade, atMs] = [countField(record, 'trade'), countField(record, 'atMs')];
    if (kind === undefined || phase === null || side === null || side > 255 || orders === null) return false;
    if (price === null || volume === null || trade === null || atMs === null) return false;
    const symbol = record['symbol'];
    const view = typeof symbol === 'string' && symbol !== '' ? this.#scratch.hold(symbol) : null;
    if (symbol !== '' && view === null) return false;
    Object.assign(message.symbol, view ?? { bytes: new Uint8Array(0), at: 0, length: 0 });
    message.kind = kind;
    message.phase = phase;
    message.side = side;
    message.orders = orders;
    message.price = price;
    message.volume = volume;
    message.trade = trade;
    message.atMs = atMs;
    return true;
  }

  #tookOfSnapshot(message: JsonRecord): boolean {
    const sequence = countField(message, 'sequence');
    const phase = phaseIn(message);
    if (sequence === null || phase === null) return false;
    if (message['t'] === 'book') {
      const book = bookIn(message, phase);
      if (book !== null) this.#books.push(book);
      return book !== null;
    }
    const run = countField(message, 'run');
    if (message['t'] !== 'snapshot-end' || run === null || countField(message, 'symbols') !== this.#books.length)
      return false;
    this.#asked = null;
    this.#sink.snapshot({ run, sequence, phase, books: this.#books });
    this.#books = [];
    return true;
  }
}

const phaseIn = (record: JsonRecord): MarketPhase | null =>
  FEED_PHASES.find((each) => each === record['phase']) ?? null;

const bookIn = (record: JsonRecord, phase: MarketPhase): SnapshotBook | null => {
  const symbol = textField(record, 'symbol');
  const lastPrice = countField(record, 'lastPrice');
  const bids = levelsIn(record['bids']);
  const asks = levelsIn(record['asks']);
  if (symbol === null || lastPrice === null || bids === null || asks === null) return null;
  return { symbol, phase, lastPrice, bids, asks };
};

const levelsIn = (value: unknown): readonly (readonly number[])[] | null => {
  const isLevel = (each: unknown): each is readonly number[] =>
    Array.isArray(each) && each.length === 3 && each.every((number) => Number.isSafeInteger(number) && number >= 0);
  return Array.isArray(value) && value.every(isLevel) ? value : null;
};
