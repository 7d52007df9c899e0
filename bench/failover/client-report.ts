/** A write that a client was told is done. Milliseconds of the host's monotonic clock. */
export interface Acknowledgement {
  readonly id: number;
  /** Who acknowledged it. */
  readonly place: string;
  readonly sentAtMs: number;
  readonly atMs: number;
}

/** What an independent client kept of its writes, in the order in which it sent them. */
export interface ClientReport {
  readonly sent: number;
  readonly acknowledged: readonly Acknowledgement[];
  /** Ids that were sent and not acknowledged: they may be there. */
  readonly unknown: readonly number[];
}

/** What one client sees of one fault. */
export interface Fault {
  /** On the clock of the acknowledgements. */
  readonly atMs: number;
  /** Who served before, where a success there says nothing; null: its successor has the same name for clients. */
  readonly former: string | null;
}

/**
 * Milliseconds from the fault to the first success; null when there was none. A lab looks for what it is to break first: what was still
 * acknowledged before that gap was acknowledged before the fault.
 */
export function firstSuccessMs({ acknowledged }: ClientReport, { atMs, former }: Fault): number | null {
  const first =
    former === null
      ? endOfLongestGap(acknowledged, atMs)
      : acknowledged.find((each) => each.atMs > atMs && each.place !== former);
  if (first === undefined) return null;
  const last = acknowledged[acknowledged.indexOf(first) - 1];
  return first.atMs - Math.max(atMs, last?.atMs ?? atMs);
}

/** Longest time between two acknowledgements, the later of which came after this moment; null when none did. */
export function longestPauseMs({ acknowledged }: ClientReport, sinceMs: number): number | null {
  const end = endOfLongestGap(acknowledged, sinceMs);
  return end === undefined ? null : gapBefore(acknowledged, acknowledged.indexOf(end));
}

function endOfLongestGap(acknowledged: readonly Acknowledgement[], sinceMs: number): Acknowledgement | undefined {
  let longest: Acknowledgement | undefined;
  let longestMs = Number.NEGATIVE_INFINITY;
  for (const [index, each] of acknowledged.entries()) {
    if (index === 0 || each.atMs <= sinceMs) continue;
    const gapMs = gapBefore(acknowledged, index);
    if (gapMs > longestMs) [longest, longestMs] = [each, gapMs];
  }
  return longest;
}

const gapBefore = (acknowledged: readonly Acknowledgement[], index: number): number =>
  acknowledged[index]!.atMs - acknowledged[index - 1]!.atMs;

/**
 * Writes that somebody else acknowledged although they were sent after the successor's first one: two writers at once. Null where
 * clients cannot tell one from the other.
 * @param reports of every client, inside the failing site and outside
 */
export function staleWrites(reports: readonly ClientReport[], { atMs, former }: Fault): number | null {
  if (former === null) return null;
  const all = reports.flatMap(({ acknowledged }) => acknowledged);
  const successor = all
    .filter((each) => each.atMs > atMs && each.place !== former)
    .reduce((least, each) => Math.min(least, each.atMs), Number.POSITIVE_INFINITY);
  return all.filter((each) => each.place === former && each.sentAtMs > successor).length;
}

/** Acknowledged, and not there afterwards. */
export const missingWrites = (reports: readonly ClientReport[], there: ReadonlySet<number>): number =>
  reports.flatMap(({ acknowledged }) => acknowledged).filter(({ id }) => !there.has(id)).length;
