/** A position in the write-ahead log, in bytes from the start of the cluster. Exact up to 2^53. */
export type Lsn = number;

/** `0/1B820A0` → bytes. Throws on anything else. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not a WAL position`);
  return Number.parseInt(match[1] ?? '', 16) * 2 ** 32 + Number.parseInt(match[2] ?? '', 16);
}

/** Bytes → `0/1B820A0`. */
export const formatLsn = (lsn: Lsn): string =>
  `${Math.floor(lsn / 2 ** 32)
    .toString(16)
    .toUpperCase()}/${(lsn % 2 ** 32).toString(16).toUpperCase()}`;

export interface WalSegment {
  readonly timeline: number;
  /** Running number of the segment; it covers `[number·size, (number+1)·size)`. */
  readonly number: number;
}

/** Parses a file name of pg_wal, also `….partial`; null for anything else. */
export function parseSegmentName(name: string, segmentBytes: number): WalSegment | null {
  const match = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(\.partial)?$/.exec(name);
  if (match === null) return null;
  const perLogFile = 2 ** 32 / segmentBytes;
  return {
    timeline: Number.parseInt(match[1] ?? '', 16),
    number: Number.parseInt(match[2] ?? '', 16) * perLogFile + Number.parseInt(match[3] ?? '', 16),
  };
}

/** The file name of a segment in pg_wal. */
export function segmentName(segment: WalSegment, segmentBytes: number): string {
  const perLogFile = 2 ** 32 / segmentBytes;
  const parts = [segment.timeline, Math.floor(segment.number / perLogFile), segment.number % perLogFile];
  return parts.map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join('');
}

/**
 * The timeline on which a log ends at `end`: the highest one that has the segment of its last byte. Segments beyond it
 * may be recycled ones and say nothing. Null when that segment is not there.
 */
export function timelineAt(end: Lsn, fileNames: readonly string[], segmentBytes: number): number | null {
  const number = Math.floor(Math.max(0, end - 1) / segmentBytes);
  let highest: number | null = null;
  for (const name of fileNames) {
    const segment = parseSegmentName(name, segmentBytes);
    if (segment !== null && segment.number === number && (highest === null || segment.timeline > highest))
      highest = segment.timeline;
  }
  return highest;
}
