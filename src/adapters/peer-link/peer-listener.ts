import { createServer, type Server, type TLSSocket } from 'node:tls';
import { causeText, HoldfastError } from '../../wire/holdfast-error.ts';
import { identityOf, type PeerIdentity, type TlsIdentity } from '../../wire/peer-identity.ts';
import { defaultListenerTiming, FrameSocket, type LinkTiming } from './frame-socket.ts';
import { notYours, type PeerFrame, parseGreeting, parsePeerFrame, peerProtocol } from './peer-frames.ts';

export interface PeerListenerOptions {
  readonly host: string;
  /** 0 = any free port; the real one is `PeerListener.port`. */
  readonly port: number;
  readonly self: PeerIdentity;
  readonly boot: string;
  readonly identity: TlsIdentity;
  readonly timing?: LinkTiming;
  /** Whether the topology has this peer; a person never comes here. */
  readonly knows: (peer: PeerIdentity) => boolean;
  readonly sink: PeerListenerSink;
}

export interface PeerListenerSink {
  up(link: PeerLink): void;
  /** The link ended and no newer one of that peer has replaced it. */
  down(link: PeerLink, reason: string): void;
  frame(link: PeerLink, frame: PeerFrame): void;
  /** Somebody was turned away, or said what it may not say. */
  refused(who: string, reason: string): void;
}

/** An accepted link. */
export interface PeerLink {
  readonly peer: PeerIdentity;
  readonly boot: string;
  /** False when it is gone. */
  send(frame: PeerFrame): boolean;
}

const MAX_CONNECTIONS = 512;

/**
 * Accepts links from peers whose certificate this firm's authority issued and whose name the topology has. There is at most one
 * link per peer: a newer one replaces the older, because the peer knows best which of them it still uses.
 */
export class PeerListener {
  readonly #options: PeerListenerOptions;
  readonly #server: Server;
  readonly #links = new Map<string, Accepted>();
  readonly #sockets = new Set<FrameSocket>();

  private constructor(options: PeerListenerOptions) {
    this.#options = options;
    const { ca, cert, key } = options.identity;
    this.#server = createServer({
      ca,
      cert,
      key,
      minVersion: 'TLSv1.3',
      requestCert: true,
      // Refused in `#accept`, where it can be said why.
      rejectUnauthorized: false,
      handshakeTimeout: 5000,
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('secureConnection', (socket) => this.#accept(socket));
    this.#server.on('tlsClientError', (_cause, socket) => socket.destroy());
  }

  /** Resolves when the port is bound. @throws HoldfastError HF-3202 */
  static async listen(options: PeerListenerOptions): Promise<PeerListener> {
    const listener = new PeerListener(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    listener.#server.once('error', reject);
    listener.#server.listen({ host: options.host, port: options.port }, resolve);
    try {
      await promise;
    } catch (cause) {
      throw new HoldfastError({
        code: 'HF-3202',
        attempted: `listen for peers on ${options.host}:${options.port}`,
        found: causeText(cause),
        next: 'free the port, or give another one in the configuration',
        cause,
      });
    }
    return listener;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.port;
  }

  /** The link of this peer, if it is up. */
  link(peer: PeerIdentity): PeerLink | null {
    return this.#links.get(keyOf(peer)) ?? null;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of [...this.#sockets]) socket.end('closed');
    await promise;
  }

  #accept(socket: TLSSocket): void {
    if (!socket.authorized) {
      socket.on('error', () => {});
      socket.destroy();
      this.#options.sink.refused('an unknown peer', String(socket.authorizationError ?? 'no certificate'));
      return;
    }
    const peer = identityOf(socket.getPeerCertificate());
    let link: Accepted | null = null;
    const frames = new FrameSocket(socket, this.#options.timing ?? defaultListenerTiming, {
      line: (line) => {
        if (link === null) link = this.#greet(frames, peer, line);
        else this.#heard(link, line);
      },
      ended: (reason) => {
        this.#sockets.delete(frames);
        if (link === null || this.#links.get(keyOf(link.peer)) !== link) return;
        this.#links.delete(keyOf(link.peer));
        this.#options.sink.down(link, reason);
      },
    });
    this.#sockets.add(frames);
  }

  #greet(socket: FrameSocket, peer: PeerIdentity | null, line: string): Accepted | null {
    const { self, boot, knows, sink } = this.#options;
    const turnAway = (code: string, reason: string): null => {
      sink.refused(peer === null ? 'a certificate that names nobody' : `${peer.role} ${peer.name}`, reason);
      socket.refuse(code, reason);
      return null;
    };
    if (peer === null || !knows(peer)) return turnAway('HF-3203', 'the topology has no such peer');
    const greeting = parseGreeting(line);
    if (greeting.t !== 'hello') return turnAway('HF-3204', 'it did not say hello');
    if (greeting.name !== peer.name) return turnAway('HF-3203', `it calls itself ${greeting.name}`);
    const version = greeting.versions
      .filter((each) => peerProtocol.versions.some((known) => known === each))
      .toSorted((a, b) => b - a)[0];
    if (version === undefined)
      return turnAway(
        'HF-3204',
        `it speaks versions ${greeting.versions.join(', ')}; this controller speaks ${peerProtocol.versions.join(', ')}`,
      );
    socket.greeted();
    socket.send({ t: 'welcome', version, name: self.name, boot });
    const link: Accepted = { peer, boot: greeting.boot, socket, send: (frame) => socket.send(frame) };
    const older = this.#links.get(keyOf(peer));
    this.#links.set(keyOf(peer), link);
    older?.socket.end('replaced by a newer link of the same peer');
    sink.up(link);
    return link;
  }

  #heard(link: Accepted, line: string): void {
    const { sink } = this.#options;
    const frame = parsePeerFrame(line);
    const complaint = notYours(link.peer, frame);
    if (complaint !== null) {
      sink.refused(`${link.peer.role} ${link.peer.name}`, complaint);
      link.socket.refuse('HF-3205', complaint);
      return;
    }
    if (frame.t !== 'ping' && this.#links.get(keyOf(link.peer)) === link) sink.frame(link, frame);
  }
}

interface Accepted extends PeerLink {
  readonly socket: FrameSocket;
}

const keyOf = (peer: PeerIdentity): string => `${peer.role} ${peer.name}`;
