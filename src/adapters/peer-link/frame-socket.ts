import type { TLSSocket } from 'node:tls';
import { causeText } from '../../wire/holdfast-error.ts';
import { LineFrames } from '../../wire/line-frames.ts';
import { onBeat } from '../system/shared-beat.ts';
import { peerProtocol } from './peer-frames.ts';

export interface LinkTiming {
  /** A ping is sent when nothing else was sent for this long. */
  readonly pingEveryMs: number;
  /** Nothing heard for this long: the link counts as lost, whatever TCP thinks. */
  readonly silenceMs: number;
  /** From dialling or accepting to the greeting being complete. */
  readonly greetWithinMs: number;
}

/** What the dialler says is what a listener judges it by; the listener has nothing to say but that it is there. */
export const defaultListenerTiming: LinkTiming = { pingEveryMs: 2000, silenceMs: 2500, greetWithinMs: 2000 };
export const defaultDiallerTiming: LinkTiming = { pingEveryMs: 1000, silenceMs: 5000, greetWithinMs: 2000 };

/** A link is looked at this often, or as often as it pings if that is more. */
const LOOK_AT_LEAST_EVERY_MS = 1000;

export interface FrameSocketSink {
  line(line: string): void;
  /** Once; nothing follows. */
  ended(reason: string): void;
}

/** What a peer does not read piles up to here, then the link is given up: a stuck peer must not cost memory. */
const MAX_UNREAD_BYTES = 1024 * 1024;
const PING = '{"t":"ping"}\n';

/**
 * Lines over one TLS connection, with signs of life both ways. Silence counts only while this process itself was running: after a
 * pause of its own the count starts again.
 */
export class FrameSocket {
  readonly #socket: TLSSocket;
  readonly #timing: LinkTiming;
  readonly #sink: FrameSocketSink;
  readonly #frames = new LineFrames({ maxLength: peerProtocol.maxFrameLength });
  readonly #lookEveryMs: number;
  readonly #endBeat: () => void;
  #greeted = false;
  #ended = false;
  readonly #openedAt = performance.now();
  #heardAt = this.#openedAt;
  #sentAt = this.#openedAt;
  #beatAt = this.#openedAt;

  constructor(socket: TLSSocket, timing: LinkTiming, sink: FrameSocketSink) {
    this.#socket = socket;
    this.#timing = timing;
    this.#sink = sink;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#received(text));
    socket.on('error', (cause) => this.end(cause.message));
    socket.on('close', () => this.end('the other side closed the connection'));
    this.#lookEveryMs = Math.min(LOOK_AT_LEAST_EVERY_MS, timing.pingEveryMs);
    this.#endBeat = onBeat(this.#lookEveryMs, () => this.#check());
  }

  /** The greeting is complete: from now on pings are sent and silence ends the link. */
  greeted(): void {
    this.#greeted = true;
    this.#heardAt = performance.now();
  }

  /** False when the link is not there any more. */
  send(frame: object): boolean {
    return this.#write(`${JSON.stringify(frame)}\n`);
  }

  /** A line that was made into text before, with its line feed. */
  sendLine(line: string): boolean {
    return this.#write(line);
  }

  end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endBeat();
    this.#socket.destroy();
    this.#sink.ended(reason);
  }

  /** Says one last thing first. */
  refuse(code: string, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endBeat();
    this.#socket.end(`${JSON.stringify({ t: 'refused', code, reason })}\n`);
    setTimeout(() => this.#socket.destroy(), 200).unref();
    this.#sink.ended(`refused: ${reason}`);
  }

  #write(line: string): boolean {
    if (this.#ended) return false;
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.end(`the peer left ${MAX_UNREAD_BYTES} bytes unread`);
      return false;
    }
    this.#sentAt = performance.now();
    this.#socket.write(line);
    return true;
  }

  #received(text: string): void {
    this.#heardAt = performance.now();
    try {
      for (const line of this.#frames.push(text)) {
        if (this.#ended) return;
        this.#sink.line(line);
      }
    } catch (cause) {
      this.end(`unreadable frame: ${causeText(cause)}`);
    }
  }

  #check(): void {
    const { pingEveryMs, silenceMs, greetWithinMs } = this.#timing;
    const now = performance.now();
    const lateMs = now - this.#beatAt - this.#lookEveryMs;
    this.#beatAt = now;
    if (!this.#greeted) {
      if (now - this.#openedAt >= greetWithinMs) this.end(`no greeting within ${greetWithinMs} ms`);
      return;
    }
    if (lateMs > silenceMs / 2) this.#heardAt = now;
    if (now - this.#heardAt >= silenceMs) this.end(`nothing heard for ${Math.round(now - this.#heardAt)} ms`);
    else if (now - this.#sentAt >= pingEveryMs * 0.9) this.#write(PING);
  }
}
