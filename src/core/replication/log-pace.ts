import { comparePositions, type LogPosition } from '../health/instance-observation.ts';

/** One end of a log and when it was seen to be there: first and last, on the clock of whoever looks. */
export interface LogMark {
  readonly position: LogPosition;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** When a log was where, oldest first, at most `KEPT_MARKS` of them: the older ones lie farther apart. */
export type LogPace = readonly LogMark[];

const KEPT_MARKS = 128;

/**
 * The pace with one more look at it. A log that does not grow only has its last look moved, so that nothing ages while nothing is
 * written. A log that went back (it was rebuilt, or another one) begins anew; a look from before the last one says nothing.
 */
export function looked(pace: LogPace, position: LogPosition, at: number): LogPace {
  const last = pace.at(-1);
  if (last !== undefined && at < last.lastAt) return pace;
  if (last === undefined || comparePositions(position, last.position) < 0)
    return [{ position, firstAt: at, lastAt: at }];
  if (comparePositions(position, last.position) === 0) return [...pace.slice(0, -1), { ...last, lastAt: at }];
  const longer = [...pace, { position, firstAt: at, lastAt: at }];
  if (longer.length <= KEPT_MARKS) return longer;
  const recentFrom = longer.length - KEPT_MARKS / 2;
  return longer.filter((_, index) => index >= recentFrom || index % 2 === 0);
}

/** How long a copy that ends at `reached` is behind a log; `atMostMs` is what can be vouched for, null = no bound is known. */
export interface TimeBehind {
  readonly ms: number;
  readonly atMostMs: number | null;
}

/**
 * How long before the last look the log had grown past `reached`. 0 when it has not. Between two looks the growth counts as even;
 * `atMostMs` counts from the look before. Past the memory of this pace `ms` is the least that it can be. Null: nobody looked yet.
 */
export function timeBehind(pace: LogPace, reached: LogPosition): TimeBehind | null {
  const last = pace.at(-1);
  if (last === undefined) return null;
  if (comparePositions(reached, last.position) >= 0) return { ms: 0, atMostMs: 0 };
  const beyond = pace.findIndex(({ position }) => comparePositions(position, reached) > 0);
  const after = pace[beyond]!;
  const before = pace[beyond - 1];
  if (before === undefined) return { ms: last.lastAt - after.firstAt, atMostMs: null };
  const sameLog = before.position.generation === after.position.generation;
  const grown = after.position.sequence - before.position.sequence;
  const share = sameLog && grown > 0 ? (reached.sequence - before.position.sequence) / grown : 0;
  const passedAt = before.lastAt + Math.min(1, Math.max(0, share)) * (after.firstAt - before.lastAt);
  return { ms: last.lastAt - passedAt, atMostMs: last.lastAt - before.lastAt };
}
