import { connect } from 'node:tls';
import { causeText } from '../../wire/holdfast-error.ts';
import { mustBe, type PeerIdentity, type TlsIdentity } from '../../wire/peer-identity.ts';
import { defaultDiallerTiming, FrameSocket, type LinkTiming } from './frame-socket.ts';
import { notYours, type PeerFrame, parseGreeting, parsePeerFrame, peerProtocol } from './peer-frames.ts';

export interface PeerDialerOptions {
  readonly host: string;
  readonly port: number;
  /** Who must be there. */
  readonly expect: PeerIdentity;
  readonly self: PeerIdentity;
  /** New at each start of this process. */
  readonly boot: string;
  readonly identity: TlsIdentity;
  readonly timing?: LinkTiming;
  readonly sink: PeerDialerSink;
}

export interface PeerDialerSink {
  up(): void;
  /** Once per link that was up. Another attempt follows by itself. */
  down(reason: string): void;
  frame(frame: PeerFrame): void;
  /** An attempt failed before the link was up: unreachable, another peer, refused. */
  unreachable?(reason: string): void;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 1000;

/** One link to one peer that is kept up: dials, greets, notices silence, dials again with growing pauses. */
export class PeerDialer {
  readonly #options: PeerDialerOptions;
  #socket: FrameSocket | null = null;
  #up = false;
  #closed = false;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | null = null;

  constructor(options: PeerDialerOptions) {
    this.#options = options;
    this.#dial();
  }

  get up(): boolean {
    return this.#up;
  }

  get peer(): PeerIdentity {
    return this.#options.expect;
  }

  /** False when the link is down: the frame is not kept. */
  send(frame: PeerFrame): boolean {
    return this.#up && this.#socket?.send(frame) === true;
  }

  /** A frame that was made into one line, with its line feed, for several peers. */
  sendLine(line: string): boolean {
    return this.#up && this.#socket?.sendLine(line) === true;
  }

  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#socket?.end('closed');
  }

  #dial(): void {
    const { host, port, expect, self, boot, identity, timing = defaultDiallerTiming } = this.#options;
    const { ca, cert, key } = identity;
    const socket = connect({
      host,
      port,
      ca,
      cert,
      key,
      minVersion: 'TLSv1.3',
      servername: '',
      checkServerIdentity: mustBe(expect),
    });
    const frames = new FrameSocket(socket, timing, {
      line: (line) => this.#line(frames, line),
      ended: (reason) => this.#ended(frames, reason),
    });
    this.#socket = frames;
    socket.once('secureConnect', () =>
      frames.send({ t: 'hello', versions: peerProtocol.versions, name: self.name, boot }),
    );
  }

  #line(socket: FrameSocket, line: string): void {
    const { expect, sink } = this.#options;
    if (!this.#up) {
      this.#greeted(socket, line);
      return;
    }
    const frame = parsePeerFrame(line);
    const complaint = notYours(expect, frame);
    if (complaint !== null) {
      socket.end(complaint);
      return;
    }
    if (frame.t !== 'ping') sink.frame(frame);
  }

  #greeted(socket: FrameSocket, line: string): void {
    const greeting = parseGreeting(line);
    if (greeting.t === 'refused') {
      socket.end(`refused with ${greeting.code}: ${greeting.reason}`);
      return;
    }
    if (greeting.t !== 'welcome') {
      socket.end('it did not welcome');
      return;
    }
    const known = peerProtocol.versions.some((version) => version === greeting.version);
    if (!known) {
      socket.end(`it speaks version ${greeting.version}`);
      return;
    }
    this.#up = true;
    this.#retryMs = FIRST_RETRY_MS;
    socket.greeted();
    this.#options.sink.up();
  }

  #ended(socket: FrameSocket, reason: string): void {
    if (this.#socket !== socket) return;
    const wasUp = this.#up;
    this.#socket = null;
    this.#up = false;
    if (!this.#closed) {
      this.#retry = setTimeout(() => this.#dialAgain(), this.#retryMs * (0.75 + Math.random() / 2));
      this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS);
    }
    if (wasUp) this.#options.sink.down(reason);
    else this.#options.sink.unreachable?.(reason);
  }

  #dialAgain(): void {
    try {
      this.#dial();
    } catch (cause) {
      this.#options.sink.unreachable?.(causeText(cause));
    }
  }
}
