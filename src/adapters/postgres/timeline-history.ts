import { type Lsn, parseLsn } from './lsn.ts';

/** One line of a `.history` file: this timeline was left at `endedAt`. */
export interface TimelineEnd {
  readonly timeline: number;
  readonly endedAt: Lsn;
}

/** A timeline with the ancestors it came from, oldest first. */
export interface TimelineHistory {
  readonly timeline: number;
  readonly ancestors: readonly TimelineEnd[];
}

/** Parses the content of a `.history` file; comments and blank lines are skipped. */
export function parseTimelineHistory(timeline: number, text: string): TimelineHistory {
  const ancestors: TimelineEnd[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/.exec(line);
    if (match !== null) ancestors.push({ timeline: Number(match[1]), endedAt: parseLsn(match[2] ?? '') });
  }
  return { timeline, ancestors };
}

export type Lineage =
  /**
   * By the histories, everything in the own log is also in the other one's. Two servers promoted from the same position get
   * the same number and equal histories, so from `compareFrom` on the bytes must be compared; null = timeline 1, no need.
   */
  | { readonly kind: 'ancestor'; readonly compareFrom: Lsn | null; readonly compareUntil: Lsn }
  /** The other one is on an older timeline of ours, which we left at `leftAt`; it may still get here (a cascade). */
  | { readonly kind: 'ahead'; readonly leftAt: Lsn }
  /** From `forkedAt` on, the own log holds what the other history does not. */
  | { readonly kind: 'divergent'; readonly forkedAt: Lsn };

/** Compares the own log's end with another server's history. */
export function lineage(own: TimelineHistory, ownEnd: Lsn, other: TimelineHistory): Lineage {
  const ours = [...own.ancestors, { timeline: own.timeline, endedAt: ownEnd }];
  const theirs = [...other.ancestors, { timeline: other.timeline, endedAt: Number.POSITIVE_INFINITY }];
  let commonUntil = 0;
  for (const [index, here] of ours.entries()) {
    const there = theirs[index];
    if (there === undefined || there.timeline !== here.timeline) return { kind: 'divergent', forkedAt: commonUntil };
    if (index === ours.length - 1)
      return there.endedAt >= here.endedAt
        ? { kind: 'ancestor', compareFrom: index === 0 ? null : commonUntil, compareUntil: ownEnd }
        : { kind: 'divergent', forkedAt: there.endedAt };
    if (index === theirs.length - 1) return { kind: 'ahead', leftAt: here.endedAt };
    if (here.endedAt !== there.endedAt) return { kind: 'divergent', forkedAt: Math.min(here.endedAt, there.endedAt) };
    commonUntil = here.endedAt;
  }
  return { kind: 'divergent', forkedAt: commonUntil };
}
