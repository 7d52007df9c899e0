import type { Socket } from 'node:net';
import { BINARY_ID_BYTES, LAST_SENT, MESSAGE_BYTES } from './binary-protocol.ts';
import type { ByteSink } from './release-queue.ts';

const SLAB_BYTES = 64 * 1024;
/** A client that does not read is cut off when it has more than this waiting. */
const WAITING_LIMIT_BYTES = 32 * 1024 * 1024;

/** One binary connection to the orders port: cuts what comes into messages, and gathers what goes into one write. */
export class BinarySession implements ByteSink {
  readonly #socket: Socket;
  /** What came and was not taken yet, from `#read` on. */
  #input: Buffer = Buffer.alloc(0);
  #read = 0;
  #slab: Buffer = Buffer.alloc(0);
  #slabWords = new Int32Array(0);
  #sent = 0;
  #staged = 0;
  #ended = false;
  /** Set by logon. */
  client: string | null = null;
  /** The client's name as bytes, and how many they are. */
  readonly clientBytes: Buffer = Buffer.alloc(BINARY_ID_BYTES);
  clientLength = 0;
  /** The client's number among the texts of the state; −1 while it is not known there. */
  clientNumber = -1;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get receiver(): ByteSink {
    return this;
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  /** What came; the message to take next begins at `at`. */
  get input(): Buffer {
    return this.#input;
  }
  get at(): number {
    return this.#read;
  }

  receive(chunk: Buffer): void {
    if (this.#ended) return;
    const rest = this.#input.length - this.#read;
    this.#input = rest === 0 ? chunk : Buffer.concat([this.#input.subarray(this.#read), chunk]);
    this.#read = 0;
  }

  /** Length of the message at `at` if all of it is there; 0 when more must come, −1 when it is none. */
  nextLength(): number {
    const here = this.#input.length - this.#read;
    if (here === 0) return 0;
    const kind = this.#input[this.#read]!;
    const length = kind <= LAST_SENT ? MESSAGE_BYTES[kind]! : 0;
    if (length === 0) return -1;
    return here < length ? 0 : length;
  }

  take(length: number): void {
    this.#read += length;
  }

  stage(_bytes: Buffer, start: number, length: number, words: Int32Array): void {
    if (this.#staged + length > this.#slab.length) this.#newSlab(length);
    // Word by word: for so few bytes quicker than asking the runtime. All messages are whole words.
    const slab = this.#slabWords;
    const to = this.#staged >>> 2;
    const from = start >>> 2;
    for (let word = (length >>> 2) - 1; word >= 0; word--) slab[to + word] = words[from + word]!;
    this.#staged += length;
  }

  unstage(): void {
    this.#staged = this.#sent;
  }

  flush(): void {
    if (this.#staged === this.#sent) return;
    const bytes = this.#slab.subarray(this.#sent, this.#staged);
    this.#sent = this.#staged;
    if (!this.#socket.writable) return;
    if (this.#socket.writableLength > WAITING_LIMIT_BYTES) this.#socket.destroy();
    else this.#socket.write(bytes);
  }

  hold(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Sends a last message and closes. */
  refuse(message: Buffer): void {
    this.#ended = true;
    this.#input = Buffer.alloc(0);
    this.#read = 0;
    if (this.#socket.writable) this.#socket.end(message);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** What was written stays as it is until the system has taken it: a slab is never written twice. */
  #newSlab(length: number): void {
    const staged = this.#slab.subarray(this.#sent, this.#staged);
    const slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (staged.length + length)));
    staged.copy(slab);
    this.#slab = slab;
    this.#slabWords = new Int32Array(slab.buffer, slab.byteOffset, slab.length >>> 2);
    this.#sent = 0;
    this.#staged = staged.length;
  }
}
