import { monoNowMs } from '../base/mono-clock.ts';
import type { ConnectionHandler, FixConnection } from './fix-connection.ts';
import type { FixMessage } from './fix-message.ts';
import { SessionCore } from './session-core.ts';
import type { SessionState } from './session-state.ts';
import type { SessionStore } from './session-store.ts';
import type { DeliveryMarks, Now, SessionEffects, SessionNotice, SessionOptions } from './session-types.ts';

/** The application at this end of a session. */
export interface FixApplication {
  /**
   * An application message, in order, at least once; valid during the call. What comes of it has to be on its way to the store when
   * this returns: then the message counts as received.
   */
  onMessage(message: FixMessage, marks: DeliveryMarks, link: SessionLink): void;
  onNotice(notice: SessionNotice, link: SessionLink): void;
}

/** Where everything that passes is told, for people and for evidence. Frames are valid during the call. */
export interface FixLog {
  frame?(session: string, direction: 'in' | 'out', bytes: Buffer): void;
  notice?(session: string, notice: SessionNotice): void;
}

export interface SessionLinkOptions {
  readonly session: SessionOptions;
  readonly store: SessionStore;
  readonly application: FixApplication;
  readonly log?: FixLog;
  readonly clock?: () => Now;
  /** Asked immediately before every write: false ends the connection and nothing leaves. An engine asks for its lease here (I1). */
  readonly mayWrite?: () => boolean;
  /** Bytes that may wait in one socket before the session holds back. Default 256 KiB. */
  readonly highWaterBytes?: number;
  /** Messages that may wait behind a peer that does not read, before its connection is cut. They are kept. Default 100 000. */
  readonly maxBacklog?: number;
}

const systemClock = (): Now => ({ monoMs: monoNowMs(), wallMs: Date.now() });

/**
 * A session with its store and, at times, a connection: carries out what the core says. All that is kept in one turn of the event
 * loop is settled as one, and what is to be sent leaves as one piece when that is safe.
 */
export class SessionLink implements ConnectionHandler {
  readonly session: string;
  readonly #options: SessionLinkOptions;
  readonly #store: SessionStore;
  readonly #core: SessionCore;
  readonly #clock: () => Now;
  readonly #highWaterBytes: number;
  #connection: FixConnection | null = null;
  #frames = Buffer.allocUnsafe(16 * 1024);
  #frameBytes = 0;
  /** Bytes that wait for the store. */
  #unsafeBytes = 0;
  #blocked = false;
  #flushing = false;
  #timer: NodeJS.Timeout | null = null;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #held = false;
  #closed = false;

  constructor(options: SessionLinkOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#clock = options.clock ?? systemClock;
    this.#highWaterBytes = options.highWaterBytes ?? 256 * 1024;
    this.session = options.store.session;
    const { store } = options;
    const effects: SessionEffects = {
      keepSent: (message) => store.keepSent(message),
      keepNumbersBefore: (next) => store.keepNumbersBefore(next),
      keepReceived: (next) => store.keepReceived(next),
      keepReset: () => store.keepReset(),
      transmit: (frame) => this.#transmit(frame),
      deliver: (message, marks) => options.application.onMessage(message, marks, this),
      disconnect: (reason) => this.#hangUp(reason),
      notice: (notice) => {
        options.log?.notice?.(this.session, notice);
        options.application.onNotice(notice, this);
      },
    };
    this.#core = new SessionCore({ session: options.session, numbers: store.numbers, sent: store, effects });
  }

  get state(): SessionState {
    return this.#core.state;
  }

  get caughtUp(): boolean {
    return this.#core.caughtUp;
  }

  /** Messages that have a number and have not left. */
  get backlog(): number {
    return this.#core.backlog;
  }

  get connected(): boolean {
    return this.#connection !== null;
  }

  get options(): SessionOptions {
    return this.#options.session;
  }

  /** Number of the next message in each direction. */
  get numbers(): { readonly nextOut: number; readonly nextIn: number } {
    return this.#core.numbers;
  }

