import type { Socket } from 'node:net';

/** No further request is read while more than this of the answers to earlier ones has not left. */
const MOST_OWED_BYTES = 256 * 1024;
const LOOK_AGAIN_MS = 20;

/**
 * Reads a peer's requests as fast as it takes the answers: whoever asks much and reads little keeps the questions in its own
 * buffers, and what it costs here is bounded by one answer more than the limit.
 */
export class Pace {
  readonly #socket: Socket;
  readonly #owed: () => number;
  readonly #reader: { hold(): void; go(): void };
  /** For answers to leave. */
  #waiting = false;
  /** For whoever answers, until `go`. */
  #busy = false;

  constructor(options: {
    readonly socket: Socket;
    /** Hands over nothing between `hold` and `go`, not even what it has. */
    readonly reader: { hold(): void; go(): void };
    /** What was not written to the socket yet, and will be. */
    readonly owed: () => number;
  }) {
    this.#socket = options.socket;
    this.#reader = options.reader;
    this.#owed = options.owed;
  }

  hold(): void {
    this.#busy = true;
    this.#stop();
  }

  go(): void {
    this.#busy = false;
    this.#goOn();
  }

  /** After each request. */
  look(): void {
    if (this.#waiting || !this.#owesMuch) return;
    this.#waiting = true;
    this.#stop();
    this.#lookAgain();
  }

  get #owesMuch(): boolean {
    return !this.#socket.destroyed && this.#socket.writableLength + this.#owed() > MOST_OWED_BYTES;
  }

  /**
   * When all that was written is gone; what is written in small pieces may go without that being said. Not in the same turn of the
   * event loop: as long as the system takes everything at once, nobody else would have one.
   */
  #lookAgain(): void {
    const look = (): void => {
      if (this.#owesMuch) return this.#lookAgain();
      this.#waiting = false;
      this.#goOn();
    };
    const soon = (): void => {
      clearTimeout(timer);
      this.#socket.off('drain', soon);
      setImmediate(look);
    };
    const timer = setTimeout(soon, LOOK_AGAIN_MS);
    this.#socket.once('drain', soon);
  }

  #stop(): void {
    this.#reader.hold();
    this.#socket.pause();
  }

  #goOn(): void {
    if (this.#busy || this.#waiting || this.#socket.destroyed) return;
    this.#reader.go();
    if (!this.#busy && !this.#waiting) this.#socket.resume();
  }
}
