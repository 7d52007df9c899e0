import { CodedError } from '../../base/coded-error.ts';
import { monoNowMs } from '../../base/mono-clock.ts';
import type { MarketCalendar } from './market-calendar.ts';
import { momentAt } from './trading-day.ts';

/** What time it is at the exchange. */
export interface VenueClock {
  readonly nowMs: () => number;
  /** Milliseconds of the exchange that pass in one of ours. */
  readonly speed: number;
}

export const liveClock: VenueClock = { nowMs: () => Date.now(), speed: 1 };

/** What a configuration says of the time at an exchange. */
export interface ClockSettings {
  /** A moment, or `open`: when the market next opens after `since`. Null = our own time, and the others say nothing. */
  readonly startsAt: string | null;
  /** Our time at which it is that moment there; null = when the clock is made. */
  readonly since: string | null;
  readonly speed: number;
}

/** The clock of an exchange with this calendar. */
export const clockOf = (calendar: MarketCalendar, { startsAt, since, speed }: ClockSettings): VenueClock => {
  if (startsAt === null) return liveClock;
  if (startsAt !== 'open') return acceleratedClock({ startsAt, speed, since });
  const sinceMs = since === null ? Date.now() : Date.parse(since);
  const opening = Number.isNaN(sinceMs) ? null : nextOpening(calendar, sinceMs);
  return acceleratedClock({ startsAt: opening ?? `the next opening of ${calendar.market}`, speed, since });
};

/** A clock on which it is this moment when it is made, or was it at `since`, and that runs faster (or slower) than ours. */
export const acceleratedClock = (options: {
  readonly startsAt: string;
  readonly speed: number;
  readonly since?: string | null;
}): VenueClock => {
  const { speed, since = null } = options;
  const startsAtMs = Date.parse(options.startsAt);
  const agoMs = since === null ? 0 : Date.now() - Date.parse(since);
  if (Number.isNaN(startsAtMs) || Number.isNaN(agoMs) || !(speed > 0))
    throw new CodedError({
      code: 'HF-7101',
      attempted: 'set the clock of an exchange',
      found: `it cannot start at "${options.startsAt}"${since === null ? '' : ` since "${since}"`} and run ${speed} times as fast as ours`,
      next: 'give "startsAt" as 2026-11-27T14:25:00Z or "open", "since" as a moment, and a "speed" above 0',
    });
  const madeAtMs = monoNowMs() - agoMs;
  return { nowMs: () => Math.floor(startsAtMs + (monoNowMs() - madeAtMs) * speed), speed };
};

/** Null when the calendar does not know of one. */
const nextOpening = (calendar: MarketCalendar, afterMs: number): string | null => {
  let moment = momentAt(calendar, afterMs);
  while (moment !== null && moment.next.phase !== 'continuous') moment = momentAt(calendar, moment.next.atMs);
  return moment === null ? null : new Date(moment.next.atMs).toISOString();
};
