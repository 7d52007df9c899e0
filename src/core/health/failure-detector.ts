/**
 * Adaptive silence detector of one observer for one subject: how long may it be silent before that means something?
 * threshold = clamp(mean + 8σ of the gaps between arrivals, floor, ceiling) (Hayashibara et al., accrual detectors; the factor
 * and the clamp are from our own measurements on a loaded machine). Hysteresis: after a silence, `arrivalsToTrust`
 * arrivals within the threshold are needed before the subject counts as alive again.
 */
export interface FailureDetector {
  readonly lastHeardAt: number | null;
  readonly meanGapMs: number;
  readonly gapVariance: number;
  readonly silences: number;
  readonly arrivalsSinceSilence: number;
}

export interface DetectorBounds {
  readonly floorMs: number;
  readonly ceilingMs: number;
}

export type Opinion = 'alive' | 'silent' | 'unknown';

const SIGMAS = 8;
const WEIGHT = 0.1;
const ARRIVALS_TO_TRUST = 3;

export const newDetector = (expectedGapMs: number): FailureDetector => ({
  lastHeardAt: null,
  meanGapMs: expectedGapMs,
  gapVariance: (expectedGapMs / 4) ** 2,
  silences: 0,
  arrivalsSinceSilence: ARRIVALS_TO_TRUST,
});

export function silenceThresholdMs(detector: FailureDetector, bounds: DetectorBounds): number {
  const adaptive = detector.meanGapMs + SIGMAS * Math.sqrt(detector.gapVariance);
  return Math.min(bounds.ceilingMs, Math.max(bounds.floorMs, adaptive));
}

/** Records an arrival at `nowMs` on the observer's monotonic clock. */
export function heard(detector: FailureDetector, nowMs: number, bounds: DetectorBounds): FailureDetector {
  if (detector.lastHeardAt === null)
    return { ...detector, lastHeardAt: nowMs, arrivalsSinceSilence: ARRIVALS_TO_TRUST };
  const gapMs = nowMs - detector.lastHeardAt;
  if (gapMs > silenceThresholdMs(detector, bounds))
    return { ...detector, lastHeardAt: nowMs, silences: detector.silences + 1, arrivalsSinceSilence: 1 };
  const deviation = gapMs - detector.meanGapMs;
  return {
    lastHeardAt: nowMs,
    meanGapMs: detector.meanGapMs + WEIGHT * deviation,
    gapVariance: (1 - WEIGHT) * (detector.gapVariance + WEIGHT * deviation * deviation),
    silences: detector.silences,
    arrivalsSinceSilence: Math.min(ARRIVALS_TO_TRUST, detector.arrivalsSinceSilence + 1),
  };
}

/**
 * The observer itself was stopped (its own clock jumped ahead between two of its ticks): what it did not hear in that
 * time says nothing about the subject. Restarts the window.
 */
export const observerWasAway = (detector: FailureDetector, nowMs: number): FailureDetector =>
  detector.lastHeardAt === null ? detector : { ...detector, lastHeardAt: nowMs };

/** `unknown` until it was heard once: nothing is concluded about what was never seen. */
export function opinion(detector: FailureDetector, nowMs: number, bounds: DetectorBounds): Opinion {
  if (detector.lastHeardAt === null) return 'unknown';
  if (nowMs - detector.lastHeardAt > silenceThresholdMs(detector, bounds)) return 'silent';
  return detector.arrivalsSinceSilence >= ARRIVALS_TO_TRUST ? 'alive' : 'unknown';
}