  /** Takes a connection; one that is still there is cut. For an acceptor the Logon that named this session comes with it. */
  attach(connection: FixConnection, logon?: FixMessage): void {
    this.cut('another connection took over');
    this.#connection = connection;
    connection.handTo(this.#handlerOf(connection));
    if (this.#held) connection.socket.pause();
    this.#core.connected(this.#clock());
    if (logon !== undefined) this.message(logon);
    this.turnEnded();
  }

  /** See `SessionCore.send`. What is sent in one turn leaves as one piece. */
  send(msgType: string, fields: Uint8Array, options: { readonly possResend?: boolean } = {}): number | null {
    const seq = this.#core.send(msgType, fields, { now: this.#clock(), ...options });
    this.#flushSoon();
    return seq;
  }

  /** Refuses an application message for what it asks (BusinessMessageReject). */
  refuse(message: FixMessage, reason: number, text: string): void {
    this.#core.refuse(message, { reason, text, now: this.#clock() });
    this.#flushSoon();
  }

  /** Says goodbye; the connection ends when it is answered, or not in time. */
  logout(text: string): void {
    this.#core.logout(text, this.#clock());
    this.turnEnded();
  }

  /** Says why and ends the connection at once; what still comes on it is not looked at. */
  end(text: string): void {
    this.#core.end(text, this.#clock());
    this.turnEnded();
  }

  /** Why this Logon would be refused on a new connection, or null; nothing changes. */
  refusalOf(logon: FixMessage): string | null {
    return this.#core.refusalOf(logon, this.#clock());
  }

  /** Calls back once everything sent so far is as safe as the store makes it. */
  whenSafe(done: () => void): void {
    this.#flush();
    this.#store.whenSafe(done);
  }

  /** Stops or goes on reading, when the application cannot keep up. */
  hold(paused: boolean): void {
    this.#held = paused;
    if (paused) this.#connection?.socket.pause();
    else this.#connection?.socket.resume();
  }

  /** Ends the connection without a word; the session stays. */
  cut(reason: string): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#blocked = false;
    connection?.destroy(reason);
    this.#core.disconnected(reason);
    this.turnEnded();
  }

  /** Ends the connection and the timers. */
  close(): void {
    this.cut('this side ends');
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  message(message: FixMessage): void {
    this.#options.log?.frame?.(this.session, 'in', message.bytes());
    this.#core.receive(message, this.#clock());
  }

  garbled(found: string): void {
    this.#core.garbled(found);
  }

  turnEnded(): void {
    this.#flush();
    if (this.#blocked && this.#core.backlog > (this.#options.maxBacklog ?? 100_000)) {
      this.cut('the other side does not read');
      return;
    }
    this.#arm();
  }

  drained(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#core.drained(this.#clock());
    this.turnEnded();
  }

  closed(reason: string): void {
    this.#connection = null;
    this.#blocked = false;
    this.#core.disconnected(reason);
    this.turnEnded();
  }

  /** What a connection says counts only while it is this session's. */
  #handlerOf(connection: FixConnection): ConnectionHandler {
    const mine = () => this.#connection === connection;
    return {
      message: (message) => {
        if (mine()) this.message(message);
      },
      garbled: (found) => {
        if (mine()) this.garbled(found);
      },
      turnEnded: () => {
        if (mine()) this.turnEnded();
      },
      drained: () => {
        if (mine()) this.drained();
      },
      closed: (reason) => {
        if (mine()) this.closed(reason);
      },
    };
  }

  #transmit(frame: Buffer): boolean {
    this.#options.log?.frame?.(this.session, 'out', frame);
    const needed = this.#frameBytes + frame.length;
    if (needed > this.#frames.length) {
      const larger = Buffer.allocUnsafe(needed * 2);
      this.#frames.copy(larger, 0, 0, this.#frameBytes);
      this.#frames = larger;
    }
    frame.copy(this.#frames, this.#frameBytes);
    this.#frameBytes = needed;
    const waiting = this.#unsafeBytes + this.#frameBytes + (this.#connection?.socket.writableLength ?? 0);
    if (waiting < this.#highWaterBytes) return true;
    this.#blocked = true;
    return false;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.turnEnded();
    });
  }

  #flush(): void {
    this.#store.settle();
    if (this.#frameBytes === 0) return;
    const bytes = Buffer.from(this.#frames.subarray(0, this.#frameBytes));
    this.#frameBytes = 0;
    const connection = this.#connection;
    if (connection === null) return;
    this.#unsafeBytes += bytes.length;
    this.#store.whenSafe(() => {
      this.#unsafeBytes -= bytes.length;
      this.#write(connection, bytes);
    });
  }

  #write(connection: FixConnection, bytes: Buffer): void {
    if (!connection.socket.writable) return;
    if (this.#options.mayWrite?.() === false) {
      connection.destroy('this side may not write any more');
      return;
    }
    const roomLeft = connection.socket.write(bytes);
    if (roomLeft && this.#blocked && this.#unsafeBytes === 0) queueMicrotask(() => this.drained());
  }

  /** The last words have to leave before the connection does. */
  #hangUp(reason: string): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#flush();
    this.#connection = null;
    this.#blocked = false;
    connection.linger(reason);
    this.#store.whenSafe(() => connection.end(reason));
  }

  #arm(): void {
    const wakeAtMs = this.#core.wakeAtMs;
    if (this.#closed || wakeAtMs === Number.POSITIVE_INFINITY || wakeAtMs >= this.#timerAtMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timerAtMs = wakeAtMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.#core.tick(this.#clock());
        this.turnEnded();
      },
      Math.max(1, Math.ceil(wakeAtMs - this.#clock().monoMs)),
    );
  }
}
