import type { TopologyRule } from '../topology-finding.ts';

export const calendarUnread: TopologyRule = {
  id: 'calendar-unread',
  title: 'Where an exchange states a calendar, somebody can say whether it trades',
  severity: 'warning',
  check: ({ topology }) =>
    topology.components.some(({ kind }) => kind === 'market-data')
      ? []
      : topology.venues
          .filter(({ calendar }) => calendar !== null)
          .map(({ id, calendar }) => ({
            path: `venues.${id}.calendar`,
            message: `${id} keeps the calendar of ${calendar}, and no component of kind market-data follows it: a planned move cannot tell whether it is in trading hours`,
            remedy: 'add a market-data component, or leave the calendar out',
          })),
};
