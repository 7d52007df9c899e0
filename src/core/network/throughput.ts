import type { HostId, SiteId } from '../base/ids.ts';
import type { RoundTrips } from './round-trips.ts';

/** A measurement that somebody asked for: some round trips, then so many bytes over one connection. */
export interface NetworkTest {
  readonly id: string;
  readonly to: SiteId;
  readonly bytes: number;
}

/** What it came to. Null is not known: by its deadline not everything had arrived. */
export interface NetworkTestResult {
  readonly id: string;
  readonly host: HostId;
  readonly from: SiteId;
  readonly to: SiteId;
  readonly bytes: number;
  readonly trips: RoundTrips | null;
  /** From the first byte to the word of the other end that it has the last. */
  readonly tookMs: number | null;
  /** Why something is not known. */
  readonly problem: string | null;
}

/** No test takes more of a path than this, and no more than one runs from or to a site at a time. */
export const testLimits = { leastBytes: 64 * 1024, mostBytes: 16 * 1024 * 1024, withinMs: 6000 } as const;

/** Megabits a second, to the hundredth; null where it was not measured. */
export function megabitsPerSecond({ bytes, tookMs }: Pick<NetworkTestResult, 'bytes' | 'tookMs'>): number | null {
  if (tookMs === null || tookMs <= 0) return null;
  return Math.round(((bytes * 8) / 1000 / tookMs) * 100) / 100;
}
