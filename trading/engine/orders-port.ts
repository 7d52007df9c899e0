import { createServer, type Server, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { LineReader } from '../base/line-reader.ts';
import { Outlet } from '../base/outlet.ts';
import { lastReject } from './binary-desk.ts';
import { MESSAGE } from './binary-protocol.ts';
import { BinarySession } from './binary-session.ts';
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

/** Who comes to an instance that is not primary waits this long for its promotion: routes may be there a moment before it is. */
const EARLY_WITHIN_MS = 150;

/**
 * Listens for clients and subscribers, of the text and of the binary protocol: the first byte says which, `{` begins text. While
 * the instance is not primary each is told so at its first line or message, after a moment in which it may become it, and closed.
 */
export class OrdersPort {
  readonly #server: Server;
  readonly #sessions = new Set<ClientSession>();
  readonly #onLine: (session: ClientSession, line: string) => void;
  readonly #onBytes: (session: BinarySession) => void;
  readonly #onClosed: (session: ClientSession | BinarySession) => void;
  readonly #binarySessions = new Set<BinarySession>();
  /** Have not said anything yet. */
  readonly #undecided = new Set<Socket>();
  /** Came early, and are not listened to yet. */
  readonly #early = new Map<Socket, NodeJS.Timeout>();
  #open = false;

  constructor(options: {
    onLine: (session: ClientSession, line: string) => void;
    /** Something came; the session holds it. */
    onBytes: (session: BinarySession) => void;
    onClosed: (session: ClientSession | BinarySession) => void;
  }) {
    this.#onLine = options.onLine;
    this.#onBytes = options.onBytes;
    this.#onClosed = options.onClosed;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Who came before it was open and has not been told anything yet. */
  get waiting(): number {
    return this.#early.size;
  }

  get sessions(): ReadonlySet<ClientSession> {
    return this.#sessions;
  }

  get binarySessions(): ReadonlySet<BinarySession> {
    return this.#binarySessions;
  }

  listen(options: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(options.port, options.host, () => resolve());
    });
  }

  open(): void {
    this.#open = true;
    for (const socket of [...this.#early.keys()]) this.#listenTo(socket);
  }

  /** Cuts every session; nothing that they were waiting for is sent. */
  shut(): void {
    this.#open = false;
    for (const session of this.#sessions) session.destroy();
    for (const session of this.#binarySessions) session.destroy();
    for (const socket of this.#undecided) socket.destroy();
  }

  close(): Promise<void> {
    this.shut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#undecided.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#undecided.delete(socket);
      this.#noLongerEarly(socket);
    });
    if (this.#open) return this.#listenTo(socket);
    socket.setTimeout(IDLE_WHILE_CLOSED_MS, () => socket.destroy());
    this.#early.set(
      socket,
      setTimeout(() => this.#listenTo(socket), EARLY_WITHIN_MS),
    );
  }

  #noLongerEarly(socket: Socket): void {
    clearTimeout(this.#early.get(socket));
    this.#early.delete(socket);
  }

  #listenTo(socket: Socket): void {
    this.#noLongerEarly(socket);
    if (this.#open) socket.setTimeout(0);
    socket.once('data', (chunk: Buffer) => {
      this.#undecided.delete(socket);
      if (chunk[0] === MESSAGE.logon || chunk[0] === MESSAGE.query) this.#speakBinary(socket, chunk);
      else this.#speakText(socket, chunk);
    });
  }

  #speakText(socket: Socket, first: Buffer): void {
    const session = new ClientSession(socket);
    this.#sessions.add(session);
    const lines: LineReader = new LineReader({
      maxLineLength: 256 * 1024,
      onLine: (line) => {
        if (this.#open) return this.#onLine(session, line);
        lines.end();
        session.refuse(rejectText(null, 'not-primary'));
      },
      onOverflow: () => session.refuse(rejectText(null, 'bad-message')),
    });
    const text = new StringDecoder('utf8');
    const receive = (chunk: Buffer) => lines.push(text.write(chunk));
    socket.on('data', receive);
    socket.on('close', () => {
      this.#sessions.delete(session);
      this.#onClosed(session);
    });
    receive(first);
  }

  #speakBinary(socket: Socket, first: Buffer): void {
    const session = new BinarySession(socket);
    this.#binarySessions.add(session);
    const receive = (chunk: Buffer) => {
      if (!this.#open) return session.refuse(lastReject('not-primary', 0));
      session.receive(chunk);
      this.#onBytes(session);
    };
    socket.on('data', receive);
    socket.on('close', () => {
      this.#binarySessions.delete(session);
      this.#onClosed(session);
    });
    receive(first);
  }
}
