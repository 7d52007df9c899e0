import { createServer, type Server, type Socket } from 'node:net';
import { Door } from '../base/door.ts';
import { parseRecord } from '../base/json-record.ts';
import { PacedLines } from '../base/paced-lines.ts';
import type { Address } from '../load/line-connection.ts';
import { readOrderQuery } from './order-query.ts';
import type { QueryDesk } from './query-desk.ts';

export interface QueryServerOptions {
  readonly listen: Address;
  readonly desk: QueryDesk;
  /** How far behind the engine the database is; null while this instance is not primary, and then nothing is answered. */
  readonly lag: () => { readonly lagEntries: number; readonly lagMs: number } | null;
}

/** Orders and trades for whoever asks, as lines of JSON over TCP. Answers come in the order of the questions of a connection. */
export class QueryServer {
  readonly #options: QueryServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #door: Door;

  constructor(options: QueryServerOptions) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: mostConnections });
  }

  listen(): Promise<number> {
    const { host, port } = this.#options.listen;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#options.desk.close();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    let before: Promise<unknown> = Promise.resolve();
    let unanswered = 0;
    const lines: PacedLines = new PacedLines({
      socket,
      door: this.#door,
      maxLineLength,
      owed: () => unanswered * owedPerQuestionBytes,
      onLine: (line) => {
        const answer = this.#answer(line);
        unanswered += 1;
        before = before.then(async () => {
          const message = await answer;
          unanswered -= 1;
          if (socket.writableLength > mostUnreadBytes) socket.destroy();
          else if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
        });
      },
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      lines.end();
      this.#sockets.delete(socket);
    });
  }

  async #answer(line: string): Promise<object> {
    const message = parseRecord(line);
    const query = message === null ? null : readOrderQuery(message);
    if (query === null) return { t: 'reject', code: 'bad-message' };
    if (this.#options.lag() === null) return { t: 'reject', code: 'not-primary' };
    const outcome = await this.#options.desk.ask(query);
    // It may have been fenced meanwhile; what was read then is not vouched for.
    const lag = this.#options.lag();
    if (lag === null) return { t: 'reject', code: 'not-primary' };
    if (outcome.kind === 'busy') return { t: 'reject', code: 'busy' };
    if (outcome.kind === 'unavailable') return { t: 'reject', code: 'unavailable', reason: outcome.reason };
    const { rows, more, asOf } = outcome.page;
    return { t: query.of, [query.of]: rows, more, asOf: { ...asOf, ...lag } };
  }
}

const maxLineLength = 4096;
/** What a question counts with until it is answered: of some hundred on their way the next is not read. */
const owedPerQuestionBytes = 2048;
const mostConnections = 256;
const mostUnreadBytes = 8 * 1024 * 1024;
