import type { DurabilityMode } from '../authority/group-record.ts';
import type { ComponentId, Epoch, InstanceId } from '../base/ids.ts';

/** A component entered a durability mode (evidence kind `durability-changed`). */
export interface DurabilityChange {
  readonly component: ComponentId;
  readonly mode: DurabilityMode['kind'];
  /** Members of the acknowledgement set that are gone; empty when strict. */
  readonly lost: readonly InstanceId[];
  readonly atMs: number;
  readonly epoch: Epoch;
  /** Count of writes acknowledged up to now; null = the instance did not say. */
  readonly acknowledged: number | null;
}

/** A stretch in which acknowledged writes had no second copy where the policy wants one. */
export interface ExposureInterval {
  readonly component: ComponentId;
  readonly lost: readonly InstanceId[];
  readonly epoch: Epoch;
  readonly sinceMs: number;
  /** Null = still open. */
  readonly untilMs: number | null;
  /** Up to `untilMs`, or to `nowMs` where it is open. */
  readonly elapsedMs: number;
  /** Acknowledged in this stretch, so lost if the holder had been lost too. Null = not counted, which is not zero. */
  readonly atRisk: number | null;
  readonly endedBy: 'strict' | 'halted' | 'degraded-further' | null;
}

export interface ExposureLedger {
  readonly intervals: readonly ExposureInterval[];
  /** Sum of the stretches; those of different components may overlap in time. */
  readonly totalMs: number;
  /** Null as soon as one stretch was not counted. */
  readonly totalAtRisk: number | null;
}

/** Acknowledged-count of each component now, for stretches that are still open; a component left out is not counted. */
export interface ExposureAsOf {
  readonly nowMs: number;
  readonly acknowledged: Readonly<Record<string, number>>;
}

/**
 * Folds durability changes into the exposure ledger. A change while degraded (another member lost, another epoch) closes
 * the stretch and opens the next, so that each names exactly who was missing.
 */
export function exposureLedger(changes: readonly DurabilityChange[], asOf: ExposureAsOf): ExposureLedger {
  const open = new Map<ComponentId, DurabilityChange>();
  const intervals: ExposureInterval[] = [];
  for (const change of changes.toSorted((left, right) => left.atMs - right.atMs)) {
    const since = open.get(change.component);
    if (since !== undefined) {
      const endedBy = change.mode === 'degraded' ? 'degraded-further' : change.mode;
      intervals.push(interval(since, { untilMs: change.atMs, acknowledged: change.acknowledged, endedBy }));
      open.delete(change.component);
    }
    if (change.mode === 'degraded') open.set(change.component, change);
  }
  for (const since of open.values()) {
    const acknowledged = asOf.acknowledged[since.component] ?? null;
    const running = interval(since, { untilMs: asOf.nowMs, acknowledged, endedBy: null });
    intervals.push({ ...running, untilMs: null });
  }
  intervals.sort((left, right) => left.sinceMs - right.sinceMs);
  return {
    intervals,
    totalMs: intervals.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0),
    totalAtRisk: intervals.reduce<number | null>(
      (sum, { atRisk }) => (sum === null || atRisk === null ? null : sum + atRisk),
      0,
    ),
  };
}

function interval(
  since: DurabilityChange,
  end: {
    readonly untilMs: number;
    readonly acknowledged: number | null;
    readonly endedBy: ExposureInterval['endedBy'];
  },
): ExposureInterval {
  const { component, lost, epoch, atMs, acknowledged } = since;
  const counted = acknowledged !== null && end.acknowledged !== null && end.acknowledged >= acknowledged;
  return {
    component,
    lost,
    epoch,
    sinceMs: atMs,
    untilMs: end.untilMs,
    elapsedMs: Math.max(0, end.untilMs - atMs),
    atRisk: counted && end.acknowledged !== null && acknowledged !== null ? end.acknowledged - acknowledged : null,
    endedBy: end.endedBy,
  };
}
