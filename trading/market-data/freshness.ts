/** Older than this in market hours, market data is stale. */
export const staleAfterMs = 5000;

export interface Freshness {
  /** Age of the data as a whole; null = there never was any. */
  readonly ageMs: number | null;
  readonly feedAAgeMs: number | null;
  readonly feedBAgeMs: number | null;
  readonly inMarketHours: boolean;
  /** In market hours, and older than what is allowed or not there. */
  readonly stale: boolean;
}

/**
 * The data is as old as the last packet of the feed that spoke last (one comes every second also when nothing happens), and at least as old as
 * what is missing: a book that waits for a lost message is not fresh because later ones came.
 */
export const freshnessOf = (seen: {
  readonly nowMs: number;
  readonly lastOfAMs: number | null;
  readonly lastOfBMs: number | null;
  readonly behindSinceMs: number | null;
  /** A snapshot was taken at some time. */
  readonly hasBooks: boolean;
  readonly inMarketHours: boolean;
}): Freshness => {
  const { nowMs, lastOfAMs, lastOfBMs, behindSinceMs, hasBooks, inMarketHours } = seen;
  const feedAAgeMs = ageOf(lastOfAMs, nowMs);
  const feedBAgeMs = ageOf(lastOfBMs, nowMs);
  const packetAgeMs =
    feedAAgeMs === null || feedBAgeMs === null ? (feedAAgeMs ?? feedBAgeMs) : Math.min(feedAAgeMs, feedBAgeMs);
  const behindMs = behindSinceMs === null ? 0 : Math.max(0, nowMs - behindSinceMs);
  const ageMs = packetAgeMs === null || !hasBooks ? null : Math.round(Math.max(packetAgeMs, behindMs));
  const stale = inMarketHours && (ageMs === null || ageMs > staleAfterMs);
  return { ageMs, feedAAgeMs, feedBAgeMs, inMarketHours, stale };
};

const ageOf = (atMs: number | null, nowMs: number): number | null =>
  atMs === null ? null : Math.max(0, Math.round(nowMs - atMs));
