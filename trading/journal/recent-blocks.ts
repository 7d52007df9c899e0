import type { Block } from './block.ts';

/** The newest blocks, kept in memory so that replicas and subscribers that are up to date never cause a disk read. */
export class RecentBlocks {
  readonly #limitBytes: number;
  #blocks: Block[] = [];
  #head = 0;
  /** Number of the block at `#head`. */
  #first = 0;
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  push(number: number, block: Block): void {
    if (this.#first + this.#blocks.length - this.#head !== number) this.clear(number);
    this.#blocks.push(block);
    this.#bytes += block.bytes.length;
    while (this.#bytes > this.#limitBytes && this.#head < this.#blocks.length - 1) {
      this.#bytes -= this.#blocks[this.#head]!.bytes.length;
      this.#head += 1;
      this.#first += 1;
    }
    if (this.#head > 4096) {
      this.#blocks = this.#blocks.slice(this.#head);
      this.#head = 0;
    }
  }

  get(number: number): Block | null {
    return this.#blocks[number - this.#first + this.#head] !== undefined && number >= this.#first
      ? this.#blocks[number - this.#first + this.#head]!
      : null;
  }

  /** Forgets everything; the next block will have this number. */
  clear(next: number): void {
    this.#blocks = [];
    this.#head = 0;
    this.#first = next;
    this.#bytes = 0;
  }
}
