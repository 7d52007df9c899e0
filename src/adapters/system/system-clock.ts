import type { ShellClock } from '../../engine/shell.ts';

/** CLOCK_MONOTONIC, the wall clock, and timers. Longer sleeps than a timer can hold are cut; the shell asks again. */
export const systemClock: ShellClock = {
  monoMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
  after: (delayMs, then) => {
    const timer = setTimeout(then, Math.min(delayMs, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};
