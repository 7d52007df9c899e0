import { createServer, type Server, type Socket } from 'node:net';
import { type JsonRecord, parseRecord } from './json-record.ts';
import { LineReader } from './line-reader.ts';

/** Who asked: answers go here. */
export interface LinePeer {
  readonly open: boolean;
  send(message: object): void;
  /** As fast as the peer reads; what `messages` gives is taken when it is sent. */
  sendAll(messages: Iterator<object>): void;
}

/** Serves requests of one JSON object in a line over TCP. What is no object is answered `bad-message`, a line that is too long is the end. */
export class LineServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #onRequest: (peer: LinePeer, request: JsonRecord) => void;

  constructor(onRequest: (peer: LinePeer, request: JsonRecord) => void) {
    this.#onRequest = onRequest;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
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
    const peer = new SocketPeer(socket);
    const lines = new LineReader({
      maxLineLength: maxRequestLength,
      onLine: (line) => {
        const request = parseRecord(line);
        if (request === null) peer.send(badMessage);
        else this.#onRequest(peer, request);
      },
      onOverflow: () => socket.destroy(),
    });
    socket.on('data', (text: string) => lines.push(text));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

export const badMessage = { t: 'reject', code: 'bad-message' } as const;

class SocketPeer implements LinePeer {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  send(message: object): void {
    if (this.open) this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  sendAll(messages: Iterator<object>): void {
    while (!this.#socket.destroyed) {
      let text = '';
      for (let next = messages.next(); !next.done; next = messages.next()) {
        text += `${JSON.stringify(next.value)}\n`;
        if (text.length >= chunkLength) break;
      }
      if (text === '') return;
      if (!this.#socket.write(text)) {
        this.#socket.once('drain', () => this.sendAll(messages));
        return;
      }
    }
  }
}

const maxRequestLength = 256 * 1024;
const chunkLength = 64 * 1024;
