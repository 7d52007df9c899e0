/** Segments that follow each other and are not in an archive; both ends are missing. Without their timeline, as in `0000000000000007`. */
export interface ArchiveGap {
  readonly from: string;
  readonly to: string;
  readonly segments: number;
}

/** Of 16 MB each, which is what PostgreSQL makes unless it was told otherwise when it was first started. */
const segmentsPerLog = 0x100;
/** More are told of as one that is this long at least. */
const lookAtMost = 1 << 20;

/**
 * What is missing between a backup's first segment and the newest one there is: without it nothing later can be restored. A segment counts
 * as there when the backup's timeline or a later one has it, because a new timeline goes on with the number at which the old one ended.
 */
export function archiveGaps(segments: readonly string[], first: string): readonly ArchiveGap[] {
  const timeline = first.slice(0, 8);
  const there = new Set(segments.filter((name) => name.slice(0, 8) >= timeline).map(numberOf));
  const begin = numberOf(first);
  const end = Math.min(Math.max(begin, ...there), begin + lookAtMost);
  const gaps: ArchiveGap[] = [];
  let since: number | null = null;
  for (let number = begin; number <= end + 1; number++) {
    const missing = number <= end && !there.has(number);
    if (missing) since ??= number;
    else if (since !== null) {
      gaps.push({ from: nameOf(since), to: nameOf(number - 1), segments: number - since });
      since = null;
    }
  }
  return gaps;
}

const numberOf = (name: string): number =>
  Number.parseInt(name.slice(8, 16), 16) * segmentsPerLog + Number.parseInt(name.slice(16, 24), 16);

const nameOf = (number: number): string => {
  const word = (value: number) => value.toString(16).toUpperCase().padStart(8, '0');
  return `${word(Math.floor(number / segmentsPerLog))}${word(number % segmentsPerLog)}`;
};
