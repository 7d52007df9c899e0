import { CodedError } from '../../base/coded-error.ts';
import { monoNowMs } from '../../base/mono-clock.ts';

/** What time it is at the exchange. */
export interface VenueClock {
  readonly nowMs: () => number;
  /** Milliseconds of the exchange that pass in one of ours. */
  readonly speed: number;
}

export const liveClock: VenueClock = { nowMs: () => Date.now(), speed: 1 };

/** A clock that begins at a moment when it is made, and runs faster (or slower) than ours. */
export const acceleratedClock = (options: { readonly startsAt: string; readonly speed: number }): VenueClock => {
  const startsAtMs = Date.parse(options.startsAt);
  if (Number.isNaN(startsAtMs) || !(options.speed > 0))
    throw new CodedError({
      code: 'HF-7101',
      attempted: 'set the clock of an exchange',
      found: `it cannot start at "${options.startsAt}" and run ${options.speed} times as fast as ours`,
      next: 'give "startsAt" as 2026-11-27T14:25:00Z and a "speed" above 0',
    });
  const madeAtMs = monoNowMs();
  return {
    nowMs: () => Math.floor(startsAtMs + (monoNowMs() - madeAtMs) * options.speed),
    speed: options.speed,
  };
};
