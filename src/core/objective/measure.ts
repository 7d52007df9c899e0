import type { Objective } from '../topology/topology.ts';
import type { RecoveryTimeline, StageFigures } from './recovery-timeline.ts';

/** `inconclusive`: not measured, or measured too coarsely to tell. Never counts as met. */
export type ObjectiveVerdict = 'met' | 'missed' | 'inconclusive';

export interface Measurement {
  /** What was measured, e.g. `rto`, `detect`, `rpo.orders`. */
  readonly name: string;
  readonly unit: 'ms' | 'count';
  /** Null = not measured. */
  readonly value: number | null;
  readonly uncertainty: number | null;
  readonly limit: number | null;
  readonly verdict: ObjectiveVerdict;
  /** Why the verdict is what it is, with the numbers. */
  readonly reason: string;
}

export interface MeasureInput {
  readonly name: string;
  readonly unit: Measurement['unit'];
  readonly value: number | null;
  /** The true value lies within `value ± uncertainty`; null = unknown, which leaves only a value of one clock conclusive. */
  readonly uncertainty: number | null;
  readonly limit: number | null;
  /** Said when there is no value. */
  readonly missing?: string;
}

/** A value at its limit meets it. */
export function measure(input: MeasureInput): Measurement {
  const { name, unit, value, uncertainty, limit } = input;
  const verdict = (of: ObjectiveVerdict, reason: string): Measurement => ({
    name,
    unit,
    value,
    uncertainty,
    limit,
    verdict: of,
    reason,
  });
  const suffix = unit === 'ms' ? ' ms' : '';
  if (value === null || !Number.isFinite(value))
    return { ...verdict('inconclusive', `not measured${input.missing ? `: ${input.missing}` : ''}`), value: null };
  if (limit === null) return verdict('inconclusive', `${value}${suffix}; no objective is stated`);
  if (uncertainty === null)
    return verdict(
      'inconclusive',
      `${value}${suffix} between two clocks whose error is not known; objective ${limit}${suffix}`,
    );
  const range = uncertainty > 0 ? `${value} ± ${uncertainty}${suffix}` : `${value}${suffix}`;
  if (value + uncertainty <= limit) return verdict('met', `${range}, objective ${limit}${suffix}`);
  if (value - uncertainty > limit) return verdict('missed', `${range}, objective ${limit}${suffix}`);
  return verdict('inconclusive', `${range}: the objective of ${limit}${suffix} lies within the uncertainty`);
}

/** The whole recovery and each stage that has an objective of its own; stages without one are left out. */
export function measureRecovery(timeline: RecoveryTimeline, objective: Objective): readonly Measurement[] {
  const { stages } = objective;
  const missing = timeline.problems.join('; ');
  const whole = measure({
    name: 'rto',
    unit: 'ms',
    value: timeline.rtoMs,
    uncertainty: timeline.uncertaintyMs,
    limit: objective.rtoMs,
    missing,
  });
  if (stages === null) return [whole];
  const limitOf = {
    detect: stages.detectMs,
    decide: stages.decideMs,
    execute: stages.executeMs,
    validate: stages.validateMs,
  };
  return [
    whole,
    ...timeline.stages.map((stage) =>
      measure({
        name: stage.name,
        unit: 'ms',
        value: stage.elapsedMs,
        uncertainty: stage.uncertaintyMs,
        limit: limitOf[stage.name],
        ...(stage.problem === null ? {} : { missing: stage.problem }),
      }),
    ),
  ];
}

/** What was counted after a recovery, from a ledger that an independent client keeps (R4). */
export interface LossCount {
  /** What is counted, e.g. `orders`, `commits`. */
  readonly of: string;
  /** Null = nobody counted, so nothing may be claimed. */
  readonly acknowledged: number | null;
  readonly lost: number | null;
  /** Age, when the fault struck, of the oldest acknowledged write that is missing; null when unknown or none is. */
  readonly oldestLostAgeMs: number | null;
}

/** Loss against the RPO. An RPO of zero allows no lost write; a longer one bounds the age of the oldest. */
export function measureLoss(count: LossCount, objective: Pick<Objective, 'rpoMs'>): Measurement {
  const name = `rpo.${count.of}`;
  const { acknowledged, lost } = count;
  if (acknowledged === null || lost === null)
    return measure({
      name,
      unit: 'count',
      value: null,
      uncertainty: 0,
      limit: 0,
      missing: `no ledger counted the ${count.of}`,
    });
  if (acknowledged === 0)
    return {
      ...measure({ name, unit: 'count', value: lost, uncertainty: 0, limit: 0 }),
      verdict: lost > 0 ? 'missed' : 'inconclusive',
      reason: `no ${count.of} were acknowledged, so none could be lost`,
    };
  if (lost === 0 || objective.rpoMs === 0) {
    const counted = measure({ name, unit: 'count', value: lost, uncertainty: 0, limit: 0 });
    return { ...counted, reason: `${lost} of ${acknowledged} acknowledged ${count.of} missing` };
  }
  const byAge = measure({
    name,
    unit: 'ms',
    value: count.oldestLostAgeMs,
    uncertainty: 0,
    limit: objective.rpoMs,
    missing: `${lost} of ${acknowledged} acknowledged ${count.of} are missing and their age is not known`,
  });
  return byAge;
}

/** Whether the stages add up to the whole: false also when any of them is missing. */
export const stagesAddUp = (stages: StageFigures, rtoMs: number | null): boolean =>
  rtoMs !== null &&
  stages.detectMs !== null &&
  stages.decideMs !== null &&
  stages.executeMs !== null &&
  stages.validateMs !== null &&
  stages.detectMs + stages.decideMs + stages.executeMs + stages.validateMs === rtoMs;

/** The worst of several verdicts: one miss is a miss, and a gap is never met. Inconclusive when there are none. */
export function overallVerdict(verdicts: readonly ObjectiveVerdict[]): ObjectiveVerdict {
  if (verdicts.includes('missed')) return 'missed';
  return verdicts.length === 0 || verdicts.includes('inconclusive') ? 'inconclusive' : 'met';
}
