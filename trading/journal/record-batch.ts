import { BLOCK_HEADER_BYTES, type Block, type LogEnd, sealBlock } from './block.ts';

const SLAB_BYTES = 512 * 1024;

/** Room that `reserve` makes unless it is told how much. */
export const MAX_RECORD_BYTES = 1024;
/** Longest record that there can be: a multiple of 8 in two bytes. */
export const LONGEST_RECORD_BYTES = 65_528;

/** A slab that long records made larger than this is given up after them. */
const KEPT_SLAB_BYTES = 4 * SLAB_BYTES;

/**
 * Records on their way into one block, written where the block will lie. The memory is the same for every block, so that none of it is
 * met for the first time with each order: the bytes of a sealed block are lent until the next `reserve`.
 */
export class RecordBatch {
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #end = BLOCK_HEADER_BYTES;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get payloadBytes(): number {
    return this.#end - BLOCK_HEADER_BYTES;
  }

  /** Where `reserve` points into; another one after each `reserve`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Offset at which a record of up to so many bytes may be written. Nothing is taken until `commit`. */
  reserve(recordBytes: number = MAX_RECORD_BYTES): number {
    if (recordBytes > LONGEST_RECORD_BYTES) throw new Error(`a journal record of ${recordBytes} bytes`);
    if (this.#end + recordBytes > this.#bytes.length) this.#newSlab(recordBytes);
    return this.#end;
  }

  /** Takes the record that was written at the reserved offset. */
  commit(recordBytes: number): void {
    this.#end += recordBytes;
    this.#count += 1;
  }

  /** The block of everything taken; the batch is empty after it, and the block's bytes are as they are until the next `reserve`. */
  seal(options: { readonly previous: LogEnd; readonly epoch: number; readonly committed: number }): Block {
    const block = sealBlock(this.#bytes.subarray(0, this.#end), this.#view, {
      previous: options.previous,
      epoch: options.epoch,
      committed: options.committed,
      count: this.#count,
    });
    this.#end = BLOCK_HEADER_BYTES;
    this.#count = 0;
    if (this.#bytes.length > KEPT_SLAB_BYTES) this.#bytes = Buffer.alloc(0);
    return block;
  }

  #newSlab(recordBytes: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, this.#end * 2 + recordBytes));
    this.#bytes.copy(bytes, 0, 0, this.#end);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}
