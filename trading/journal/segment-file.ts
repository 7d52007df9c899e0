import { closeSync, fdatasync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/** Files grow by this much at a time: syncing what only fills allocated space is cheaper than syncing a longer file. */
const STEP_BYTES = 256 * 1024;
const ZEROS = Buffer.alloc(STEP_BYTES);

/** Whether zeros are written ahead of the blocks, for files that are synced, or nothing but the blocks. */
export type Growth = 'ahead' | 'as-written';

interface SegmentPlace {
  readonly bytes: number;
  readonly allocated: number;
  readonly growth: Growth;
}

/** The segment that is being written: blocks one after the other, and zeros behind them up to the end of the file. */
export class SegmentFile {
  readonly descriptor: number;
  readonly #growth: Growth;
  #bytes: number;
  #allocated: number;

  private constructor(descriptor: number, options: SegmentPlace) {
    this.descriptor = descriptor;
    this.#bytes = options.bytes;
    this.#allocated = options.allocated;
    this.#growth = options.growth;
  }

  static create(path: string, growth: Growth): SegmentFile {
    return new SegmentFile(openSync(path, 'w+', 0o600), { bytes: 0, allocated: 0, growth });
  }

  /** Goes on after `bytes`; all that follows up to `allocated` is zero. */
  static resume(path: string, options: SegmentPlace): SegmentFile {
    return new SegmentFile(openSync(path, 'r+'), options);
  }

  /** Where the next block goes. */
  get bytes(): number {
    return this.#bytes;
  }

  write(block: Uint8Array): void {
    const end = this.#bytes + block.length;
    while (this.#growth === 'ahead' && this.#allocated < end)
      this.#allocated += writeSync(this.descriptor, ZEROS, 0, STEP_BYTES, this.#allocated);
    let written = 0;
    while (written < block.length)
      written += writeSync(this.descriptor, block, written, block.length - written, this.#bytes + written);
    this.#bytes = end;
  }

  /** Forgets what lies behind this offset, durably. */
  cutTo(bytes: number): void {
    ftruncateSync(this.descriptor, bytes);
    fsyncSync(this.descriptor);
    this.#bytes = bytes;
    this.#allocated = bytes;
  }

  /** It is full, and nobody waits for it: without zeros it goes to the disk beside the work, and is closed when it is there. */
  finish(onFailure: (error: Error) => void): void {
    if (this.#allocated > this.#bytes) ftruncateSync(this.descriptor, this.#bytes);
    fdatasync(this.descriptor, (error) => {
      this.close();
      if (error !== null) onFailure(error);
    });
  }

  sync(): void {
    fsyncSync(this.descriptor);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** Whether nothing but zeros follows. */
export const isBlank = (buffer: Buffer, from: number): boolean => {
  for (let at = from; at < buffer.length; at += STEP_BYTES) {
    const piece = buffer.subarray(at, at + STEP_BYTES);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) return false;
  }
  return true;
};
