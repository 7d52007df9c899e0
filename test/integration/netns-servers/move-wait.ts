import { median } from '../../../bench/measurement.ts';

/** What one client waited for longest in a window with a move, and in one of the same length without, beside it. */
export interface MoveWait {
  readonly movedMs: number;
  readonly stillMs: number;
}

export interface JudgedMoves {
  /** Medians. */
  readonly movedMs: number;
  readonly stillMs: number;
  /** Median of what each move's window had more than the one beside it. */
  readonly addedMs: number;
  /** `inconclusive`: the client waits for longer than the goal where nothing moves. */
  readonly verdict: 'met' | 'MISSED' | 'inconclusive';
}

/** A client that waits now and then anyway waits for a move only what is longer. */
export function judgeMoves(waits: readonly MoveWait[], goalMs: number): JudgedMoves {
  const movedMs = median(waits.map((each) => each.movedMs));
  const stillMs = median(waits.map((each) => each.stillMs));
  const addedMs = median(waits.map((each) => each.movedMs - each.stillMs));
  const verdict = movedMs <= goalMs ? 'met' : stillMs > goalMs ? 'inconclusive' : addedMs <= goalMs ? 'met' : 'MISSED';
  return { movedMs, stillMs, addedMs, verdict };
}
