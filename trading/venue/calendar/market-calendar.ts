import type { Phase } from '../core/terms.ts';

/** What begins at a time of the day, in the market's own time. */
export interface PhaseStart {
  readonly phase: Phase;
  /** `HH:MM`. */
  readonly at: string;
}

/** One market's trading days: what no rule can know, and a source for it. */
export interface MarketCalendar {
  readonly market: string;
  readonly title: string;
  readonly timeZone: string;
  /** Days are known from here to there, both included, as `YYYY-MM-DD`. */
  readonly from: string;
  readonly to: string;
  readonly usual: readonly PhaseStart[];
  readonly short: readonly PhaseStart[];
  readonly holidays: ReadonlyMap<string, string>;
  readonly shortDays: ReadonlyMap<string, string>;
  readonly source: string;
}

const XNYS: MarketCalendar = {
  market: 'XNYS',
  title: 'New York Stock Exchange',
  timeZone: 'America/New_York',
  from: '2026-01-01',
  to: '2027-12-31',
  usual: [
    { phase: 'pre-open', at: '06:30' },
    { phase: 'opening-auction', at: '09:28' },
    { phase: 'continuous', at: '09:30' },
    { phase: 'closing-auction', at: '16:00' },
    { phase: 'closed', at: '16:01' },
  ],
  short: [
    { phase: 'pre-open', at: '06:30' },
    { phase: 'opening-auction', at: '09:28' },
    { phase: 'continuous', at: '09:30' },
    { phase: 'closing-auction', at: '13:00' },
    { phase: 'closed', at: '13:01' },
  ],
  holidays: new Map([
    ['2026-01-01', 'New Year’s Day'],
    ['2026-01-19', 'Martin Luther King, Jr. Day'],
    ['2026-02-16', 'Washington’s Birthday'],
    ['2026-04-03', 'Good Friday'],
    ['2026-05-25', 'Memorial Day'],
    ['2026-06-19', 'Juneteenth'],
    ['2026-07-03', 'Independence Day (observed)'],
    ['2026-09-07', 'Labor Day'],
    ['2026-11-26', 'Thanksgiving Day'],
    ['2026-12-25', 'Christmas Day'],
    ['2027-01-01', 'New Year’s Day'],
    ['2027-01-18', 'Martin Luther King, Jr. Day'],
    ['2027-02-15', 'Washington’s Birthday'],
    ['2027-03-26', 'Good Friday'],
    ['2027-05-31', 'Memorial Day'],
    ['2027-06-18', 'Juneteenth (observed)'],
    ['2027-07-05', 'Independence Day (observed)'],
    ['2027-09-06', 'Labor Day'],
    ['2027-11-25', 'Thanksgiving Day'],
    ['2027-12-24', 'Christmas Day (observed)'],
  ]),
  shortDays: new Map([
    ['2026-11-27', 'day after Thanksgiving'],
    ['2026-12-24', 'Christmas Eve'],
    ['2027-11-26', 'day after Thanksgiving'],
  ]),
  source:
    'NYSE Group, holiday and early closings calendar 2025–2027 (8 November 2024) and 2026–2028 (23 December 2025)',
};

const XLON: MarketCalendar = {
  market: 'XLON',
  title: 'London Stock Exchange',
  timeZone: 'Europe/London',
  from: '2026-01-01',
  to: '2027-12-31',
  usual: [
    { phase: 'pre-open', at: '05:05' },
    { phase: 'opening-auction', at: '07:50' },
    { phase: 'continuous', at: '08:00' },
    { phase: 'closing-auction', at: '16:30' },
    { phase: 'closed', at: '16:35' },
  ],
  short: [
    { phase: 'pre-open', at: '05:05' },
    { phase: 'opening-auction', at: '07:50' },
    { phase: 'continuous', at: '08:00' },
    { phase: 'closing-auction', at: '12:30' },
    { phase: 'closed', at: '12:35' },
  ],
  holidays: new Map([
    ['2026-01-01', 'New Year’s Day'],
    ['2026-04-03', 'Good Friday'],
    ['2026-04-06', 'Easter Monday'],
    ['2026-05-04', 'Early May bank holiday'],
    ['2026-05-25', 'Spring bank holiday'],
    ['2026-08-31', 'Summer bank holiday'],
    ['2026-12-25', 'Christmas Day'],
    ['2026-12-28', 'Boxing Day (substitute)'],
    ['2027-01-01', 'New Year’s Day'],
    ['2027-03-26', 'Good Friday'],
    ['2027-03-29', 'Easter Monday'],
    ['2027-05-03', 'Early May bank holiday'],
    ['2027-05-31', 'Spring bank holiday'],
    ['2027-08-30', 'Summer bank holiday'],
    ['2027-12-27', 'Christmas Day (substitute)'],
    ['2027-12-28', 'Boxing Day (substitute)'],
  ]),
  shortDays: new Map([
    ['2026-12-24', 'Christmas Eve'],
    ['2026-12-31', 'New Year’s Eve'],
    ['2027-12-24', 'last trading day before Christmas'],
    ['2027-12-31', 'New Year’s Eve'],
  ]),
  source:
    'bank holidays of England and Wales; London Stock Exchange, business days (closing begins at 12:30 on short days)',
};

export const MARKET_CALENDARS: ReadonlyMap<string, MarketCalendar> = new Map(
  [XNYS, XLON].map((calendar) => [calendar.market, calendar]),
);
