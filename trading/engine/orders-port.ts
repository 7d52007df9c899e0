import { createServer, type Server, type Socket } from 'node:net';
import { LineReader } from '../base/line-reader.ts';
import { Outlet } from '../base/outlet.ts';
import { rejectText } from './client-protocol.ts';
import type { ReleaseSink } from './release-queue.ts';

/** One connection to the orders port. */
export class ClientSession implements ReleaseSink {
  readonly #socket: Socket;
  readonly #outlet: Outlet;
  /** Set by logon. */
  client: string | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#outlet = new Outlet(socket);
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  /** The peer reads more slowly than it is written to. */
  get congested(): boolean {
    return this.#socket.writableLength > 1024 * 1024;
  }

  push(text: string): void {
    this.#outlet.push(text);
  }

  flush(): void {
    this.#outlet.flush();
  }

  hold(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Sends a last message and closes. */
  refuse(text: string): void {
    this.push(text);
    this.flush();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

const IDLE_WHILE_CLOSED_MS = 5000;

/** Listens for clients and subscribers. While the instance is not primary each is told so at its first line, and closed. */
export class OrdersPort {
  readonly #server: Server;
  readonly #sessions = new Set<ClientSession>();
  readonly #onLine: (session: ClientSession, line: string) => void;
  readonly #onClosed: (session: ClientSession) => void;
  #open = false;

  constructor(options: {
    onLine: (session: ClientSession, line: string) => void;
    onClosed: (session: ClientSession) => void;
  }) {
    this.#onLine = options.onLine;
    this.#onClosed = options.onClosed;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get sessions(): ReadonlySet<ClientSession> {
    return this.#sessions;
  }

  listen(options: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options.port, options.host, () => resolve());
    });
  }

  open(): void {
    this.#open = true;
  }

  /** Cuts every session; nothing that they were waiting for is sent. */
  shut(): void {
    this.#open = false;
    for (const session of this.#sessions) session.destroy();
  }

  close(): Promise<void> {
    this.shut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    const session = new ClientSession(socket);
    this.#sessions.add(session);
    socket.setEncoding('utf8');
    const lines: LineReader = new LineReader({
      maxLineLength: 256 * 1024,
      onLine: (line) => {
        if (this.#open) return this.#onLine(session, line);
        lines.end();
        session.refuse(rejectText(null, 'not-primary'));
      },
      onOverflow: () => session.refuse(rejectText(null, 'bad-message')),
    });
    if (!this.#open) socket.setTimeout(IDLE_WHILE_CLOSED_MS, () => socket.destroy());
    socket.on('data', (chunk: string) => lines.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#sessions.delete(session);
      this.#onClosed(session);
    });
  }
}
