import type { Lsn } from './lsn.ts';
import type { ServerReport } from './parse.ts';

/** Several times as long as replay waits before it looks again (`wal_retrieve_retry_interval`, 200 ms). */
const STANDS_STILL_MS = 700;

/**
 * Whether a standby without upstream has replayed all that it can. An upstream that was killed may have sent the first pages of a record
 * and not its end: then less is replayed than was received, for ever. Such a record was never acknowledged, since a commit waits for its
 * replay, and the promotion drops it.
 */
export class ReplayEnd {
  #replayed: Lsn | null = null;
  #since = 0;

  /** `nowMs`: when it was reported, on any monotonic clock. */
  reached(
    { replayed, end, replayWaits }: Pick<ServerReport, 'replayed' | 'end' | 'replayWaits'>,
    nowMs: number,
  ): boolean {
    if (replayed === null) return false;
    if (replayed === end) return true;
    if (!replayWaits || replayed !== this.#replayed) {
      this.#replayed = replayWaits ? replayed : null;
      this.#since = nowMs;
      return false;
    }
    return nowMs - this.#since >= STANDS_STILL_MS;
  }
}
