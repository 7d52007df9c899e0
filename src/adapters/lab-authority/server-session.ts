import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { unreachable } from '../../core/base/assert.ts';
import type { Revision } from '../../core/base/ids.ts';
import { FrameSplitter, writeFrame } from './frame-stream.ts';
import {
  type HelloResult,
  type LabErrorCode,
  type LabPush,
  type LabRequest,
  labOnlyNotice,
  parseRequest,
  protocolVersion,
  type SeenMark,
  type StoredChange,
  type TransactResult,
  transactionProblem,
  type WatchResult,
} from './lab-protocol.ts';
import type { LabStore } from './lab-store.ts';
import type { LabClient } from './server.ts';

/** What a session needs of its server. */
export interface SessionHost {
  readonly store: LabStore;
  readonly clients: readonly LabClient[];
  releasedRevision(): number;
  committed(change: StoredChange, delayMs: number): void;
  /** The store became another incarnation: no watch can continue. */
  historyEnded(): void;
  closed(session: ServerSession): void;
}

/** A client that says nothing for this long is gone (its heartbeats come several times a second). */
const idleTimeoutMs = 30_000;
const helloTimeoutMs = 5_000;
/** A watcher that reads slower than this is cut off; it resumes by revision. */
const maxUnreadBytes = 16 * 1024 * 1024;

interface Watching {
  readonly prefix: string;
  readonly after: Revision;
}

/** One connected client: its requests in order, its answers in the same order, its watches. */
export class ServerSession {
  readonly #socket: Socket;
  readonly #host: SessionHost;
  readonly #splitter = new FrameSplitter();
  readonly #watches = new Map<number, Watching>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #client: LabClient | null = null;

