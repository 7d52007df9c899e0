import type { Venue } from '../src/core/topology/topology.ts';

const beganAt = new Date().toISOString();

/**
 * Of a configuration: the calendar that an exchange keeps, on a clock on which it opened when this lab began, whatever day it is. The
 * same for everybody who is configured by this process.
 */
export const calendarOf = ({ calendar }: Venue): object =>
  calendar === null ? {} : { calendar: { market: calendar, startsAt: 'open', since: beganAt } };
