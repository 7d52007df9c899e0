import { CodedError } from '../../base/coded-error.ts';
import type { Phase } from '../core/terms.ts';
import type { MarketCalendar } from './market-calendar.ts';
import { type MarketMoment, momentAt } from './trading-day.ts';
import type { VenueClock } from './venue-clock.ts';
import { localTimeAt } from './zoned-time.ts';

/** Longest that is waited at once; timers know no more than 24 days. */
const MOST_WAIT_MS = 3_600_000;

/** Moves an exchange through the phases of a market's calendar. */
export class PhaseDriver {
  readonly #calendar: MarketCalendar;
  readonly #clock: VenueClock;
  readonly #change: (phase: Phase) => void;
  #timer: NodeJS.Timeout | null = null;
  /** On the exchange's clock: up to here all phases were gone through. */
  #atMs = 0;

  constructor(options: {
    readonly calendar: MarketCalendar;
    readonly clock: VenueClock;
    readonly change: (phase: Phase) => void;
  }) {
    this.#calendar = options.calendar;
    this.#clock = options.clock;
    this.#change = options.change;
  }

  /**
   * Brings the exchange to the phase that it is time for. `since`: when it got into the phase it is in, on its own clock, null = never.
   * If that was on another day the day is closed first, so that its orders expire.
   *
   * @throws CodedError HF-7254 when the calendar does not know the day.
   */
  start(since: number | null): void {
    const { timeZone } = this.#calendar;
    const dayOf = (instantMs: number) => localTimeAt(instantMs, timeZone).date;
    if (since !== null && dayOf(since) !== dayOf(this.#clock.nowMs())) this.#change('closed');
    this.#atMs = this.#clock.nowMs();
    this.#change(this.#moment().phase);
    this.#step();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Every phase that has begun since is gone through, also one that was over before it was looked at. */
  #step(): void {
    const now = this.#clock.nowMs();
    let { next } = this.#moment();
    while (next.atMs <= now) {
      this.#atMs = next.atMs;
      this.#change(next.phase);
      next = this.#moment().next;
    }
    const waitMs = Math.min(MOST_WAIT_MS, Math.max(1, Math.ceil((next.atMs - now) / this.#clock.speed)));
    this.#timer = setTimeout(() => this.#stepOrClose(), waitMs);
  }

  #moment(): MarketMoment {
    const moment = momentAt(this.#calendar, this.#atMs);
    if (moment === null) throw this.#unknown(this.#atMs);
    return moment;
  }

  /** A market whose calendar has ended is closed: nobody knows whether it should be open. */
  #stepOrClose(): void {
    try {
      this.#step();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#change('closed');
    }
  }

  #unknown(now: number): CodedError {
    const { market, from, to } = this.#calendar;
    return new CodedError({
      code: 'HF-7254',
      attempted: `find out what ${market} does at ${new Date(now).toISOString()}`,
      found: `its calendar here is known from ${from} to ${to}`,
      next: 'add the days that the exchange announced to trading/venue/calendar/market-calendar.ts, or pin "phase"',
    });
  }
}
