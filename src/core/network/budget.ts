import type { SiteId } from '../base/ids.ts';
import type { Link, Topology } from '../topology/topology.ts';
import type { RoundTrips } from './round-trips.ts';

/** Which round trips of a window a limit is about; 100 is the longest. */
export const percentiles = [50, 95, 99, 100] as const;
export type Percentile = (typeof percentiles)[number];

/** What a topology asks for between its sites (`network:`). Without it nothing is measured. */
export interface NetworkPolicy {
  /** Between two probes of one path. */
  readonly everyMs: number;
  /** What has not come by then is lost. */
  readonly answerWithinMs: number;
  /** Percentiles are over this long. */
  readonly windowMs: number;
  /** Over a budget without a pause for this long: an alert. Within it for so long: its end. */
  readonly raiseAfterMs: number;
  readonly clearAfterMs: number;
  /** As stated; what links promise comes with them in `budgetsOf`. */
  readonly budgets: readonly Budget[];
}

/** What two sites may take to reach one another, in either direction. */
export interface Budget {
  readonly id: string;
  readonly between: readonly [SiteId, SiteId];
  readonly percentile: Percentile;
  readonly limitMs: number;
  /** Null: no limit. */
  readonly lossPercent: number | null;
  readonly jitterMs: number | null;
  /** Whose traffic it is for; the path is measured once for all classes. */
  readonly trafficClass: string | null;
}

/** A link's round trip is what its topology says, within this and what timers of two machines add. */
const promisedWithin = 1.1;
const promisedAddMs = 1;

/** Every budget of every pair: those stated, and for a pair without one what its preferred link promises. Pairs without link or budget have none. */
export function budgetsOf(topology: Topology): readonly Budget[] {
  const stated = topology.network?.budgets ?? [];
  const promised = preferredLinks(topology)
    .filter(({ between }) => !stated.some((budget) => joins(budget.between, between)))
    .map(
      ({ id, between, rttMs }): Budget => ({
        id: `link-${id}`,
        between,
        percentile: 50,
        limitMs: Math.round((rttMs * promisedWithin + promisedAddMs) * 1000) / 1000,
        lossPercent: 1,
        jitterMs: null,
        trafficClass: null,
      }),
    );
  return [...stated, ...promised];
}

export const joins = (pair: readonly [SiteId, SiteId], [left, right]: readonly [SiteId, SiteId]): boolean =>
  (pair[0] === left && pair[1] === right) || (pair[0] === right && pair[1] === left);

function preferredLinks({ links }: Topology): readonly Link[] {
  const chosen: Link[] = [];
  for (const link of links.toSorted((a, b) => a.priority - b.priority || a.rttMs - b.rttMs))
    if (!chosen.some(({ between }) => joins(between, link.between))) chosen.push(link);
  return chosen;
}

export interface Judgement {
  readonly outcome: 'within' | 'exceeded' | 'unknown';
  /** What exceeds which limit, or why it is not known; empty when within. */
  readonly reasons: readonly string[];
}

/**
 * Whether what was measured is within a budget. Unknown where nothing was measured, where nothing at all came back, or where too few
 * answers came for the percentile; never `within` by lack of answers.
 */
export function judge(budget: Budget, measured: RoundTrips | null): Judgement {
  if (measured === null) return { outcome: 'unknown', reasons: ['not measured'] };
  const { sent, answered, lossPercent, jitterMs } = measured;
  if (sent === 0) return { outcome: 'unknown', reasons: ['no probe was sent yet'] };
  if (answered === 0) return { outcome: 'unknown', reasons: [`none of ${sent} probes was answered in time`] };
  const over: string[] = [];
  const open: string[] = [];
  const compare = (what: string, value: number | null, limit: number | null, unit: string) => {
    if (limit === null) return;
    if (value === null) open.push(`${what} not known from ${answered} answers`);
    else if (value > limit) over.push(`${what} ${value} ${unit}, at most ${limit}`);
  };
  compare(percentileName(budget.percentile), roundTripAt(measured, budget.percentile), budget.limitMs, 'ms');
  compare('loss', lossPercent, budget.lossPercent, '%');
  compare('jitter', jitterMs, budget.jitterMs, 'ms');
  if (over.length > 0) return { outcome: 'exceeded', reasons: over };
  return open.length > 0 ? { outcome: 'unknown', reasons: open } : { outcome: 'within', reasons: [] };
}

export const percentileName = (percentile: Percentile): string => (percentile === 100 ? 'max' : `p${percentile}`);

export function roundTripAt(measured: RoundTrips, percentile: Percentile): number | null {
  switch (percentile) {
    case 50:
      return measured.p50Ms;
    case 95:
      return measured.p95Ms;
    case 99:
      return measured.p99Ms;
    case 100:
      return measured.maxMs;
  }
}
