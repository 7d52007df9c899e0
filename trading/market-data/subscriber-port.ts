import { createServer, type Server, type Socket } from 'node:net';
import { Door } from '../base/door.ts';
import { countField, type JsonRecord, parseRecord, textField, textListField } from '../base/json-record.ts';
import { PacedLines } from '../base/paced-lines.ts';
import type { Address } from '../load/line-connection.ts';
import type { MarketFeed } from './market-feed.ts';
import { markOf, oldestOf, symbolAgeMs, symbolMessage } from './market-view.ts';

export interface SubscriberPortOptions {
  readonly feeds: readonly MarketFeed[];
  /** The feeds are heard; otherwise nobody is answered. */
  readonly open: () => boolean;
  readonly introduction: () => { readonly instance: string; readonly epoch: number };
}

interface Session {
  readonly socket: Socket;
  /** Null = has not subscribed; otherwise how many levels of each side it gets. */
  depth: number | null;
  /** Null = every symbol. */
  wanted: ReadonlySet<string> | null;
  /** By exchange: symbols of which it has not been told the newest. */
  readonly due: readonly Set<number>[];
}

/**
 * Tells whoever subscribes the newest of each symbol, as lines of JSON over TCP. Changes of a moment are told as one; a subscriber that reads
 * slowly gets fewer of them and always the newest.
 */
export class SubscriberPort {
  readonly #options: SubscriberPortOptions;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  readonly #door: Door;
  #publishing: NodeJS.Timeout | null = null;
  #telling: NodeJS.Timeout | null = null;

