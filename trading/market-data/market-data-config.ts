import { ConfigFile } from '../base/config-file.ts';
import { ConfigNode } from '../load/config-node.ts';
import type { Address } from '../load/line-connection.ts';
import { MARKET_CALENDARS } from '../venue/calendar/market-calendar.ts';
import { clockOf, liveClock } from '../venue/calendar/venue-clock.ts';
import type { MarketFeedConfig } from './market-feed.ts';
import { MarketHours } from './market-hours.ts';

export interface MarketDataConfig {
  readonly instance: string;
  readonly dataDir: string;
  readonly control: Address & { readonly tokenFile: string };
  /** Where subscribers connect. */
  readonly publish: Address;
  readonly venues: readonly MarketFeedConfig[];
}

export const readMarketDataConfig = (file: string): MarketDataConfig => {
  const root = ConfigNode.read(file);
  const control = root.child('control');
  const venues = root.children('venues').map(readVenue);
  if (venues.length === 0) throw root.wrong('venues', 'a list with at least one exchange', []);
  return {
    instance: root.string('instance'),
    dataDir: ConfigFile.read(file).directory('dataDir'),
    control: { ...control.address(), tokenFile: control.path('tokenFile') },
    publish: root.child('publish').address(),
    venues,
  };
};

const readVenue = (node: ConfigNode): MarketFeedConfig => ({
  venue: node.string('name'),
  a: node.child('feedA').address(),
  b: node.child('feedB').address(),
  recovery: node.child('recovery').address(),
  hours: readHours(node.optional('calendar')),
});

/** The same fields as the exchange's own calendar. */
const readHours = (node: ConfigNode | null): MarketHours => {
  if (node === null) return new MarketHours({ calendar: null, clock: liveClock });
  const market = node.string('market');
  const calendar = MARKET_CALENDARS.get(market);
  if (calendar === undefined) throw node.wrong('market', `one of ${[...MARKET_CALENDARS.keys()].join(', ')}`, market);
  const moment = (name: string): string | null => (node.has(name) ? node.string(name) : null);
  const settings = { startsAt: moment('startsAt'), since: moment('since'), speed: node.number('speed', 1) };
  return new MarketHours({ calendar, clock: clockOf(calendar, settings) });
};
