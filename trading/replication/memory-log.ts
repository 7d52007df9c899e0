import { type Block, blockEnd, blockRecords, EMPTY_LOG, type LogEnd, lastSequenceOf } from '../journal/block.ts';
import { recordText } from '../testing/text-record.ts';
import type { LogView } from './log-view.ts';

/** A log in memory whose written part is lost in a crash and whose durable part is not. */
export class MemoryLog implements LogView {
  readonly first = 1;
  blocks: Block[] = [];
  durable = 0;
  released = 0;

  get end(): LogEnd {
    const last = this.blocks.at(-1);
    return last === undefined ? EMPTY_LOG : blockEnd(last.header);
  }
  endAtOrBelow(sequence: number): LogEnd {
    const block = this.blocks.findLast(({ header }) => lastSequenceOf(header) <= sequence);
    return block === undefined ? EMPTY_LOG : blockEnd(block.header);
  }
  endAt(sequence: number): LogEnd | null {
    const end = this.endAtOrBelow(sequence);
    return end.sequence === sequence ? end : null;
  }
  lastSequenceOfEpochAtMost(epoch: number): number {
    const block = this.blocks.findLast(({ header }) => header.epoch <= epoch);
    return block === undefined ? 0 : lastSequenceOf(block.header);
  }
  cutAfter(sequence: number): void {
    this.blocks = this.blocks.filter(({ header }) => lastSequenceOf(header) <= sequence);
    this.durable = Math.min(this.durable, sequence);
    this.released = Math.min(this.released, sequence);
  }
  /** The text of a text record. */
  entryAt(sequence: number): string | null {
    const block = this.blocks.find(
      ({ header }) => header.firstSequence <= sequence && lastSequenceOf(header) >= sequence,
    );
    const record = block === undefined ? undefined : blockRecords(block)[sequence - block.header.firstSequence];
    return record === undefined ? null : recordText(record);
  }
}
