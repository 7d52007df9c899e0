import { type BlockHeader, EMPTY_LOG, type LogEnd, lastSequenceOf } from './block.ts';

const PAGE_BITS = 12;
const PAGE_BLOCKS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_BLOCKS - 1;
/** Of each block: its last sequence, its epoch. */
const NUMBERS = 2;
/** And its checksum, offset, length, and the segment that it is in. */
const WORDS = 4;

interface Page {
  readonly numbers: Float64Array;
  readonly words: Uint32Array;
}

/**
 * Where each block of a journal is. Blocks are numbered from 0 in order; kept in typed arrays because there are many, and by pages:
 * growing takes another one and copies nothing, however many there are.
 */
export class BlockIndex {
  readonly #before: LogEnd;
  readonly #pages: Page[] = [];
  #count = 0;

  /** `before`: the log's end in front of block 0. */
  constructor(before: LogEnd = EMPTY_LOG) {
    this.#before = before;
  }

  get count(): number {
    return this.#count;
  }

  add(header: BlockHeader, place: { readonly segment: number; readonly offset: number; readonly bytes: number }): void {
    const { numbers, words, at } = this.#next();
    numbers[at * NUMBERS] = lastSequenceOf(header);
    numbers[at * NUMBERS + 1] = header.epoch;
    words[at * WORDS] = header.crc;
    words[at * WORDS + 1] = place.offset;
    words[at * WORDS + 2] = place.bytes;
    words[at * WORDS + 3] = place.segment;
  }

  /** Takes all of another index behind its own. */
  append(other: BlockIndex): void {
    for (let block = 0; block < other.#count; block++) {
      const from = other.#pages[block >>> PAGE_BITS]!;
      const place = block & PAGE_MASK;
      const { numbers, words, at } = this.#next();
      for (let each = 0; each < NUMBERS; each++) numbers[at * NUMBERS + each] = from.numbers[place * NUMBERS + each]!;
      for (let each = 0; each < WORDS; each++) words[at * WORDS + each] = from.words[place * WORDS + each]!;
    }
  }

  /** Forgets this block and all after it. */
  truncate(block: number): void {
    this.#count = Math.min(this.#count, block);
  }

  /** The log's end as it is after this block; block −1 is what was in front of all. */
  endAt(block: number): LogEnd {
    if (block < 0) return this.#before;
    const { numbers, words } = this.#pages[block >>> PAGE_BITS]!;
    const at = block & PAGE_MASK;
    return { sequence: numbers[at * NUMBERS]!, epoch: numbers[at * NUMBERS + 1]!, crc: words[at * WORDS]! };
  }

  place(block: number): { readonly segment: number; readonly offset: number; readonly bytes: number } {
    const { words } = this.#pages[block >>> PAGE_BITS]!;
    const at = (block & PAGE_MASK) * WORDS;
    return { segment: words[at + 3]!, offset: words[at + 1]!, bytes: words[at + 2]! };
  }

  /** The block that holds this sequence; `count` when it lies beyond the end. */
  blockOf(sequence: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#number(middle, 0) < sequence) low = middle + 1;
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
      if (this.#number(middle, 1) <= epoch) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #number(block: number, which: 0 | 1): number {
    return this.#pages[block >>> PAGE_BITS]!.numbers[(block & PAGE_MASK) * NUMBERS + which]!;
  }

  /** The page, and the place in it, of a block that is added. */
  #next(): Page & { readonly at: number } {
    const block = this.#count++;
    if (block >>> PAGE_BITS === this.#pages.length) {
      const memory = new ArrayBuffer(PAGE_BLOCKS * (NUMBERS * 8 + WORDS * 4));
      const numbers = new Float64Array(memory, 0, PAGE_BLOCKS * NUMBERS);
      const words = new Uint32Array(memory, numbers.byteLength, PAGE_BLOCKS * WORDS);
      this.#pages.push({ numbers, words });
    }
    const { numbers, words } = this.#pages[block >>> PAGE_BITS]!;
    return { numbers, words, at: block & PAGE_MASK };
  }
}
