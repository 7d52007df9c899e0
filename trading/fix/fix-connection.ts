import type { Socket } from 'node:net';
import type { FixMessage } from './fix-message.ts';
import { FrameReader } from './frame-reader.ts';

/** Who a connection's messages are for; it may change once the first one has told. */
export interface ConnectionHandler {
  message(message: FixMessage): void;
  garbled(found: string): void;
  /** Everything of one piece has been handed over. */
  turnEnded(): void;
  drained(): void;
  closed(reason: string): void;
}

const GARBLED_AT_MOST = 20;
/** How long the last words may take to leave. */
const LINGER_MS = 5_000;

/** A socket as a stream of FIX messages. A peer that sends nothing but garbage is cut off. */
export class FixConnection {
  readonly socket: Socket;
  readonly #reader: FrameReader;
  #handler: ConnectionHandler;
  #garbledInARow = 0;
  #reason: string | null = null;
  #lingering: NodeJS.Timeout | null = null;

  constructor(options: {
    readonly socket: Socket;
    readonly handler: ConnectionHandler;
    readonly maxMessageBytes?: number | undefined;
  }) {
    const { socket, handler, maxMessageBytes } = options;
    this.socket = socket;
    this.#handler = handler;
    this.#reader = new FrameReader({
      ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
      onMessage: (message) => {
        this.#garbledInARow = 0;
        this.#handler.message(message);
      },
      onGarbled: (found) => this.#garbled(found),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#reader.push(chunk);
      this.#handler.turnEnded();
    });
    socket.on('drain', () => this.#handler.drained());
    socket.on('error', (error) => this.end(error.message));
    socket.on('close', () => {
      if (this.#lingering !== null) clearTimeout(this.#lingering);
      this.#reader.end();
      this.#handler.closed(this.#reason ?? 'the other side closed the connection');
    });
  }

  handTo(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  /** Reads nothing more, and closes in a while whatever happens. */
  linger(reason: string): void {
    this.#reason ??= reason;
    this.#reader.end();
    if (this.socket.destroyed) return;
    this.#lingering ??= setTimeout(() => this.socket.destroy(), LINGER_MS);
  }

  /** Closes once what was written has left. */
  end(reason: string): void {
    this.linger(reason);
    this.socket.destroySoon();
  }

  /** Closes at once. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#reader.end();
    this.socket.destroy();
  }

  #garbled(found: string): void {
    this.#garbledInARow += 1;
    this.#handler.garbled(found);
    if (this.#garbledInARow >= GARBLED_AT_MOST) this.destroy('nothing but garbled messages arrived');
  }
}
