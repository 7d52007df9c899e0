import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../../base/config-file.ts';
import { Door } from '../../base/door.ts';
import { idText } from '../../base/id-view.ts';
import { countField, type JsonRecord, parseRecord, textField } from '../../base/json-record.ts';
import { PacedLines } from '../../base/paced-lines.ts';
import { FeedMessage } from '../../venue-protocol/feed.ts';
import type { BookSide } from '../core/book-side.ts';
import type { Exchange } from '../core/exchange.ts';
import { HIGHEST_PRICE } from '../core/terms.ts';
import type { FeedHistory } from './feed-history.ts';

/** A request for more is answered in part; go on where it ends. */
const MOST_AT_ONCE = 5000;
const MOST_CONNECTIONS = 1024;

/** What receivers of the feeds ask when they missed something, as lines of JSON over TCP. Needs no logon: it is public. */
export class RecoveryServer {
  readonly #options: { readonly exchange: Exchange; readonly history: FeedHistory; readonly run: number };
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: { readonly exchange: Exchange; readonly history: FeedHistory; readonly run: number }) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.setEncoding('utf8');
      const lines = new PacedLines({
        socket,
        door,
        maxLineLength: 4096,
        onLine: (line) => this.#answer(socket, parseRecord(line)),
        onOverflow: () => socket.destroy(),
      });
      socket.on('data', (chunk: string) => lines.push(chunk));
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    });
    const door = new Door(this.#server, { most: MOST_CONNECTIONS });
  }

  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address.port, address.host, () => {
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #answer(socket: Socket, record: JsonRecord | null): void {
    const tell = (message: object) => socket.write(`${JSON.stringify(message)}\n`);
    if (record?.t === 'gap') this.#fill(record, tell);
    else if (record?.t === 'snapshot') this.#snapshot(record, tell);
    else tell({ t: 'reject', code: 'bad-message' });
  }

  #fill(record: JsonRecord, tell: (message: object) => void): void {
    const { history, run } = this.#options;
    const from = countField(record, 'from');
    const count = countField(record, 'count');
    if (from === null || count === null || from < 1 || count < 1) {
      tell({ t: 'reject', code: 'bad-message' });
      return;
    }
    if (from < history.oldest) {
      tell({ t: 'reject', code: 'too-old', oldest: history.oldest, run });
      return;
    }
    const upTo = Math.min(history.next, from + Math.min(count, MOST_AT_ONCE));
    const message = new FeedMessage();
    for (let sequence = from; sequence < upTo; sequence++) {
      history.read(sequence, message);
      const { symbol, ...fields } = message;
      tell({ t: 'message', sequence, symbol: idText(symbol), ...fields });
    }
    tell({ t: 'gap-end', next: Math.max(from, upTo), run });
  }

  /** Books as they are after the message `sequence`: messages above it change what is told here. */
  #snapshot(record: JsonRecord, tell: (message: object) => void): void {
    const { exchange, history, run } = this.#options;
    const wanted = textField(record, 'symbol');
    const depth = countField(record, 'depth') ?? Number.MAX_SAFE_INTEGER;
    const sequence = history.next - 1;
    let told = 0;
    for (let symbol = 0; symbol < exchange.symbols.count; symbol++) {
      const name = exchange.symbols.text(symbol);
      if (wanted !== null && wanted !== name) continue;
      const { phase, lastPrice, bids, asks } = exchange.book(symbol);
      const levels = { bids: levelsOf(bids, depth), asks: levelsOf(asks, depth) };
      tell({ t: 'book', sequence, symbol: name, phase, lastPrice, ...levels });
      told += 1;
    }
    tell({ t: 'snapshot-end', sequence, run, symbols: told, phase: exchange.phaseOf(-1) });
  }
}

/** `[price, lots, orders]`, best first; the price of market orders is told as 0. */
const levelsOf = (side: BookSide, depth: number): readonly (readonly [number, number, number])[] =>
  Array.from({ length: Math.min(depth, side.depth) }, (_, rank) => {
    const price = side.priceAt(rank);
    return [price === HIGHEST_PRICE ? 0 : price, side.volumeAt(rank), side.ordersAt(rank)] as const;
  });
