/** One probe: how long its answer took; null = none came in time. */
export interface Sample {
  readonly sentAt: number;
  readonly rttMs: number | null;
}

/** What the probes of one window came to, in milliseconds. Null is not known, never zero. */
export interface RoundTrips {
  /** Probes whose fate is known: answered, or not in time. */
  readonly sent: number;
  readonly answered: number;
  /** Null: nothing was sent. */
  readonly lossPercent: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** Mean difference between one answered probe and the next. */
  readonly jitterMs: number | null;
  /** At the end of the window, without a pause. */
  readonly lostInARow: number;
}

/** Fewer answers than this say nothing of percentiles. */
export const fewestAnswers = 10;

/** Those of the last `windowMs`, oldest first. */
export const inWindow = (samples: readonly Sample[], now: number, windowMs: number): readonly Sample[] =>
  samples.filter(({ sentAt }) => now - sentAt <= windowMs);

/** @param samples in the order in which they were sent */
export function roundTripsOf(samples: readonly Sample[]): RoundTrips {
  const answers = samples.flatMap(({ rttMs }) => (rttMs === null ? [] : [rttMs]));
  const sorted = answers.toSorted((left, right) => left - right);
  const enough = answers.length >= fewestAnswers;
  const differences = answers.slice(1).map((rttMs, before) => Math.abs(rttMs - answers[before]!));
  const lastAnswered = samples.findLastIndex(({ rttMs }) => rttMs !== null);
  return {
    sent: samples.length,
    answered: answers.length,
    lossPercent: samples.length === 0 ? null : hundredths(((samples.length - answers.length) / samples.length) * 100),
    p50Ms: enough ? percentileOf(sorted, 50) : null,
    p95Ms: enough ? percentileOf(sorted, 95) : null,
    p99Ms: enough ? percentileOf(sorted, 99) : null,
    maxMs: answers.length === 0 ? null : hundredths(sorted.at(-1)!),
    jitterMs: enough ? hundredths(differences.reduce((sum, each) => sum + each, 0) / differences.length) : null,
    lostInARow: samples.length - 1 - lastAnswered,
  };
}

/** Nearest rank: a value that was really measured. */
const percentileOf = (sorted: readonly number[], percentile: number): number =>
  hundredths(sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)]!);

const hundredths = (value: number): number => Math.round(value * 100) / 100;
