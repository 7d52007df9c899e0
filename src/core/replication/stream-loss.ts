import type { StreamEnd, StreamObservation } from '../health/instance-observation.ts';

/** What a former primary of Redis acknowledged and its successor does not have. Bytes of the replication stream. */
export type StreamLoss =
  | { readonly kind: 'none' }
  /** `exact`: both were asked afterwards. Otherwise it was at least as much: the former one was last seen before it stopped. */
  | { readonly kind: 'lost'; readonly bytes: number; readonly exact: boolean }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Compares the position of a former primary with where its successor left that history. Pings of the replication count as bytes, so
 * `none` is certain where the former one is known to have stopped, and `lost` may be pings only.
 *
 * @param former as it was last seen; `stopped`: it took no writes after that
 */
export function lossBetween(
  former: StreamEnd,
  successor: Omit<StreamObservation, 'primary'>,
  seen: { readonly stopped: boolean },
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
  return seen.stopped ? { kind: 'none' } : { kind: 'unknown', reason: 'it may have gone on after it was last seen' };
}
