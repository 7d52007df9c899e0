import type { StreamEnd, StreamObservation } from '../health/instance-observation.ts';

/** What a former primary of Redis acknowledged and its successor does not have. Bytes of the replication stream. */
export type StreamLoss =
  | { readonly kind: 'none' }
  /** `exact`: both were asked afterwards. Otherwise it was at least as much: the former one was last seen before it stopped. */
  | { readonly kind: 'lost'; readonly bytes: number; readonly exact: boolean }
  /**
   * At most what the former one took in its last milliseconds: when it was asked last, that long before it was seen to have ended, it had
   * nothing that the successor lacks. `keptBytes`: what the successor has of what came after that.
   */
  | { readonly kind: 'bounded'; readonly lastMs: number; readonly keptBytes: number }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Compares the position of a former primary with where its successor left that history. Pings of the replication count as bytes, so
 * `none` is certain where the former one is known to have stopped, and `lost` may be pings only.
 *
 * @param former as it was last seen
 * @param seen `stopped`: it took no writes after that; `endedWithinMs`: it ended at most so long after that
 */
export function lossBetween(
  former: StreamEnd,
  successor: Omit<StreamObservation, 'primary'>,
  seen: { readonly stopped: boolean; readonly endedWithinMs?: number },
): StreamLoss {
  const kept =
    successor.before?.history === former.history
      ? successor.before.offset
      : successor.history === former.history
        ? successor.offset
        : null;
  if (kept === null) return { kind: 'unknown', reason: 'the successor does not come from that history' };
  const bytes = Math.max(0, former.offset - kept);
  if (bytes > 0) return { kind: 'lost', bytes, exact: seen.stopped };
  if (seen.stopped) return { kind: 'none' };
  if (seen.endedWithinMs === undefined)
    return { kind: 'unknown', reason: 'it may have gone on after it was last seen' };
  return { kind: 'bounded', lastMs: seen.endedWithinMs, keptBytes: kept - former.offset };
}
