import { createServer, type Server, type Socket } from 'node:net';
import { CodedError } from '../base/coded-error.ts';
import { Door } from '../base/door.ts';
import { asRecord, countField, type JsonRecord, parseRecord } from '../base/json-record.ts';
import { PacedLines } from '../base/paced-lines.ts';
import { EntryFeed } from '../oms/entry-feed.ts';
import { KeeperBook } from './keeper-book.ts';
import type { KeeperConfig } from './keeper-config.ts';
import { defaultInstrument, profitAndLoss } from './position.ts';

/**
 * The position keeper: follows the released entries of whichever engine is primary and answers what positions and P&L they amount
 * to. It keeps nothing on disk: after a start everything is recomputed from the first entry on.
 */
export class KeeperServer {
  readonly #config: KeeperConfig;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #door: Door;
  #book = new KeeperBook();
  #feed: EntryFeed | null = null;
  #problem: string | null = null;

  constructor(config: KeeperConfig) {
    this.#config = config;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: mostConnections });
  }

  listen(): Promise<number> {
    const { listen } = this.#config;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(listen.port, listen.host, () => {
        this.#follow();
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    this.#feed?.close();
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #follow(): void {
    const book = this.#book;
    this.#feed = new EntryFeed({
      engines: this.#config.engines,
      after: book.through,
      sink: {
        entry: (entry) => book.apply(entry),
        changed: () => {},
        ahead: (end) => this.#startOver(end),
      },
    });
  }

  /** Released entries are missing at the engine. What they said is no longer vouched for: begin again with what it has. */
  #startOver(engineEnd: number): void {
    if (engineEnd >= this.#book.through) return;
    this.#problem = `entries ${engineEnd + 1} to ${this.#book.through} had been released and the engine no longer has them`;
    this.#feed?.close();
    this.#book = new KeeperBook();
    this.#follow();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    const lines: PacedLines = new PacedLines({
      socket,
      door: this.#door,
      maxLineLength: maxRequestLength,
      onLine: (line) => this.#receive(socket, lines, line),
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #receive(socket: Socket, lines: PacedLines, line: string): void {
    const request = parseRecord(line);
    switch (request?.t) {
      case 'status':
        send(socket, this.#status());
        return;
      case 'book':
        // One book at a time: two on their way at once would be mixed up, and each is held as a whole.
        lines.hold();
        this.#sendBook(socket, () => lines.go());
        return;
      case 'pnl':
        send(socket, this.#answerProfitAndLoss(asRecord(request['marks']) ?? {}));
        return;
      default:
        send(socket, { t: 'reject', code: 'bad-message' });
    }
  }

  #status(): object {
    const book = this.#book;
    return {
      t: 'status',
      instance: this.#config.instance,
      connected: this.#feed?.connected ?? false,
      through: book.through,
      epoch: book.epoch,
      released: this.#feed?.releasedSequence ?? 0,
      positions: book.positions.size,
      trades: book.trades.length,
      unbooked: book.unbooked.length,
      problem: this.#problem,
    };
  }

  /** Everything as it is at this moment; what is booked while a slow reader takes it is not in it. */
  #sendBook(socket: Socket, done: () => void): void {
    const { trades, unbooked, through } = this.#book;
    const { positions, hash } = this.#book.snapshot();
    const messages = [
      { ...this.#status(), t: 'book', hash },
      ...positions.map((position) => ({ t: 'position', ...position })),
      ...trades.map((trade) => ({ t: 'trade', ...trade })),
      ...unbooked.map((entry) => ({ t: 'unbooked', ...entry })),
      { t: 'book-end', through },
    ];
    writeAll(socket, messages.values(), done);
  }

  /** A mark that makes a figure pass 2^53 gets a reject, never a rounded figure. */
  #answerProfitAndLoss(marks: JsonRecord): object {
    try {
      return this.#profitAndLoss(marks);
    } catch (error) {
      if (error instanceof CodedError) return { t: 'reject', code: error.code, message: error.message };
      throw error;
    }
  }

  #profitAndLoss(marks: JsonRecord): object {
    const rows = this.#book.positions.positions().map(({ account, symbol, ...position }) => {
      const instrument = this.#config.instruments[symbol] ?? defaultInstrument;
      const mark = countField(marks, symbol);
      return { account, symbol, lots: position.lots, mark, ...profitAndLoss(position, mark, instrument) };
    });
    return { t: 'pnl', through: this.#book.through, rows };
  }
}

const send = (socket: Socket, message: object): void => void socket.write(`${JSON.stringify(message)}\n`);

/** As fast as the peer reads. */
const writeAll = (socket: Socket, messages: Iterator<object>, done: () => void): void => {
  for (;;) {
    if (socket.destroyed) return;
    let text = '';
    for (let next = messages.next(); !next.done; next = messages.next()) {
      text += `${JSON.stringify(next.value)}\n`;
      if (text.length >= chunkLength) break;
    }
    if (text === '') return done();
    if (!socket.write(text)) {
      socket.once('drain', () => writeAll(socket, messages, done));
      return;
    }
  }
};

const mostConnections = 256;
const maxRequestLength = 256 * 1024;
const chunkLength = 64 * 1024;
