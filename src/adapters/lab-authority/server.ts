import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { StoredChange } from './lab-protocol.ts';
import { LabStore } from './lab-store.ts';
import { ServerSession, type SessionHost } from './server-session.ts';

/** Who may connect, and how far away the topology puts it from a quorum. */
export interface LabClient {
  readonly name: string;
  /** Presented in `hello`. Null: only a client certificate with this common name is accepted. */
  readonly token: string | null;
  /** Added before every answer: what an operation would cost with a real quorum. 0 = none. */
  readonly quorumRttMs: number;
  /** May back up and restore. */
  readonly admin?: boolean;
}

export interface LabServerOptions {
  readonly host: string;
  /** 0 = any free port; see `LabServer.port`. */
  readonly port: number;
  /** Database file. */
  readonly database: string;
  readonly clients: readonly LabClient[];
  readonly historyRevisions?: number;
  /** PEM texts. When given, clients must present a certificate signed by `ca`. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** A change waits this long for others that are due by then: renewals come together, and wake those who watch once. */
const GATHER_MS = 3;

/** The lab-only authority: one process, one voter. Holds no timer while nothing happens. */
export class LabServer {
  readonly #store: LabStore;
  readonly #server: Server;
  readonly #sessions = new Set<ServerSession>();
  #port = 0;
  /** Changes up to here have been pushed to watches; later ones are on their way. */
  #releasedRevision: number;
  /** Committed changes whose writers' round trips are not over, in order. */
  readonly #queue: { readonly change: StoredChange; readonly atMs: number }[] = [];
  #timer: NodeJS.Timeout | null = null;

  private constructor(options: LabServerOptions) {
    const { historyRevisions } = options;
    this.#store = new LabStore({
      path: options.database,
      ...(historyRevisions === undefined ? {} : { historyRevisions }),
    });
    this.#releasedRevision = this.#store.revision;
    const host: SessionHost = {
      store: this.#store,
      clients: options.clients,
      releasedRevision: () => this.#releasedRevision,
      committed: (change, delayMs) => this.#release(change, delayMs),
      historyEnded: () => this.#endHistory(),
      closed: (session) => this.#sessions.delete(session),
    };
    const accept = (socket: Socket | TLSSocket) => this.#sessions.add(new ServerSession(socket, host));
    this.#server =
      options.tls === undefined
        ? createServer({ noDelay: true }, accept)
        : createTlsServer({ ...options.tls, requestCert: true, rejectUnauthorized: true, noDelay: true }, accept);
  }

  /** Listens before it resolves; rejects when the address is taken or the database cannot be opened. */
  static async start(options: LabServerOptions): Promise<LabServer> {
    const server = new LabServer(options);
    await server.#listen(options);
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get incarnation(): string {
    return this.#store.incarnation;
  }

  async close(): Promise<void> {
    this.#dropReleases();
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const session of this.#sessions) session.close();
    await stopped;
    this.#store.close();
  }

  #listen(options: LabServerOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (cause) => {
        this.#store.close();
        reject(cause);
      });
      this.#server.listen(options.port, options.host, () => {
        const address = this.#server.address();
        this.#port = typeof address === 'object' && address !== null ? address.port : options.port;
        resolve();
      });
    });
  }

  /** A change reaches watches soon after its writer's round trip is over, and never before an earlier change. */
  #release(change: StoredChange, delayMs: number): void {
    if (delayMs <= 0 && this.#queue.length === 0) {
      this.#push(change);
      return;
    }
    const atMs = Math.max(this.#queue.at(-1)?.atMs ?? 0, performance.now() + delayMs);
    this.#queue.push({ change, atMs });
    this.#timer ??= this.#nextRelease();
  }

  #nextRelease(): NodeJS.Timeout | null {
    const head = this.#queue[0];
    if (head === undefined) return null;
    return setTimeout(() => this.#releaseDue(), Math.max(0, head.atMs + GATHER_MS - performance.now()));
  }

  #releaseDue(): void {
    const now = performance.now();
    const end = this.#queue.findIndex(({ atMs }) => atMs > now);
    const due = this.#queue.splice(0, end < 0 ? this.#queue.length : end);
    for (const session of this.#sessions)
      session.gather(() => {
        for (const { change } of due) session.push(change);
      });
    this.#releasedRevision = due.at(-1)?.change.revision ?? this.#releasedRevision;
    this.#timer = this.#nextRelease();
  }

  #dropReleases(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue.length = 0;
  }

  #push(change: StoredChange): void {
    this.#releasedRevision = change.revision;
    for (const session of this.#sessions) session.push(change);
  }

  #endHistory(): void {
    this.#dropReleases();
    this.#releasedRevision = this.#store.revision;
    for (const session of this.#sessions) session.endWatches();
  }
}
