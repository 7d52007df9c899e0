/**
 * The next whole multiple of `everyMs` on this clock, always later than `now` and never more than `everyMs` away. What is done at
 * regular times is done then: all of it on one host together, so that it wakes the host, and who hears of it, once.
 */
export const nextBeat = (now: number, everyMs: number): number => (Math.floor(now / everyMs) + 1) * everyMs;
