import { KNOWN_CALENDARS } from '../market-calendars.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const unknownCalendar: TopologyRule = {
  id: 'unknown-calendar',
  title: 'The days and hours of every exchange that states a calendar are known',
  severity: 'error',
  check: ({ topology }) =>
    topology.venues
      .filter(({ calendar }) => calendar !== null && !KNOWN_CALENDARS.includes(calendar))
      .map(({ id, calendar }) => ({
        path: `venues.${id}.calendar`,
        message: `${id} keeps the calendar of ${calendar}, whose days nobody here knows: its exchange would not start, and market data could not say whether it trades`,
        remedy: `name one of ${KNOWN_CALENDARS.join(', ')}, or leave it out`,
      })),
};
