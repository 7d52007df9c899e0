import type { Socket } from 'node:net';
import { BINARY_ID_BYTES, LAST_SENT, MESSAGE_BYTES } from './binary-protocol.ts';
import type { ByteSink } from './release-queue.ts';

const SLAB_BYTES = 64 * 1024;
/** A slab that a burst made larger than this is given up after it. */
const KEPT_SLAB_BYTES = 1024 * 1024;
/** Up to so many are copied by words: what turns have that few orders in is seldom otherwise, and what is seldom asked for is slow. */
const BY_WORDS_BYTES = 4096;
const EMPTY: Buffer = Buffer.alloc(0);
const EMPTY_VIEW = new DataView(new ArrayBuffer(0));
/** A client that does not read is cut off when it has more than this waiting. */
const WAITING_LIMIT_BYTES = 32 * 1024 * 1024;

/** One binary connection to the orders port: cuts what comes into messages, and gathers what goes into one write. */
export class BinarySession implements ByteSink {
  readonly #socket: Socket;
  /** What came and was not taken yet: from `#read` on, and then `#behind`. */
  #input: Buffer = EMPTY;
  #view: DataView = EMPTY_VIEW;
  #read = 0;
  #behind: Buffer | null = null;
  #slab: Buffer = EMPTY;
  #slabWords = new Int32Array(0);
  #sent = 0;
  #staged = 0;
  #ended = false;
  /** Set by logon. */
  client: string | null = null;
  /** The client's name as bytes, and how many they are. */
  readonly clientBytes: Buffer = Buffer.alloc(BINARY_ID_BYTES);
  readonly clientView = viewOf(this.clientBytes);
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
  /** The bytes of `input`. */
  get view(): DataView {
    return this.#view;
  }

  /** A message that began in the chunk before is put together by itself: the chunk is not copied for it. */
  receive(chunk: Buffer): void {
    if (this.#ended) return;
    const rest = this.#input.length - this.#read;
    if (this.#behind !== null) this.#behind = Buffer.concat([this.#behind, chunk]);
    else if (rest === 0) this.#show(chunk);
    else {
      const missing = lengthOf(this.#input[this.#read]!) - rest;
      const whole = missing > 0 && missing < chunk.length;
      const head = Buffer.concat([this.#input.subarray(this.#read), whole ? chunk.subarray(0, missing) : chunk]);
      this.#show(head);
      this.#behind = whole ? chunk.subarray(missing) : null;
    }
  }

  /** Length of the message at `at` if all of it is there; 0 when more must come, −1 when it is none. */
  nextLength(): number {
    if (this.#read === this.#input.length) {
      if (this.#behind === null) return 0;
      this.#show(this.#behind);
      this.#behind = null;
    }
    const length = lengthOf(this.#input[this.#read]!);
    if (length === 0) return -1;
    return this.#input.length - this.#read < length ? 0 : length;
  }

  take(length: number): void {
    this.#read += length;
  }

  stage(bytes: Buffer, start: number, length: number, words: Int32Array): void {
    if (this.#staged + length > this.#slab.length) this.#newSlab(length);
    if (length > BY_WORDS_BYTES) {
      this.#staged += bytes.copy(this.#slab, this.#staged, start, start + length);
      return;
    }
    // All messages are whole words.
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
    if (this.#socket.writableLength === 0) this.#reuseSlab();
  }

  hold(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Sends a last message and closes. */
  refuse(message: Buffer): void {
    this.#ended = true;
    this.#show(EMPTY);
    this.#behind = null;
    if (this.#socket.writable) this.#socket.end(message);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #show(input: Buffer): void {
    this.#input = input;
    this.#view = viewOf(input);
    this.#read = 0;
  }

  /** Nothing waits in the socket: the system has taken all that was written, and its place is free. */
  #reuseSlab(): void {
    this.#sent = 0;
    this.#staged = 0;
    if (this.#slab.length > KEPT_SLAB_BYTES) this.#slab = EMPTY;
  }

  /** What was written stays as it is until the system has taken it: here, in a slab that nothing is written to any more. */
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

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Of a message by its first byte; 0 = no such message. */
const lengthOf = (kind: number): number => (kind <= LAST_SENT ? MESSAGE_BYTES[kind]! : 0);
