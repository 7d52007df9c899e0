import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../base/config-file.ts';
import { cleanText } from './body-writer.ts';
import { FixConnection } from './fix-connection.ts';
import type { FixMessage } from './fix-message.ts';
import { SessionLink, type SessionLinkOptions } from './session-link.ts';
import { MSG, TAG } from './tags.ts';

export interface AcceptorSession extends SessionLinkOptions {
  /**
   * A second connection for a session that has one: turned away (the standard's way), or it replaces the first, as a venue does whose
   * member fails over to another site. It replaces it only with a Logon that will be accepted.
   */
  readonly secondConnection?: 'refuse' | 'replace';
  /** The connection that is there is cut for another one, whose Logon follows at once and will be accepted. */
  readonly onReplacing?: () => void;
}

export interface FixAcceptorOptions {
  readonly sessions: readonly AcceptorSession[];
  readonly maxMessageBytes?: number;
  /** Connections that have not logged on, at most. Default 100. */
  readonly maxStrangers?: number;
  /** Default 10 s. */
  readonly logonTimeoutMs?: number;
  /** A connection that reached no session, for the log. */
  readonly onTurnedAway?: (reason: string) => void;
}

/** Listens for several sessions on one port. A connection belongs to the session that its first message, a Logon, names. */
export class FixAcceptor {
  readonly #options: FixAcceptorOptions;
  readonly #server: Server;
  readonly #sessions = new Map<string, { readonly link: SessionLink; readonly definition: AcceptorSession }>();
  readonly #strangers = new Set<FixConnection>();

  private constructor(options: FixAcceptorOptions) {
    this.#options = options;
    for (const definition of options.sessions) {
      const { senderCompId, targetCompId } = definition.session;
      this.#sessions.set(key(senderCompId, targetCompId), { link: new SessionLink(definition), definition });
    }
    this.#server = createServer((socket) => this.#welcome(socket));
  }

  static async listen(address: ListenAddress, options: FixAcceptorOptions): Promise<FixAcceptor> {
    const acceptor = new FixAcceptor(options);
    await new Promise<void>((resolve, reject) => {
      acceptor.#server.once('error', reject);
      acceptor.#server.listen(address.port, address.host, () => resolve());
    });
    return acceptor;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get links(): readonly SessionLink[] {
    return [...this.#sessions.values()].map(({ link }) => link);
  }

  /** The session with this firm, as the acceptor's `targetCompId`. */
  linkWith(targetCompId: string): SessionLink | null {
    return this.links.find((link) => link.options.targetCompId === targetCompId) ?? null;
  }

  /** Cuts every connection and listens no more. */
  async close(): Promise<void> {
    for (const { link } of this.#sessions.values()) link.close();
    for (const stranger of this.#strangers) stranger.destroy('the acceptor ends');
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #welcome(socket: Socket): void {
    if (this.#strangers.size >= (this.#options.maxStrangers ?? 100)) {
      this.#options.onTurnedAway?.('too many connections wait to log on');
      socket.destroy();
      return;
    }
    const connection: FixConnection = new FixConnection({
      socket,
      maxMessageBytes: this.#options.maxMessageBytes,
      handler: {
        message: (message) => this.#first(connection, message),
        garbled: (found) => this.#turnAway(connection, `what arrived is not FIX: ${found}`),
        turnEnded: () => {},
        drained: () => {},
        closed: () => this.#strangers.delete(connection),
      },
    });
    this.#strangers.add(connection);
    socket.setTimeout(this.#options.logonTimeoutMs ?? 10_000, () => {
      if (this.#strangers.has(connection)) this.#turnAway(connection, 'no Logon came in time');
    });
  }

  #first(connection: FixConnection, message: FixMessage): void {
    if (!this.#strangers.has(connection)) return;
    const theirs = message.text(TAG.SenderCompID) ?? '';
    const found = this.#sessions.get(key(message.text(TAG.TargetCompID) ?? '', theirs));
    if (message.msgType !== MSG.Logon || found === undefined) {
      const what =
        message.msgType === MSG.Logon ? `no session with ${cleanText(theirs, 32)}` : 'the first message is no Logon';
      this.#turnAway(connection, what);
      return;
    }
    const { link, definition } = found;
    if (link.connected) {
      const refusal = definition.secondConnection === 'replace' ? link.refusalOf(message) : 'it is connected';
      if (refusal !== null) {
        this.#turnAway(connection, `a second connection for ${cleanText(theirs, 32)}: ${refusal}`);
        return;
      }
      definition.onReplacing?.();
    }
    this.#strangers.delete(connection);
    connection.socket.setTimeout(0);
    link.attach(connection, message);
  }

  #turnAway(connection: FixConnection, reason: string): void {
    this.#strangers.delete(connection);
    this.#options.onTurnedAway?.(reason);
    connection.destroy(reason);
  }
}

const key = (senderCompId: string, targetCompId: string): string => `${senderCompId}\u0001${targetCompId}`;
