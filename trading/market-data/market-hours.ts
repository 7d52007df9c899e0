import type { MarketCalendar } from '../venue/calendar/market-calendar.ts';
import { momentAt } from '../venue/calendar/trading-day.ts';
import type { VenueClock } from '../venue/calendar/venue-clock.ts';
import type { MarketPhase } from './market-books.ts';

/**
 * Whether a market trades now, auctions included: by its calendar if there is one, else by what the exchange last said of itself. What neither
 * knows counts as trading: data that nobody knows to be idle has to be fresh.
 */
export class MarketHours {
  readonly #calendar: MarketCalendar | null;
  readonly #clock: VenueClock;
  /** The answer of the calendar, and until when it holds. */
  #known = { trading: true, untilMs: Number.NEGATIVE_INFINITY, fromMs: Number.POSITIVE_INFINITY };

  constructor(options: { readonly calendar: MarketCalendar | null; readonly clock: VenueClock }) {
    this.#calendar = options.calendar;
    this.#clock = options.clock;
  }

  trading(told: MarketPhase | null): boolean {
    if (this.#calendar === null) return told === null || trades(told);
    const now = this.#clock.nowMs();
    if (now < this.#known.fromMs || now >= this.#known.untilMs) {
      const moment = momentAt(this.#calendar, now);
      const untilMs = moment === null ? now + lookAgainMs : moment.next.atMs;
      this.#known = { trading: moment === null || trades(moment.phase), fromMs: now, untilMs };
    }
    return this.#known.trading;
  }
}

const trades = (phase: MarketPhase): boolean => phase !== 'closed' && phase !== 'pre-open';

const lookAgainMs = 60_000;
