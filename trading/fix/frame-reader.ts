import { FixMessage } from './fix-message.ts';

export interface FrameReaderOptions {
  /** A message that says it is longer is garbled. Default 64 KiB. */
  readonly maxMessageBytes?: number;
  /** The message is valid during the call. */
  readonly onMessage: (message: FixMessage) => void;
  /** Bytes that are no message: they consume no sequence number (volume 2, "garbled message"). */
  readonly onGarbled: (found: string) => void;
}

const NO_START = 'it does not start with 8=FIX';
const START = Buffer.from('8=FIX');
const SOH = 1;
const ZERO = 48;
const TRAILER_BYTES = 7;
/** `8=FIXT.1.1|9=1234567|` */
const MAX_PREFIX_BYTES = 32;
export const DEFAULT_MAX_MESSAGE_BYTES: number = 64 * 1024;

/** What stands at a place of the stream. A positive number: a whole message of so many bytes. */
const INCOMPLETE = 0;
const GARBLED = -1;

/**
 * Cuts a byte stream, in whatever pieces it arrives, into messages whose first three fields, BodyLength and CheckSum are right. After
 * bytes that are none it goes on at the next `8=FIX`. It holds at most one message that is not yet whole.
 */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #maxMessageBytes: number;
  readonly #message = new FixMessage();
  #rest: Buffer = Buffer.allocUnsafe(0);
  #held = 0;
  /** Since the last whole message, or since noise was told of. */
  #noiseBytes = 0;
  #ended = false;
  #found = '';

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  }

  push(chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#held === 0) {
      const used = this.#scan(chunk, chunk.length);
      this.#hold(chunk, used);
      return;
    }
    this.#append(chunk);
    const used = this.#scan(this.#rest, this.#held);
    if (this.#ended) return;
    this.#rest.copyWithin(0, used, this.#held);
    this.#held -= used;
  }

  /** Ignores everything from now on, also what is left of the chunk being read. */
  end(): void {
    this.#ended = true;
    this.#held = 0;
    this.#rest = Buffer.allocUnsafe(0);
  }

  #scan(bytes: Buffer, length: number): number {
    let at = 0;
    while (at < length) {
      const size = this.#sizeAt(bytes, at, length);
      if (size === INCOMPLETE) return at;
      if (size === GARBLED) {
        const next = nextStart(bytes, at + 1, length);
        this.#noise(next - at);
        at = next;
      } else {
        this.#noiseBytes = 0;
        this.#message.index(bytes, at, at + size);
        at += size;
        this.#options.onMessage(this.#message);
      }
      if (this.#ended) return length;
    }
    return at;
  }

  /** Each start of a message that fails is told of; of what is no start, the first byte and then every so many. */
  #noise(bytes: number): void {
    const first = this.#noiseBytes === 0;
    this.#noiseBytes += bytes;
    if (!first && this.#found === NO_START && this.#noiseBytes <= this.#maxMessageBytes) return;
    this.#noiseBytes = 1;
    this.#options.onGarbled(this.#found);
  }

  #sizeAt(bytes: Buffer, start: number, length: number): number {
    for (let at = 0; at < START.length; at++) {
      if (start + at === length) return INCOMPLETE;
      if (bytes[start + at] !== START[at]) return this.#garbled(NO_START);
    }
    let at = start + START.length;
    const prefixEnd = Math.min(length, start + MAX_PREFIX_BYTES);
    while (at < prefixEnd && bytes[at] !== SOH) at += 1;
    if (at + 2 >= prefixEnd) return this.#unfinished(prefixEnd - start, 'its first field does not end');
    if (bytes[at + 1] !== 57 || bytes[at + 2] !== 61) return this.#garbled('its second field is not BodyLength');
    at += 3;
    const digitsAt = at;
    let bodyBytes = 0;
    while (at < prefixEnd && bytes[at] !== SOH) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) return this.#garbled('its BodyLength is not a number');
      bodyBytes = bodyBytes * 10 + digit;
      at += 1;
    }
    if (at === prefixEnd) return this.#unfinished(prefixEnd - start, 'its BodyLength does not end');
    if (at === digitsAt) return this.#garbled('its BodyLength is empty');
    const body = at + 1;
    const trailer = body + bodyBytes;
    if (trailer + TRAILER_BYTES - start > this.#maxMessageBytes)
      return this.#garbled(`it says that it is longer than ${this.#maxMessageBytes} bytes`);
    if (body + 3 > length) return INCOMPLETE;
    if (bytes[body] !== 51 || bytes[body + 1] !== 53 || bytes[body + 2] !== 61)
      return this.#garbled('its third field is not MsgType');
    if (trailer + TRAILER_BYTES > length) return INCOMPLETE;
    if (
      bytes[trailer - 1] !== SOH ||
      bytes[trailer] !== 49 ||
      bytes[trailer + 1] !== ZERO ||
      bytes[trailer + 2] !== 61 ||
      bytes[trailer + 6] !== SOH
    )
      return this.#garbled('its BodyLength does not lead to its CheckSum');
    const stated =
      (bytes[trailer + 3]! - ZERO) * 100 + (bytes[trailer + 4]! - ZERO) * 10 + (bytes[trailer + 5]! - ZERO);
    const sum = checksum(bytes, start, trailer);
    if (stated !== sum) return this.#garbled(`its CheckSum is not ${String(sum).padStart(3, '0')}`);
    return trailer + TRAILER_BYTES - start;
  }

  #unfinished(seen: number, found: string): number {
    return seen < MAX_PREFIX_BYTES ? INCOMPLETE : this.#garbled(found);
  }

  #garbled(found: string): number {
    this.#found = found;
    return GARBLED;
  }

  #hold(chunk: Buffer, used: number): void {
    if (this.#ended || used === chunk.length) return;
    this.#held = 0;
    this.#append(chunk.subarray(used));
  }

  #append(chunk: Buffer): void {
    const needed = this.#held + chunk.length;
    if (needed > this.#rest.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 4096, this.#rest.length * 2));
      this.#rest.copy(larger, 0, 0, this.#held);
      this.#rest = larger;
    }
    chunk.copy(this.#rest, this.#held);
    this.#held = needed;
  }
}

/** CheckSum (10) of the bytes from `start` to the trailer. */
export const checksum = (bytes: Uint8Array, start: number, end: number): number => {
  let sum = 0;
  for (let at = start; at < end; at++) sum += bytes[at]!;
  return sum & 255;
};

/** Where the next message may begin; a start that is cut off at the end counts. */
const nextStart = (bytes: Buffer, from: number, length: number): number => {
  const at = bytes.indexOf(START, from);
  if (at !== -1 && at + START.length <= length) return at;
  for (let start = Math.max(from, length - START.length + 1); start < length; start++) {
    if (START.subarray(0, length - start).equals(bytes.subarray(start, length))) return start;
  }
  return length;
};
