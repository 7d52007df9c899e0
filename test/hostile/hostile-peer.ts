import { connect, type Socket } from 'node:net';
import { waitUntil } from '../../trading/testing/wait-until.ts';

/** How a port's messages look, so that hostile ones can be made of good ones. */
export interface Dialect {
  /** Good messages in an order that makes sense, each whole. */
  readonly corpus: readonly Buffer[];
  /** The one whose answer is longest. */
  readonly greedy: Buffer;
  /** Longer than any message may be. */
  readonly oversized: Buffer;
}

export const BEHAVIOURS = [
  'garbage',
  'mutated',
  'out-of-sequence',
  'oversized',
  'torn',
  'byte-by-byte',
  'greedy',
  'silent',
  'half-open',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** What became of a hostile connection. */
export interface Outcome {
  readonly kind: 'cut' | 'refused' | 'answered' | 'left-open';
  /** Codes of the refusals that came. */
  readonly codes: readonly string[];
}

export type Draw = (below: number) => number;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What came back on a connection. */
export interface Heard extends Outcome {
  readonly bytes: number;
  /** Kinds of messages in the answer, as far as they can be told without knowing the protocol. */
  readonly kinds: ReadonlySet<string>;
}

const SOH = String.fromCharCode(1);
const GREEDY_BYTES = 256 * 1024;
/** Nothing new for so long: it was all. */
const QUIET_MS = 250;
/** The same for one session of many, where only what comes at once is of interest. */
const SHORTLY_MS = 30;
const SHORTLY_MOST_MS = 500;
const MOST_MS = 5000;

/** One hostile connection. What it holds open is given back with `close`. */
export class HostilePeer {
  readonly #socket: Socket;
  readonly #received: Buffer[] = [];
  #bytes = 0;
  cut = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes < 1024 * 1024) this.#received.push(chunk);
    });
    socket.on('error', () => socket.destroy());
    socket.on('end', () => {
      this.cut = true;
    });
    socket.on('close', () => {
      this.cut = true;
    });
  }

  static open(options: Address): Promise<HostilePeer> {
    return new Promise((resolve) => {
      const socket = connect({ ...options, noDelay: true, allowHalfOpen: true });
      const peer = new HostilePeer(socket);
      socket.once('connect', () => resolve(peer));
      // Turned away at the door is an answer, too.
      socket.once('close', () => resolve(peer));
    });
  }

  async behave(behaviour: Behaviour, dialect: Dialect, draw: Draw): Promise<Outcome> {
    const { corpus, greedy, oversized } = dialect;
    const any = (): Buffer => corpus[draw(corpus.length)]!;
    switch (behaviour) {
      case 'garbage':
        this.#write(Buffer.from(Array.from({ length: 1 + draw(4096) }, () => draw(256))));
        break;
      case 'mutated':
        for (const message of corpus) this.#write(draw(2) === 0 ? message : mutated(message, draw));
        break;
      case 'out-of-sequence':
        for (let count = 1 + draw(30); count > 0; count--) this.#write(any());
        break;
      case 'oversized':
        this.#write(oversized);
        break;
      case 'torn':
        this.#write(corpus[0]!);
        this.#write(any().subarray(0, 1 + draw(6)));
        this.#socket.resetAndDestroy();
        break;
      case 'byte-by-byte': {
        const message = any();
        for (let at = 0; at < message.length && !this.cut; at++) {
          this.#write(message.subarray(at, at + 1));
          await new Promise((resolve) => setImmediate(resolve));
        }
        break;
      }
      case 'greedy':
        this.#socket.pause();
        for (const message of corpus.slice(0, 1)) this.#write(message);
        for (let sent = 0; sent < GREEDY_BYTES; sent += greedy.length) this.#socket.write(greedy);
        break;
      case 'silent':
        break;
      case 'half-open':
        this.#write(any());
        this.#socket.end();
        break;
    }
    return this.#outcome(QUIET_MS, MOST_MS);
  }

  /** Sends this, hangs up or not, and listens for a moment. */
  async deliver(bytes: Buffer, options: { readonly endsAfter: boolean }): Promise<Heard> {
    this.#write(bytes);
    if (options.endsAfter) this.#socket.end();
    const outcome = await this.#outcome(SHORTLY_MS, SHORTLY_MOST_MS);
    const text = Buffer.concat(this.#received).toString('latin1').replaceAll(SOH, '|');
    const words = text.matchAll(/"t":"([a-z-]+)"|"ok":(true|false)|\|35=(\w+)|\|58=([^|]{0,24})/g);
    const kinds = new Set([...words].map((found) => found.slice(1).join('').replaceAll(/\d/g, '')));
    if (kinds.size === 0 && text.length > 0) kinds.add(`${text.charCodeAt(0)}/${text.charCodeAt(2)}`);
    return { ...outcome, bytes: this.#bytes, kinds };
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Looks for a while at what comes back; it may be nothing. */
  async #outcome(quietMs: number, mostMs: number): Promise<Outcome> {
    let seen = this.#bytes;
    let sinceMs = performance.now();
    const isQuiet = (): boolean => {
      if (seen !== this.#bytes) {
        seen = this.#bytes;
        sinceMs = performance.now();
      }
      return this.cut || performance.now() - sinceMs > quietMs;
    };
    await waitUntil('nothing more comes', isQuiet, mostMs).catch(() => {});
    const text = Buffer.concat(this.#received).toString('latin1');
    const codes = [...text.matchAll(/"code":"([a-zA-Z0-9-]+)"/g)].map((match) => match[1]!);
    if (codes.length > 0) return { kind: 'refused', codes };
    if (this.cut) return { kind: 'cut', codes };
    return { kind: this.#bytes > 0 ? 'answered' : 'left-open', codes };
  }
}

const mutated = (message: Buffer, draw: Draw): Buffer => {
  const bytes = Buffer.from(message);
  for (let count = 1 + draw(4); count > 0; count--) bytes[draw(bytes.length)] = draw(256);
  return draw(5) === 0 ? bytes.subarray(0, draw(bytes.length)) : bytes;
};
