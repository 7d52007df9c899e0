import type { Block, BlockHeader } from './block.ts';

/** What is remembered of a block: its header, and where its bytes are. */
interface Place {
  readonly header: BlockHeader;
  readonly start: number;
  readonly length: number;
}

/**
 * The newest blocks, copied into one piece of memory that is written round and round, so that replicas and subscribers that are up to
 * date never cause a disk read. The bytes of a block that it gives are lent: as they are now only until the next block is pushed.
 */
export class RecentBlocks {
  readonly #sizeBytes: number;
  /** Taken with the first block. */
  #memory: Buffer | null = null;
  #places: Place[] = [];
  #head = 0;
  /** Number of the block at `#head`. */
  #first = 0;
  #end = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  push(number: number, block: Block): void {
    const { header, bytes } = block;
    if (this.#first + this.#places.length - this.#head !== number) this.clear(number);
    if (bytes.length > this.#sizeBytes) return this.clear(number + 1);
    this.#memory ??= Buffer.allocUnsafeSlow(this.#sizeBytes);
    const start = this.#end + bytes.length <= this.#sizeBytes ? this.#end : 0;
    if (start === 0) this.#forgetWhile((place) => place.start >= this.#end);
    const end = start + bytes.length;
    this.#forgetWhile((place) => place.start < end && place.start + place.length > start);
    bytes.copy(this.#memory, start);
    this.#places.push({ header, start, length: bytes.length });
    this.#end = end;
    if (this.#head > 4096) {
      this.#places = this.#places.slice(this.#head);
      this.#head = 0;
    }
  }

  get(number: number): Block | null {
    const place = number < this.#first ? undefined : this.#places[number - this.#first + this.#head];
    if (place === undefined) return null;
    return { header: place.header, bytes: this.#memory!.subarray(place.start, place.start + place.length) };
  }

  /** Forgets everything; the next block will have this number. */
  clear(next: number): void {
    this.#places = [];
    this.#head = 0;
    this.#first = next;
    this.#end = 0;
  }

  /** Oldest first. */
  #forgetWhile(isInTheWay: (place: Place) => boolean): void {
    while (this.#head < this.#places.length && isInTheWay(this.#places[this.#head]!)) {
      this.#head += 1;
      this.#first += 1;
    }
  }
}
