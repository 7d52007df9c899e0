import { leaseBounds } from '../../src/core/authority/lease-arithmetic.ts';
import type { Timing, Topology } from '../../src/core/topology/topology.ts';

/**
 * How a lab tells the times of a scenario, which are those of the simulator: everything, the firm's own leases and deadlines
 * included, takes `pace` times as long. Real servers work beside that, where the simulator's need no time: what is waited for
 * gets `ALLOWANCE` times the limit.
 */
export const ALLOWANCE = 3;

/** Milliseconds of a fault, a wait, or a lease. */
export const paced = (ms: number, pace: number): number => Math.round(ms * pace);

/** Within which a condition must come that a scenario gives `ms`. */
export const waitLimitMs = (ms: number, pace: number): number => paced(ms, pace) * ALLOWANCE;

/**
 * What an outage must stay below where a scenario says `ms`. Below the firm's lease bound it says that nobody waited for a lease:
 * the bound is the limit. Above it the bound stays as it is, and the rest, which is work, gets the allowance.
 */
export function outageLimitMs(ms: number, pace: number, leaseBoundMs: number): number {
  const limit = paced(ms, pace);
  return Math.round(limit <= leaseBoundMs ? leaseBoundMs : leaseBoundMs + (limit - leaseBoundMs) * ALLOWANCE);
}

/** How long the firm's successor waits for a lease at least, in this topology. */
export const leaseBoundMs = ({ timing }: Topology): number => leaseBounds(timing).successorWaitMs;

/** The same firm at this pace. */
export function pacedTopology(topology: Topology, pace: number): Topology {
  const { clockRatePpm, ...times } = topology.timing;
  const slow = Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, paced(ms, pace)]));
  return {
    ...topology,
    timing: { ...slow, clockRatePpm } as Timing,
    groups: topology.groups.map((group) => ({ ...group, coolDownMs: paced(group.coolDownMs, pace) })),
  };
}
