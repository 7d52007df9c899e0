import { type Block, readHeader } from './block.ts';

const FIRST_PLACES = 1024;

/**
 * The newest blocks, copied into one piece of memory that is written round and round, so that replicas and subscribers that are up to
 * date never cause a disk read. No object is kept for a block. The bytes of a block that it gives are lent: as they are now only until the
 * next block is pushed.
 */
export class RecentBlocks {
  readonly #sizeBytes: number;
  /** Taken with the first block. */
  #memory: Buffer | null = null;
  /** Where blocks begin and how long they are, at their numbers' lowest bits. */
  #starts = new Int32Array(FIRST_PLACES);
  #lengths = new Int32Array(FIRST_PLACES);
  /** Number of the oldest one. */
  #first = 0;
  #count = 0;
  #end = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  push(number: number, block: Block): void {
    const { bytes } = block;
    if (this.#first + this.#count !== number) this.clear(number);
    if (bytes.length > this.#sizeBytes) return this.clear(number + 1);
    this.#memory ??= Buffer.allocUnsafeSlow(this.#sizeBytes);
    const start = this.#end + bytes.length <= this.#sizeBytes ? this.#end : 0;
    // Blocks lie in the order of their numbers: behind the end of the newest one begins the oldest one.
    if (start === 0) while (this.#count > 0 && this.#oldestStart >= this.#end) this.#forgetOldest();
    const end = start + bytes.length;
    while (this.#count > 0 && this.#oldestStart >= start && this.#oldestStart < end) this.#forgetOldest();
    if (this.#count === this.#starts.length) this.#widen();
    bytes.copy(this.#memory, start);
    const at = number & (this.#starts.length - 1);
    this.#starts[at] = start;
    this.#lengths[at] = bytes.length;
    this.#count += 1;
    this.#end = end;
  }

  get(number: number): Block | null {
    if (number < this.#first || number >= this.#first + this.#count) return null;
    const at = number & (this.#starts.length - 1);
    const start = this.#starts[at]!;
    const bytes = this.#memory!.subarray(start, start + this.#lengths[at]!);
    const header = readHeader(bytes, 0);
    return header === null ? null : { header, bytes };
  }

  /** Forgets everything; the next block will have this number. */
  clear(next: number): void {
    this.#first = next;
    this.#count = 0;
    this.#end = 0;
  }

  get #oldestStart(): number {
    return this.#starts[this.#first & (this.#starts.length - 1)]!;
  }

  #forgetOldest(): void {
    this.#first += 1;
    this.#count -= 1;
  }

  #widen(): void {
    const size = this.#starts.length * 2;
    const [starts, lengths] = [new Int32Array(size), new Int32Array(size)];
    for (let number = this.#first; number < this.#first + this.#count; number++) {
      starts[number & (size - 1)] = this.#starts[number & (size / 2 - 1)]!;
      lengths[number & (size - 1)] = this.#lengths[number & (size / 2 - 1)]!;
    }
    this.#starts = starts;
    this.#lengths = lengths;
  }
}
