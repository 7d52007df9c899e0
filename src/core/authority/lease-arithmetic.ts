import type { Timing } from '../topology/topology.ts';

/**
 * How long a right to write lasts, seen from both sides (architecture, "Authority and leases").
 *
 * Nobody late: the holder is silent by `sentAt + holderBoundMs` on its own clock, `L = selfFenceAfterMs + stopWithinMs`.
 * Nobody early: a successor waits `successorWaitMs` on its clock from when it saw the renewal that it revoked,
 * `W ≥ L·(1+ρ)/(1−ρ) + marginMs`. It saw the renewal after the holder sent it, so W on any clock within ρ covers L.
 */
export interface LeaseBounds {
  readonly holderBoundMs: number;
  readonly successorWaitMs: number;
}

export function leaseBounds(timing: Timing): LeaseBounds {
  const holderBoundMs = timing.selfFenceAfterMs + timing.stopWithinMs;
  const rate = timing.clockRatePpm / 1_000_000;
  const successorWaitMs = Math.ceil((holderBoundMs * (1 + rate)) / (1 - rate) + timing.leaseMarginMs);
  return { holderBoundMs, successorWaitMs };
}

export interface TimingProblem {
  readonly field: keyof Timing;
  readonly message: string;
}

/** Relations that must hold between the durations. Empty = sound. Called by every process before it does anything. */
export function checkTiming(timing: Timing): readonly TimingProblem[] {
  const problems: TimingProblem[] = [];
  const demand = (holds: boolean, field: keyof Timing, message: string) => {
    if (!holds) problems.push({ field, message });
  };
  for (const [field, value] of Object.entries(timing) as [keyof Timing, number][])
    demand(
      Number.isFinite(value) && value > 0,
      field,
      `${field} must be a positive number of ${field === 'clockRatePpm' ? 'parts per million' : 'milliseconds'}, is ${value}`,
    );
  demand(
    timing.selfFenceAfterMs >= 3 * timing.leaseRenewEveryMs,
    'selfFenceAfterMs',
    `selfFenceAfterMs ${timing.selfFenceAfterMs} must allow three renewals of ${timing.leaseRenewEveryMs} ms: one lost renewal must not stop trading`,
  );
  demand(
    timing.clockRatePpm <= 100_000,
    'clockRatePpm',
    `clockRatePpm ${timing.clockRatePpm} is more than 10 %: no lease arithmetic can be trusted`,
  );
  demand(
    timing.silenceCeilingMs >= timing.silenceFloorMs,
    'silenceCeilingMs',
    `silenceCeilingMs ${timing.silenceCeilingMs} is below silenceFloorMs ${timing.silenceFloorMs}`,
  );
  demand(
    timing.silenceFloorMs >= 2 * timing.reportEveryMs,
    'silenceFloorMs',
    `silenceFloorMs ${timing.silenceFloorMs} must cover two reports of ${timing.reportEveryMs} ms`,
  );
  demand(
    timing.leaderTimeoutMs >= 3 * timing.leaderRenewEveryMs,
    'leaderTimeoutMs',
    `leaderTimeoutMs ${timing.leaderTimeoutMs} must allow three renewals of ${timing.leaderRenewEveryMs} ms`,
  );
  return problems;
}
