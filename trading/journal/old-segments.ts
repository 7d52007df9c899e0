import { join } from 'node:path';
import { type Block, blockEnd, type LogEnd, lastSequenceOf } from './block.ts';
import { endBefore, firstHeader, firstOf } from './recovery-start.ts';
import { JournalCorrupt, readSegment } from './segment-recovery.ts';

/** Segments held in memory at once: readers that are far behind are few. */
const MOST_HELD = 3;

/**
 * The segments in front of those that a journal read when it was opened. Each is read as a whole, checked, when somebody asks for
 * something in it; what is damaged is then `JournalCorrupt`.
 */
export class OldSegments {
  readonly #directory: string;
  #names: readonly string[] = [];
  /** The log's end behind the last of them. */
  #end: { readonly sequence: number; readonly crc: number } = { sequence: 0, crc: 0 };
  readonly #held = new Map<string, readonly Block[]>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** These, in order; behind them the log goes on after `end`. */
  set(names: readonly string[], end: { readonly sequence: number; readonly crc: number }): void {
    this.#names = names;
    this.#end = end;
    this.#held.clear();
  }

  get count(): number {
    return this.#names.length;
  }

  /** Number of the segment that holds this entry; −1 when it lies in front of them. */
  segmentOf(sequence: number): number {
    return this.#names.findLastIndex((name) => firstOf(name) <= sequence);
  }

  blocks(segment: number): readonly Block[] {
    const name = this.#names[segment]!;
    const held = this.#held.get(name);
    if (held !== undefined) return held;
    const blocks = this.#readWhole(segment);
    if (this.#held.size >= MOST_HELD) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(name, blocks);
    return blocks;
  }

  /** From the one that holds `after + 1`, at least one, up to about `maxBytes`, of one segment. */
  blocksAfter(after: number, maxBytes: number): Block[] {
    const found: Block[] = [];
    let bytes = 0;
    for (const block of this.blocks(this.segmentOf(after + 1))) {
      if (lastSequenceOf(block.header) <= after) continue;
      if (bytes >= maxBytes) break;
      found.push(block);
      bytes += block.bytes.length;
    }
    return found;
  }

  /** End of the last block that ends at or below this sequence; null when there is none. */
  endAtOrBelow(sequence: number): LogEnd | null {
    for (let segment = this.segmentOf(sequence); segment >= 0; segment--) {
      const block = this.blocks(segment).findLast(({ header }) => lastSequenceOf(header) <= sequence);
      if (block !== undefined) return blockEnd(block.header);
    }
    return null;
  }

  /** End of the last block whose epoch is at most this one; null when there is none. */
  endOfEpochAtMost(epoch: number): LogEnd | null {
    for (let segment = this.#names.length - 1; segment >= 0; segment--) {
      const first = firstHeader(join(this.#directory, this.#names[segment]!));
      if (first === null || first.epoch > epoch) continue;
      const block = this.blocks(segment).findLast(({ header }) => header.epoch <= epoch);
      if (block !== undefined) return blockEnd(block.header);
    }
    return null;
  }

  #readWhole(segment: number): readonly Block[] {
    try {
      return this.#read(segment);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      const file = join(this.#directory, this.#names[segment]!);
      throw new JournalCorrupt({ file, offset: 0, found: 'its file is not there, or that of the one behind it' });
    }
  }

  #read(segment: number): readonly Block[] {
    const file = join(this.#directory, this.#names[segment]!);
    const following = this.#names[segment + 1];
    const next = following === undefined ? this.#end : endBefore(this.#directory, following);
    const blocks: Block[] = [];
    const before = endBefore(this.#directory, this.#names[segment]!);
    const read = readSegment({ file, end: before, isLast: false, onBlock: (block) => void blocks.push(block) });
    if (read.end.sequence !== next.sequence || read.end.crc !== next.crc) {
      const found = `it ends at ${read.end.sequence}, and what follows does not follow it but goes on after ${next.sequence}`;
      throw new JournalCorrupt({ file, offset: read.goodBytes, found });
    }
    return blocks;
  }
}
