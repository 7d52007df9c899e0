import type { ShellClock } from '../../engine/shell.ts';

const monoMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** CLOCK_MONOTONIC, the wall clock, and timers. Longer sleeps than a timer can hold are cut; the shell asks again. */
export const systemClock: ShellClock = {
  monoMs,
  wallMs: () => Date.now(),
  after: (delayMs, then) => {
    // Timers count whole milliseconds of this clock from the one in which they were set; a fraction is rounded so that none is early.
    const now = monoMs();
    const wholeMs = Math.ceil(now + delayMs) - Math.floor(now);
    const timer = setTimeout(then, Math.min(wholeMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
