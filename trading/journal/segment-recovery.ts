import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { CodedError } from '../base/coded-error.ts';
import { type Block, blockEnd, decodeBlock, type LogEnd, MAGIC_BYTES, whyNotNext } from './block.ts';
import { isBlank } from './segment-file.ts';

/** A journal that must not be used: damage in its middle, or less of it than is known to have been safe. */
export class JournalCorrupt extends CodedError {
  readonly file: string;
  readonly offset: number;

  constructor(options: { file: string; offset: number; found: string }) {
    super({
      code: 'HF-7201',
      attempted: `recover the journal from ${options.file}`,
      found: `at offset ${options.offset}: ${options.found}`,
      next: 'keep the directory for examination and rebuild this instance from the primary; do not edit it',
    });
    this.file = options.file;
    this.offset = options.offset;
  }
}

export interface SegmentRead {
  /** Where the last whole block ends. */
  readonly goodBytes: number;
  readonly totalBytes: number;
  /** Something other than zeros follows the good part: a write that did not finish. */
  readonly torn: boolean;
  readonly end: LogEnd;
}

/** More than the longest segment so far, so that a slightly longer one fits as well. */
const SPARE_BYTES = 1024 * 1024;

/** Memory that segments are read into one after the other: the system gives it once, and not again for each of them. */
export class SegmentMemory {
  #bytes: Buffer = Buffer.alloc(0);

  /** All of a file. What was read before is overwritten. */
  read(file: string): Buffer {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      if (size > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(size + SPARE_BYTES);
      let end = 0;
      for (let got = -1; end < size && got !== 0; end += got)
        got = readSync(descriptor, this.#bytes, end, size - end, end);
      return this.#bytes.subarray(0, end);
    } finally {
      closeSync(descriptor);
    }
  }
}

/**
 * Reads the blocks of one segment in order. Returns how many bytes of it are good and the end of the log after them. What
 * follows the good part is a torn tail only when this is the last segment and no whole block follows anywhere in it;
 * otherwise it is damage and throws `JournalCorrupt` with the offset. With `memory` the bytes of a block are there until the next segment is
 * read into it; without, for as long as somebody holds the block.
 */
export const readSegment = (options: {
  readonly file: string;
  readonly end: LogEnd;
  readonly isLast: boolean;
  readonly memory?: SegmentMemory;
  readonly onBlock: (block: Block, offset: number) => void;
}): SegmentRead => {
  const { file, isLast, onBlock } = options;
  const buffer = options.memory?.read(file) ?? readFileSync(file);
  let { end } = options;
  let offset = 0;
  let torn = false;
  while (offset < buffer.length) {
    const block = decodeBlock(buffer, offset);
    if (block === null) {
      if (!isLast) throw new JournalCorrupt({ file, offset, found: 'this block is damaged and later segments follow' });
      if (hasBlockAfter(buffer, offset + 1))
        throw new JournalCorrupt({ file, offset, found: 'this block is damaged and good ones follow' });
      torn = !isBlank(buffer, offset);
      break;
    }
    const refusal = whyNotNext(end, block.header);
    if (refusal !== null) throw new JournalCorrupt({ file, offset, found: `this block is whole but ${refusal}` });
    onBlock(block, offset);
    end = blockEnd(block.header);
    offset += block.bytes.length;
  }
  return { goodBytes: offset, totalBytes: buffer.length, torn, end };
};

const hasBlockAfter = (buffer: Buffer, from: number): boolean => {
  for (let at = buffer.indexOf(MAGIC_BYTES, from); at !== -1; at = buffer.indexOf(MAGIC_BYTES, at + 1)) {
    if (decodeBlock(buffer, at) !== null) return true;
  }
  return false;
};