  constructor(socket: Socket, host: SessionHost) {
    this.#socket = socket;
    this.#host = host;
    socket.setTimeout(helloTimeoutMs, () => socket.destroy());
    socket.on('data', (chunk) => this.#received(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const timer of this.#timers) clearTimeout(timer);
      host.closed(this);
    });
  }

  /** What `pushes` writes leaves as one piece. */
  gather(pushes: () => void): void {
    this.#socket.cork();
    pushes();
    this.#socket.uncork();
  }

  push(change: StoredChange): void {
    for (const [watch, watching] of this.#watches) this.#pushTo(watch, watching, change);
  }

  endWatches(): void {
    for (const watch of this.#watches.keys()) writeFrame(this.#socket, { watch, ended: 'compacted' } satisfies LabPush);
    this.#watches.clear();
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(chunk: Buffer): void {
    try {
      for (const frame of this.#splitter.push(chunk)) {
        const { id, request } = parseRequest(frame);
        if (this.#client === null && request.op !== 'hello') throw new Error('hello first');
        this.#handle(id, request);
      }
    } catch (cause) {
      this.#refuse(0, 'bad-request', cause instanceof Error ? cause.message : String(cause));
      this.#socket.end();
    }
  }

  #handle(id: number, request: LabRequest): void {
    switch (request.op) {
      case 'hello':
        this.#hello(id, request);
        return;
      case 'ping':
        this.#answer(id, {});
        return;
      case 'range':
        this.#charged(id, () => {
          this.#noticeRollBack(request.seen);
          return this.#host.store.range(request.prefix);
        });
        return;
      case 'transact':
        this.#transact(id, request);
        return;
      case 'watch':
        this.#later(() => this.#watch(id, request));
        return;
      case 'unwatch':
        this.#later(() => {
          this.#watches.delete(request.watch);
          this.#answer(id, {});
        });
        return;
      case 'backup':
        this.#administer(id, () => this.#host.store.backup(request.path));
        return;
      case 'restore':
        this.#administer(id, () => {
          this.#host.store.restore(request.path);
          this.#host.historyEnded();
        });
        return;
      default:
        unreachable(request);
    }
  }

  #hello(id: number, request: Extract<LabRequest, { op: 'hello' }>): void {
    const client = this.#host.clients.find((candidate) => candidate.name === request.client);
    if (request.version !== protocolVersion || client === undefined || !this.#authentic(client, request.token)) {
      this.#refuse(
        id,
        'unauthorized',
        `client ${JSON.stringify(request.client)} with protocol ${request.version} is not accepted`,
      );
      this.#socket.end();
      return;
    }
    this.#client = client;
    this.#socket.setTimeout(idleTimeoutMs);
    const { incarnation, revision } = this.#host.store;
    this.#answer(id, {
      kind: 'lab-only',
      voters: 1,
      notice: labOnlyNotice,
      incarnation,
      revision,
    } satisfies HelloResult);
  }

  #authentic(client: LabClient, token: string | null): boolean {
    if (client.token !== null) {
      const given = Buffer.from(token ?? '');
      const wanted = Buffer.from(client.token);
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    }
    return (
      this.#socket instanceof TLSSocket &&
      this.#socket.authorized &&
      this.#socket.getPeerCertificate().subject?.CN === client.name
    );
  }

  #transact(id: number, request: Extract<LabRequest, { op: 'transact' }>): void {
    const { store } = this.#host;
    const problem = transactionProblem(request.transaction);
    if (problem !== null) {
      this.#refuse(id, 'bad-request', problem);
      return;
    }
    this.#noticeRollBack(request.seen);
    if (request.incarnation !== null && request.incarnation !== store.incarnation) {
      const message = `revisions are of incarnation ${request.incarnation}, the store is ${store.incarnation}: read again`;
      this.#later(() => this.#refuse(id, 'incarnation-changed', message));
      return;
    }
    this.#charged(id, (): TransactResult => {
      const outcome = store.transact(request.transaction);
      if (outcome.kind === 'conflict') return outcome;
      if (outcome.change !== null) this.#host.committed(outcome.change, this.#delayMs());
      return { kind: 'committed', revision: outcome.revision };
    });
  }

  #watch(id: number, request: Extract<LabRequest, { op: 'watch' }>): void {
    const { store } = this.#host;
    this.#noticeRollBack(request.seen);
    const foreign =
      (request.incarnation !== null && request.incarnation !== store.incarnation) || request.after > store.revision;
    const missed = foreign ? null : store.changes(request.prefix, request.after, this.#host.releasedRevision());
    if (missed === null) {
      this.#answer(id, { kind: 'compacted' } satisfies WatchResult);
      return;
    }
    this.#answer(id, {
      kind: 'watching',
      incarnation: store.incarnation,
      revision: store.revision,
    } satisfies WatchResult);
    const watching = { prefix: request.prefix, after: request.after };
    for (const change of missed) this.#pushTo(request.watch, watching, change);
    this.#watches.set(request.watch, watching);
  }

  #pushTo(watch: number, watching: Watching, change: StoredChange): void {
    if (change.revision <= watching.after) return;
    const changes = change.changes.filter((item) => item.key.startsWith(watching.prefix));
    if (changes.length === 0) return;
    writeFrame(this.#socket, { watch, change: { revision: change.revision, changes } } satisfies LabPush);
    if (this.#socket.writableLength > maxUnreadBytes) this.#socket.destroy();
  }

  /** A client knows more of this history than the store holds: the data went back, so it is another history from now on. */
  #noticeRollBack(seen: SeenMark | null): void {
    const { store } = this.#host;
    if (seen === null || seen.incarnation !== store.incarnation || seen.revision <= store.revision) return;
    const behind = `revision ${store.revision} is behind ${seen.revision}, which ${this.#client?.name} has seen`;
    store.renewIncarnation();
    this.#host.historyEnded();
    console.error(`lab-authority: ${behind}: the data went back; new incarnation ${store.incarnation}`);
  }

  #administer(id: number, action: () => void): void {
    if (this.#client?.admin !== true) {
      this.#refuse(id, 'not-permitted', 'this client may not back up or restore');
      return;
    }
    this.#charged(id, () => {
      action();
      return { incarnation: this.#host.store.incarnation, revision: this.#host.store.revision };
    });
  }

  /** Runs the operation now, in the order of arrival, and answers after the client's quorum round trip. */
  #charged(id: number, operation: () => unknown): void {
    let send: () => void;
    try {
      const result = operation();
      send = () => this.#answer(id, result);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      send = () => this.#refuse(id, 'storage', message);
    }
    this.#later(send);
  }

  #later(action: () => void): void {
    const delayMs = this.#delayMs();
    if (delayMs <= 0) {
      action();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }

  #delayMs(): number {
    return this.#client?.quorumRttMs ?? 0;
  }

  #answer(id: number, result: unknown): void {
    if (this.#socket.writable) writeFrame(this.#socket, { id, ok: true, result });
  }

  #refuse(id: number, code: LabErrorCode, message: string): void {
    if (this.#socket.writable) writeFrame(this.#socket, { id, ok: false, error: { code, message } });
  }
}
