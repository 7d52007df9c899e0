import { connect } from 'node:net';
import { FixConnection } from './fix-connection.ts';
import { SessionLink, type SessionLinkOptions } from './session-link.ts';

export interface FixInitiatorOptions extends SessionLinkOptions {
  readonly host: string;
  readonly port: number;
  /** Pause before the next attempt; doubled up to the maximum while attempts fail. */
  readonly reconnectMs?: { readonly first: number; readonly max: number };
  /** A connection attempt that takes longer is given up. Default 5 s. */
  readonly connectTimeoutMs?: number;
  readonly maxMessageBytes?: number;
  /** Asked before each attempt: false = not now, asked again after a pause. */
  readonly mayDial?: () => boolean;
}

/** Dials, logs on, and dials again when the connection ends, until it is stopped. */
export class FixInitiator {
  readonly link: SessionLink;
  readonly #options: FixInitiatorOptions;
  #running = false;
  #pauseMs: number;
  #retry: NodeJS.Timeout | null = null;
  #dialling: FixConnection | null = null;

  constructor(options: FixInitiatorOptions) {
    this.#options = options;
    this.#pauseMs = this.#firstPauseMs;
    const { application } = options;
    this.link = new SessionLink({
      ...options,
      application: {
        onMessage: (message, marks, link) => application.onMessage(message, marks, link),
        onNotice: (notice, link) => {
          if (notice.kind === 'up') this.#pauseMs = this.#firstPauseMs;
          application.onNotice(notice, link);
          if (notice.kind === 'down') this.#dialLater();
        },
      },
    });
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#dial();
  }

  /** Says goodbye and dials no more. */
  logout(text: string): void {
    this.#running = false;
    this.#stopDialling();
    this.link.logout(text);
  }

  /** Ends at once, without a word. */
  close(): void {
    this.#running = false;
    this.#stopDialling();
    this.link.close();
  }

  get #firstPauseMs(): number {
    return this.#options.reconnectMs?.first ?? 100;
  }

  #dial(): void {
    if (this.#options.mayDial?.() === false) {
      this.#dialLater();
      return;
    }
    const { host, port, maxMessageBytes } = this.#options;
    const socket = connect({ host, port, noDelay: true });
    const connection: FixConnection = new FixConnection({
      socket,
      maxMessageBytes,
      handler: {
        message: () => {},
        garbled: () => {},
        turnEnded: () => {},
        drained: () => {},
        closed: () => {
          if (this.#dialling !== connection) return;
          this.#dialling = null;
          this.#dialLater();
        },
      },
    });
    this.#dialling = connection;
    socket.setTimeout(this.#options.connectTimeoutMs ?? 5_000, () => connection.destroy('no connection in time'));
    socket.on('connect', () => {
      socket.setTimeout(0);
      if (this.#dialling !== connection) return;
      this.#dialling = null;
      this.link.attach(connection);
    });
  }

  #dialLater(): void {
    if (!this.#running || this.#retry !== null || this.#dialling !== null) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      if (this.#running) this.#dial();
    }, this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.reconnectMs?.max ?? 5_000);
  }

  #stopDialling(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    const dialling = this.#dialling;
    this.#dialling = null;
    dialling?.destroy('stopped');
  }
}
