import { HEADER_BYTES, type MessageLayout, VERSION } from './layout.ts';

/** Messages one after the other, ready to be written to a connection. Grows; is never given back to the collector while it is used. */
export class WireBuffer {
  bytes: Buffer;
  view: DataView;
  end = 0;

  constructor(size = 4096) {
    this.bytes = Buffer.alloc(size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  /** Begins a message: header written, the rest zero. Returns where it begins. */
  begin(layout: MessageLayout): number {
    const at = this.end;
    const end = at + layout.length;
    if (end > this.bytes.length) this.#grow(end);
    this.bytes.fill(0, at + 4, end);
    this.view.setUint16(at, layout.length, true);
    this.bytes[at + 2] = layout.type;
    this.bytes[at + 3] = VERSION;
    this.end = end;
    return at;
  }

  clear(): void {
    this.end = 0;
  }

  #grow(needed: number): void {
    const larger = Buffer.alloc(Math.max(needed, this.bytes.length * 2, HEADER_BYTES));
    this.bytes.copy(larger, 0, 0, this.end);
    this.bytes = larger;
    this.view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }
}
