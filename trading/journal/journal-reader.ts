import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Block, LogEnd } from './block.ts';
import { recoveryStart } from './recovery-start.ts';
import { JournalCorrupt, readSegment, SegmentMemory } from './segment-recovery.ts';

export const segmentNames = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => /^segment-\d{16}\.log$/.test(name))
    .sort();

/**
 * Gives the blocks of a journal to `onBlock` in order and changes nothing, also while another process writes it. Ends at the
 * end, or when `onBlock` says `stop`. A block's bytes are there until `onBlock` returns, no longer. Returns the log's end after the last block given. Throws `JournalCorrupt` on damage.
 * With `base` segments in front of the one that holds that end of a block are not read.
 */
export const readJournal = (
  directory: string,
  onBlock: (block: Block) => 'go-on' | 'stop',
  base: LogEnd | null = null,
): LogEnd => {
  const names = segmentNames(directory);
  const start = recoveryStart(directory, names, base);
  let { end } = start;
  let stopped: LogEnd | null = null;
  const memory = new SegmentMemory();
  for (const [at, name] of names.entries()) {
    if (at < start.segment) continue;
    const file = join(directory, name);
    // What is being written right now looks like a torn tail of the last segment.
    const read = readSegment({
      file,
      end,
      isLast: at === names.length - 1,
      memory,
      onBlock: (block) => {
        if (stopped !== null) return;
        const { header } = block;
        if (onBlock(block) === 'stop')
          stopped = { sequence: header.firstSequence + header.count - 1, epoch: header.epoch, crc: header.crc };
      },
    });
    if (stopped !== null) return stopped;
    if (read.end.sequence === end.sequence && at < names.length - 1)
      throw new JournalCorrupt({ file, offset: 0, found: 'a segment without a block, and later ones follow' });
    end = read.end;
  }
  return end;
};
