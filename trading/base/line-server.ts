import { createServer, type Server, type Socket } from 'node:net';
import { Door } from './door.ts';
import { type JsonRecord, parseRecord } from './json-record.ts';
import { PacedLines } from './paced-lines.ts';

/** Who asked: answers go here. */
export interface LinePeer {
  readonly open: boolean;
  send(message: object): void;
  /**
   * As fast as the peer reads; what `messages` gives is taken when it is sent. No further request is taken meanwhile: two answers on
   * their way at once would be mixed up, and each is held as a whole.
   */
  sendAll(messages: Iterator<object>): void;
}

/**
 * Serves requests of one JSON object in a line over TCP. What is no object is answered `bad-message`, a line that is too long is the
 * end. What strangers take up is bounded: see `Door` and `PacedLines`.
 */
export class LineServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #door: Door;
  readonly #onRequest: (peer: LinePeer, request: JsonRecord) => void;

  constructor(onRequest: (peer: LinePeer, request: JsonRecord) => void) {
    this.#onRequest = onRequest;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#door = new Door(this.#server, { most: mostConnections });
  }

  /** Resolves with the real port; 0 = any free one. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number> {
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

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    const lines: PacedLines = new PacedLines({
      socket,
      door: this.#door,
      maxLineLength: maxRequestLength,
      onLine: (line) => {
        const request = parseRecord(line);
        if (request === null) peer.send(badMessage);
        else this.#onRequest(peer, request);
      },
      onOverflow: () => socket.destroy(),
    });
    const peer = new SocketPeer(socket, lines);
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

export const badMessage = { t: 'reject', code: 'bad-message' } as const;

class SocketPeer implements LinePeer {
  readonly #socket: Socket;
  readonly #lines: PacedLines;

  constructor(socket: Socket, lines: PacedLines) {
    this.#socket = socket;
    this.#lines = lines;
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  send(message: object): void {
    if (this.open) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  sendAll(messages: Iterator<object>): void {
    this.#lines.hold();
    this.#sendOn(messages);
  }

  #sendOn(messages: Iterator<object>): void {
    while (!this.#socket.destroyed) {
      let text = '';
      for (let next = messages.next(); !next.done; next = messages.next()) {
        text += `${JSON.stringify(next.value)}\n`;
        if (text.length >= chunkLength) break;
      }
      if (text === '') return this.#lines.go();
      if (!this.#socket.write(text)) {
        this.#socket.once('drain', () => this.#sendOn(messages));
        return;
      }
    }
  }
}

const mostConnections = 256;
const maxRequestLength = 256 * 1024;
const chunkLength = 64 * 1024;
