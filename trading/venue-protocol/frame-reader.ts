import { HEADER_BYTES, MESSAGES, VERSION } from './layout.ts';

export interface FrameHandler {
  /** One whole message whose length is right for its type. Bytes and view are valid during the call only. */
  readonly onFrame: (type: number, bytes: Uint8Array, view: DataView, at: number) => void;
  /** The stream cannot be read any further: nothing more is handed over. */
  readonly onBroken: (code: 'bad-frame' | 'bad-version', type: number) => void;
  /** A message of a type that is not known; its length could be believed, so reading goes on. */
  readonly onUnknown: (type: number) => void;
}

const LENGTH_OF = new Uint16Array(256);
let longest = HEADER_BYTES;
for (const { type, length } of Object.values(MESSAGES)) {
  LENGTH_OF[type] = length;
  longest = Math.max(longest, length);
}
const LONGEST = longest;

/** Cuts a stream of bytes into messages. Whole messages are read where they lie; only one that is split is copied. */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #carry = Buffer.alloc(LONGEST);
  readonly #carryView = new DataView(this.#carry.buffer, this.#carry.byteOffset, LONGEST);
  #carried = 0;
  /** What came and was not looked at, because reading is held. */
  #later: Uint8Array[] = [];
  #held = false;
  #ended = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  push(chunk: Uint8Array): void {
    if (this.#held) this.#later.push(chunk);
    else this.#read(chunk);
  }

  /** Hands over nothing until `go`, also nothing of the chunk being read. What is pushed meanwhile is kept: stop the stream, too. */
  hold(): void {
    this.#held = true;
  }

  go(): void {
    this.#held = false;
    while (this.#later.length > 0 && !this.#held && !this.#ended) this.#read(this.#later.shift()!);
  }

  #read(chunk: Uint8Array): void {
    let at = this.#carried > 0 ? this.#complete(chunk) : 0;
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    while (!this.#ended && !this.#held && chunk.length - at >= HEADER_BYTES) {
      const length = this.#lengthAt(chunk, view, at);
      if (length === 0 || chunk.length - at < length) break;
      this.#hand(chunk, view, at);
      at += length;
    }
    if (this.#ended || at >= chunk.length) return;
    if (this.#held) {
      this.#later.unshift(chunk.subarray(at));
      return;
    }
    this.#carry.set(chunk.subarray(at), 0);
    this.#carried = chunk.length - at;
  }

  /** Hands over nothing more, also not what is left of the chunk being read. */
  end(): void {
    this.#ended = true;
    this.#carried = 0;
    this.#later = [];
  }

  /** Adds to the message that was split, and hands it over when it is whole. Returns how much of the chunk it took. */
  #complete(chunk: Uint8Array): number {
    let taken = 0;
    for (const upTo of [HEADER_BYTES, LONGEST]) {
      if (this.#ended || (this.#carried >= HEADER_BYTES && upTo === HEADER_BYTES)) continue;
      const wanted = upTo === HEADER_BYTES ? HEADER_BYTES : this.#lengthAt(this.#carry, this.#carryView, 0);
      if (wanted === 0) return chunk.length;
      const more = Math.max(0, Math.min(wanted - this.#carried, chunk.length - taken));
      this.#carry.set(chunk.subarray(taken, taken + more), this.#carried);
      this.#carried += more;
      taken += more;
      if (this.#carried < wanted) return chunk.length;
    }
    if (this.#ended) return chunk.length;
    this.#carried = 0;
    this.#hand(this.#carry, this.#carryView, 0);
    return taken;
  }

  /** Length of the message at a place, or 0 when the stream is broken there. */
  #lengthAt(bytes: Uint8Array, view: DataView, at: number): number {
    const length = view.getUint16(at, true);
    const type = bytes[at + 2]!;
    const known = LENGTH_OF[type]!;
    if (length < HEADER_BYTES || length > LONGEST || (known !== 0 && known !== length))
      return this.#break('bad-frame', type);
    if (bytes[at + 3] !== VERSION) return this.#break('bad-version', type);
    return length;
  }

  #hand(bytes: Uint8Array, view: DataView, at: number): void {
    const type = bytes[at + 2]!;
    if (LENGTH_OF[type] === 0) this.#handler.onUnknown(type);
    else this.#handler.onFrame(type, bytes, view, at);
  }

  #break(code: 'bad-frame' | 'bad-version', type: number): 0 {
    this.end();
    this.#handler.onBroken(code, type);
    return 0;
  }
}
