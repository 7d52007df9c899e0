import { HEADER_BYTES, type MessageLayout, VERSION } from './layout.ts';

/** Messages one after the other, ready to be written to a connection. Grows; is never given back to the collector while it is used. */
export class WireBuffer {
  bytes: Buffer;
  view: DataView;
  end = 0;
  #spare: Buffer | null = null;

  constructor(size = 4096) {
    this.bytes = Buffer.alloc(size);
    this.view = viewOf(this.bytes);
  }

  /** Begins a message: header written, the rest zero. Returns where it begins. */
  begin(layout: MessageLayout): number {
    const at = this.end;
    const end = at + layout.length;
    if (end > this.bytes.length) this.#grow(end);
    // Whole words, which all messages are: for so few bytes quicker than asking the runtime.
    for (let word = at; word < end; word += 8) this.view.setFloat64(word, 0);
    this.view.setUint16(at, layout.length, true);
    this.bytes[at + 2] = layout.type;
    this.bytes[at + 3] = VERSION;
    this.end = end;
    return at;
  }

  /** What was written since it was cleared; the same memory. */
  get staged(): Buffer {
    return this.bytes.subarray(0, this.end);
  }

  clear(): void {
    this.end = 0;
  }

  /** Leaves what is staged, and its memory, to whoever has it, and begins with other memory. */
  handOver(): void {
    const spare = this.#spare;
    this.#spare = null;
    this.bytes = spare === null || spare.length < this.bytes.length ? Buffer.allocUnsafeSlow(this.bytes.length) : spare;
    this.view = viewOf(this.bytes);
    this.end = 0;
  }

  /** Memory that was handed over is needed no longer: the next time it is used again. */
  takeBack(bytes: Buffer): void {
    this.#spare ??= bytes;
  }

  #grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, this.bytes.length * 2, HEADER_BYTES));
    this.bytes.copy(larger, 0, 0, this.end);
    this.bytes = larger;
    this.view = viewOf(larger);
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
