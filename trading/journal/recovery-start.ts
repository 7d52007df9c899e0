import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError } from '../base/coded-error.ts';
import { BLOCK_HEADER_BYTES, type BlockHeader, EMPTY_LOG, type LogEnd, readHeader } from './block.ts';
import { JournalCorrupt } from './segment-recovery.ts';

/** Where a journal is read from: the number of the first segment read, and the log's end in front of it. */
export interface RecoveryStart {
  readonly segment: number;
  /** Its epoch is 0 where only the block behind it tells of it. */
  readonly end: LogEnd;
}

/** A log's end that is known from elsewhere is not in this journal. */
export class OtherHistory extends Error {}

/** First sequence of a segment, as its name says. */
export const firstOf = (segment: string): number => Number(/^segment-(\d{16})\.log$/.exec(segment)?.[1]);

/**
 * What need not be read when everything up to `base` is known: whole segments in front of the one that holds it. Throws
 * `JournalCorrupt` when something between `base` and the oldest segment is missing.
 */
export const recoveryStart = (directory: string, segments: readonly string[], base: LogEnd | null): RecoveryStart => {
  if (base === null) return { segment: 0, end: EMPTY_LOG };
  const [oldest] = segments;
  if (oldest === undefined) return { segment: 0, end: base };
  const segment = segments.findLastIndex((name) => firstOf(name) <= base.sequence);
  if (segment !== -1) return { segment, end: endBefore(directory, segments[segment]!) };
  const first = firstOf(oldest);
  if (first === base.sequence + 1) return { segment: 0, end: base };
  throw new JournalCorrupt({
    file: join(directory, oldest),
    offset: 0,
    found: `it starts at ${first} where ${base.sequence + 1} is next: what is between is missing, and no checkpoint holds it`,
  });
};

/** What the first block of a segment says of the log in front of it; that block itself is checked when it is read. */
export const endBefore = (directory: string, segment: string): LogEnd => {
  const first = firstOf(segment);
  if (first === 1) return EMPTY_LOG;
  return { sequence: first - 1, epoch: 0, crc: firstHeader(join(directory, segment))?.previousCrc ?? 0 };
};

/** The header at the front of a file, unchecked; null when there is none. */
export const firstHeader = (file: string): BlockHeader | null => {
  const bytes = Buffer.alloc(BLOCK_HEADER_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    return readSync(descriptor, bytes, 0, bytes.length, 0) === bytes.length ? readHeader(bytes, 0) : null;
  } finally {
    closeSync(descriptor);
  }
};

/** Entries that somebody wants to read and that retention has removed. */
export class JournalRemoved extends CodedError {
  /** The first that is there. */
  readonly first: number;

  constructor(options: { readonly wanted: number; readonly first: number }) {
    super({
      code: 'HF-7207',
      attempted: `read the journal from entry ${options.wanted}`,
      found: `entries before ${options.first} were removed by the configured retention`,
      next: 'begin with a snapshot or checkpoint that holds them, and read on from there',
    });
    this.first = options.first;
  }
}
