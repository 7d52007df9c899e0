import type { Phase } from '../core/terms.ts';
import type { MarketCalendar } from './market-calendar.ts';
import { instantOf, localTimeAt } from './zoned-time.ts';

export interface TradingDay {
  /** `YYYY-MM-DD` in the market's own time. */
  readonly date: string;
  readonly kind: 'usual' | 'short' | 'weekend' | 'holiday';
  /** Of the holiday or of the short day; empty otherwise. */
  readonly name: string;
  /** Empty when there is no trading. Ascending; the last is `closed`. */
  readonly phases: readonly { readonly phase: Phase; readonly atMs: number }[];
}

/** What a market is doing at an instant. */
export interface MarketMoment {
  readonly phase: Phase;
  /** The day on the market's own wall calendar. */
  readonly day: TradingDay;
  /** When the next phase begins, and which. */
  readonly next: { readonly phase: Phase; readonly atMs: number };
}

/** Null for a day that the calendar does not know: not a trading day, and not a day without trading either. */
export const tradingDay = (calendar: MarketCalendar, date: string): TradingDay | null => {
  if (date < calendar.from || date > calendar.to) return null;
  const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
  const holiday = calendar.holidays.get(date);
  if (weekday === 0 || weekday === 6) return { date, kind: 'weekend', name: '', phases: [] };
  if (holiday !== undefined) return { date, kind: 'holiday', name: holiday, phases: [] };
  const short = calendar.shortDays.get(date);
  const starts = short === undefined ? calendar.usual : calendar.short;
  const phases = starts.map(({ phase, at }) => {
    const [hours = '', minutes = ''] = at.split(':');
    const minuteOfDay = Number(hours) * 60 + Number(minutes);
    return { phase, atMs: instantOf({ date, minuteOfDay }, calendar.timeZone) };
  });
  return { date, kind: short === undefined ? 'usual' : 'short', name: short ?? '', phases };
};

/** Null when the calendar does not know the day, or none of the days to come. */
export const momentAt = (calendar: MarketCalendar, instantMs: number): MarketMoment | null => {
  const day = tradingDay(calendar, localTimeAt(instantMs, calendar.timeZone).date);
  if (day === null) return null;
  const phase = day.phases.findLast(({ atMs }) => atMs <= instantMs)?.phase ?? 'closed';
  const later = day.phases.find(({ atMs }) => atMs > instantMs);
  const next = later ?? firstAfter(calendar, day.date);
  return next === null ? null : { phase, day, next };
};

const firstAfter = (calendar: MarketCalendar, date: string): TradingDay['phases'][number] | null => {
  let day = tradingDay(calendar, nextDate(date));
  while (day !== null && day.phases.length === 0) day = tradingDay(calendar, nextDate(day.date));
  return day?.phases[0] ?? null;
};

const nextDate = (date: string): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