  constructor(options: SubscriberPortOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: mostSessions });
  }

  get subscribers(): number {
    return [...this.#sessions].filter(({ depth }) => depth !== null).length;
  }

  listen({ host, port }: Address): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  /** A symbol of an exchange is another than before; −1 = all of them. */
  changed(venue: number, symbol: number): void {
    let any = false;
    for (const session of this.#sessions) {
      if (session.depth === null) continue;
      any = true;
      if (symbol >= 0) session.due[venue]!.add(symbol);
      else this.#allDue(session, venue);
    }
    if (any) this.#publishSoon();
  }

  /** Ends every session; what they were not told they are not told any more. */
  shut(): void {
    for (const { socket } of this.#sessions) socket.destroy();
    this.#sessions.clear();
    this.#stopTelling();
  }

  close(): Promise<void> {
    this.shut();
    if (this.#publishing !== null) clearTimeout(this.#publishing);
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const due = this.#options.feeds.map(() => new Set<number>());
    const session: Session = { socket, depth: null, wanted: null, due };
    this.#sessions.add(session);
    socket.setEncoding('utf8');
    const lines: PacedLines = new PacedLines({
      socket,
      door: this.#door,
      maxLineLength,
      onLine: (line) => this.#receive(session, parseRecord(line)),
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.#publishSoon());
    socket.on('close', () => {
      lines.end();
      this.#sessions.delete(session);
      if (this.subscribers === 0) this.#stopTelling();
    });
  }

  #receive(session: Session, message: JsonRecord | null): void {
    const { socket } = session;
    if (socket.writableLength > mostUnreadBytes) {
      socket.destroy();
      return;
    }
    if (!this.#options.open()) {
      socket.end(lineOf({ t: 'reject', code: 'closed' }));
      return;
    }
    if (message?.t === 'subscribe') this.#subscribe(session, message);
    else socket.write(lineOf(this.#answer(message)));
  }

  #subscribe(session: Session, message: JsonRecord): void {
    const symbols = message['symbols'] === undefined ? null : textListField(message, 'symbols');
    const depth = message['depth'] === undefined ? 1 : countField(message, 'depth');
    if ((message['symbols'] !== undefined && symbols === null) || depth === null || depth > deepest) {
      session.socket.write(lineOf({ t: 'reject', code: 'bad-message' }));
      return;
    }
    session.depth = depth;
    session.wanted = symbols === null ? null : new Set(symbols);
    session.socket.write(lineOf({ t: 'subscribe-ok', ...this.#options.introduction() }));
    for (const venue of this.#options.feeds.keys()) this.#allDue(session, venue);
    this.#telling ??= setInterval(() => this.#tellFreshness(), tellEveryMs);
    this.#publish();
    this.#tellFreshness();
  }

  #answer(message: JsonRecord | null): object {
    const { feeds } = this.#options;
    switch (message?.t) {
      case 'marks':
        return { t: 'marks', marks: this.#marks(), ...this.#freshness() };
      case 'freshness': {
        const venues = feeds.map((feed) => ({ venue: feed.venue, ...feed.freshness(), ...feed.figures }));
        return { t: 'freshness', ...this.#freshness(), venues };
      }
      case 'book': {
        const symbol = textField(message, 'symbol') ?? '';
        const depth = Math.min(countField(message, 'depth') ?? deepest, deepest);
        for (const feed of feeds) {
          const number = feed.books.find(symbol);
          if (number === -1) continue;
          const ageMs = symbolAgeMs(feed.books, number);
          return { ...symbolMessage(feed, number, depth), t: 'book', symbolAgeMs: ageMs, ...this.#freshness() };
        }
        return { t: 'reject', code: 'unknown-symbol' };
      }
      default:
        return { t: 'reject', code: 'bad-message' };
    }
  }

  #marks(): Readonly<Record<string, number>> {
    const marks: Record<string, number> = {};
    for (const { books } of this.#options.feeds)
      for (let symbol = 0; symbol < books.count; symbol++) {
        const mark = markOf(books, symbol);
        if (mark !== null) marks[books.symbol(symbol)] = mark;
      }
    return marks;
  }

  #freshness(): { readonly ageMs: number | null; readonly stale: boolean; readonly inMarketHours: boolean } {
    const { ageMs, stale, inMarketHours } = oldestOf(this.#options.feeds.map((feed) => feed.freshness()));
    return { ageMs, stale, inMarketHours };
  }

  #allDue(session: Session, venue: number): void {
    const { books } = this.#options.feeds[venue]!;
    for (let symbol = 0; symbol < books.count; symbol++) session.due[venue]!.add(symbol);
  }

  #publishSoon(): void {
    this.#publishing ??= setTimeout(() => {
      this.#publishing = null;
      this.#publish();
    }, gatherMs);
  }

  #publish(): void {
    for (const session of this.#sessions) {
      if (session.depth === null || session.socket.writableLength > mostUnreadBytes) continue;
      let text = '';
      for (const [venue, due] of session.due.entries()) text += this.#textOf(session, venue, due);
      if (text === '') continue;
      session.socket.write(text);
      for (const due of session.due) due.clear();
    }
  }

  #textOf(session: Session, venue: number, due: ReadonlySet<number>): string {
    const feed = this.#options.feeds[venue]!;
    let text = '';
    for (const symbol of due)
      if (session.wanted === null || session.wanted.has(feed.books.symbol(symbol)))
        text += lineOf(symbolMessage(feed, symbol, session.depth!));
    return text;
  }

  #tellFreshness(): void {
    const line = lineOf({ t: 'fresh', ...this.#freshness() });
    for (const { depth, socket } of this.#sessions)
      if (depth !== null && socket.writableLength <= mostUnreadBytes) socket.write(line);
  }

  #stopTelling(): void {
    if (this.#telling !== null) clearInterval(this.#telling);
    this.#telling = null;
  }
}

const lineOf = (message: object): string => `${JSON.stringify(message)}\n`;

/** Changes gather for so long. */
const gatherMs = 20;
const tellEveryMs = 1000;
const deepest = 1000;
const maxLineLength = 64 * 1024;
const mostSessions = 256;
const mostUnreadBytes = 1024 * 1024;
