import { type BlockHeader, EMPTY_LOG, type LogEnd, lastSequenceOf } from './block.ts';

/** Where each block of a journal is. Blocks are numbered from 0 in order; kept in typed arrays because there are many. */
export class BlockIndex {
  readonly #before: LogEnd;
  #count = 0;
  #last = new Float64Array(1024);
  #epoch = new Float64Array(1024);
  #crc = new Uint32Array(1024);
  #offset = new Uint32Array(1024);
  #bytes = new Uint32Array(1024);
  #segment = new Uint32Array(1024);

  /** `before`: the log's end in front of block 0. */
  constructor(before: LogEnd = EMPTY_LOG) {
    this.#before = before;
  }

  get count(): number {
    return this.#count;
  }

  add(header: BlockHeader, place: { readonly segment: number; readonly offset: number; readonly bytes: number }): void {
    if (this.#count === this.#last.length) this.#grow();
    const at = this.#count++;
    this.#last[at] = lastSequenceOf(header);
    this.#epoch[at] = header.epoch;
    this.#crc[at] = header.crc;
    this.#offset[at] = place.offset;
    this.#bytes[at] = place.bytes;
    this.#segment[at] = place.segment;
  }

  /** Takes all of another index behind its own. */
  append(other: BlockIndex): void {
    for (let at = 0; at < other.#count; at++) {
      if (this.#count === this.#last.length) this.#grow();
      const block = this.#count++;
      this.#last[block] = other.#last[at]!;
      this.#epoch[block] = other.#epoch[at]!;
      this.#crc[block] = other.#crc[at]!;
      this.#offset[block] = other.#offset[at]!;
      this.#bytes[block] = other.#bytes[at]!;
      this.#segment[block] = other.#segment[at]!;
    }
  }

  /** Forgets this block and all after it. */
  truncate(block: number): void {
    this.#count = Math.min(this.#count, block);
  }

  /** The log's end as it is after this block; block −1 is what was in front of all. */
  endAt(block: number): LogEnd {
    if (block < 0) return this.#before;
    return { sequence: this.#last[block]!, epoch: this.#epoch[block]!, crc: this.#crc[block]! };
  }

  place(block: number): { readonly segment: number; readonly offset: number; readonly bytes: number } {
    return { segment: this.#segment[block]!, offset: this.#offset[block]!, bytes: this.#bytes[block]! };
  }

  /** The block that holds this sequence; `count` when it lies beyond the end. */
  blockOf(sequence: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#last[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The last block whose epoch is at most this one; −1 when there is none. */
  lastBlockOfEpochAtMost(epoch: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#epoch[middle]! <= epoch) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #grow(): void {
    const grown = <Column extends Float64Array | Uint32Array>(column: Column, wider: Column): Column => {
      wider.set(column);
      return wider;
    };
    const size = this.#last.length * 2;
    this.#last = grown(this.#last, new Float64Array(size));
    this.#epoch = grown(this.#epoch, new Float64Array(size));
    this.#crc = grown(this.#crc, new Uint32Array(size));
    this.#offset = grown(this.#offset, new Uint32Array(size));
    this.#bytes = grown(this.#bytes, new Uint32Array(size));
    this.#segment = grown(this.#segment, new Uint32Array(size));
  }
}
