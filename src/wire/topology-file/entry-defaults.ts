import { isServedKind } from '../../core/topology/served.ts';
import type { Component, ComponentKind, Probe, ReconciliationPolicy, Timing } from '../../core/topology/topology.ts';
import type { SiteEntry, TopologyFile } from './file-schema.ts';

/** What stands where the file says nothing; docs/reference/topology.md lists the same. */
export const defaultTiming: Timing = {
  leaseRenewEveryMs: 500,
  selfFenceAfterMs: 1500,
  stopWithinMs: 300,
  clockRatePpm: 1000,
  leaseMarginMs: 150,
  reportEveryMs: 500,
  silenceFloorMs: 1250,
  silenceCeilingMs: 2_500,
  leaderRenewEveryMs: 500,
  leaderTimeoutMs: 1500,
  stepDeadlineMs: 3000,
};

/** Positions are whole lots: any difference at all is one. */
export const defaultReconciliation: ReconciliationPolicy = {
  toleranceLots: 0.001,
  alertAboveLots: 100,
  settleMs: 2000,
};

/** The field of the file that each duration is written in. */
export const timingFields: Readonly<Record<keyof Timing, keyof NonNullable<TopologyFile['timing']>>> = {
  leaseRenewEveryMs: 'leaseRenewEvery',
  selfFenceAfterMs: 'selfFenceAfter',
  stopWithinMs: 'stopWithin',
  clockRatePpm: 'clockRate',
  leaseMarginMs: 'leaseMargin',
  reportEveryMs: 'reportEvery',
  silenceFloorMs: 'silenceFloor',
  silenceCeilingMs: 'silenceCeiling',
  leaderRenewEveryMs: 'leaderRenewEvery',
  leaderTimeoutMs: 'leaderTimeout',
  stepDeadlineMs: 'stepDeadline',
};

export const timingOf = (entry: TopologyFile['timing']): Timing =>
  Object.fromEntries(
    (Object.keys(timingFields) as (keyof Timing)[]).map((field) => [
      field,
      entry?.[timingFields[field]] ?? defaultTiming[field],
    ]),
  ) as unknown as Timing;

/** Four depths, as often as each demands; what is only inventory is not looked at. */
export function defaultProbes(kind: ComponentKind): readonly Probe[] {
  if (kind === 'inventory') return [];
  const answerWithinMs = kind === 'postgres' || kind === 'patroni' ? 100 : 1000;
  return [
    { depth: 'process', intervalMs: 1000, timeoutMs: 500, maxLatencyMs: null },
    { depth: 'application', intervalMs: 2000, timeoutMs: 1500, maxLatencyMs: answerWithinMs },
    { depth: 'business', intervalMs: 5000, timeoutMs: 2000, maxLatencyMs: null },
    { depth: 'end-to-end', intervalMs: 10_000, timeoutMs: 5000, maxLatencyMs: null },
  ];
}

/**
 * Whoever writes, or decides what others may, holds a lease. A front only forwards, position keeper and market data only read;
 * Sentinel says which Redis is primary, and Patroni which PostgreSQL.
 */
export function defaultAuthority(kind: ComponentKind): Component['authority'] {
  if (kind === 'redis' || kind === 'patroni') return 'delegated';
  if (isServedKind(kind)) return 'none';
  return kind === 'front' || kind === 'position-keeper' || kind === 'market-data' || kind === 'inventory'
    ? 'none'
    : 'owned';
}

export const defaultGroup = {
  instancePolicy: 'automatic',
  sitePolicy: 'approval',
  coolDownMs: 300_000,
  maxRunsPerCoolDown: 2,
  rejoinPolicy: 'automatic',
  plannedMove: { approval: true, ticket: true, noticeMs: 1_800_000, watchMs: 1_800_000, outsideMarketHours: true },
} as const;

export const canServe = (site: SiteEntry): boolean =>
  site.capabilities.includes('serve') || site.capabilities.includes('standby');

export const btuPerHourPerKw = 3412;

/** Of a `network:` section; without one nothing is measured. */
export const defaultNetwork = {
  everyMs: 500,
  answerWithinMs: 1000,
  windowMs: 60_000,
  raiseAfterMs: 5000,
  clearAfterMs: 30_000,
} as const;

/** Of a `hostChecks:` section; without one nobody looks. */
export const defaultHostChecks = {
  everyMs: 30_000,
  diskFreePercent: { warn: 15, bad: 5 },
  certificateMs: { warn: 30 * 86_400_000, bad: 7 * 86_400_000 },
  clockMs: { warn: 50, bad: 500 },
  memoryFreePercent: { warn: 10, bad: 5 },
  memoryWaitPercent: { warn: 10, bad: 40 },
  loadPerProcessor: { warn: 4, bad: 16 },
} as const;
