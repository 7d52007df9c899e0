/**
 * Outage as a client sees it: from the last success to the first success of a *sustained* second of successes. A service
 * that answers a few requests and falls silent again has not recovered, so flapping counts as one interruption.
 *
 * Times are milliseconds on one monotonic clock and must not go backwards. Memory grows with interruptions and with
 * seconds observed, not with successes.
 */
export interface OutageRules {
  /** Successes must go on for this long before service counts as restored. */
  readonly sustainedMs: number;
  /** A longer pause between two successes is an interruption. */
  readonly maxGapMs: number;
}

export const defaultOutageRules: OutageRules = { sustainedMs: 1000, maxGapMs: 100 };

export interface Interruption {
  readonly lastSuccessAt: number;
  readonly firstSuccessAt: number;
  readonly outageMs: number;
}

/**
 * `served`: no gap above `maxGapMs`; the outage is the longest gap that there was. `interrupted`: service went away and came
 * back for good. `settling`: successes again, but not yet for a sustained second: ask again. `ongoing`: no service now.
 * `no-service-before`: nothing sustained was seen before the window, so there is nothing to measure from.
 */
export type OutageState = 'served' | 'interrupted' | 'settling' | 'ongoing' | 'no-service-before';

export interface OutageMeasurement {
  readonly state: OutageState;
  /** Longest interruption inside the window; null while it is not over or cannot be told. */
  readonly outageMs: number | null;
  readonly lastSuccessAt: number | null;
  readonly firstSuccessAt: number | null;
  /** Every interruption that overlaps the window, in order. */
  readonly interruptions: readonly Interruption[];
}

interface ServedRun {
  readonly startAt: number;
  endAt: number;
}

interface LongestGap {
  readonly bucket: number;
  fromAt: number;
  toAt: number;
}

const bucketMs = 200;

export class OutageMeter {
  readonly #rules: OutageRules;
  readonly #runs: ServedRun[] = [];
  readonly #gaps: LongestGap[] = [];
  #pausedInService = false;

  constructor(rules: OutageRules = defaultOutageRules) {
    this.#rules = rules;
  }

  /** Start of the uninterrupted run of successes that the latest one belongs to; null before any. */
  get servingSince(): number | null {
    return this.#runs.at(-1)?.startAt ?? null;
  }

  success(at: number): void {
    const run = this.#runs.at(-1);
    if (run === undefined) {
      this.#runs.push({ startAt: at, endAt: at });
      return;
    }
    this.#noteGap(run.endAt, at);
    if (at - run.endAt > this.#rules.maxGapMs) this.#runs.push({ startAt: at, endAt: at });
    else run.endAt = at;
  }

  /** The sender stops on purpose: silence from here until `resume` is not an outage, unless there was one already. */
  pause(at: number): void {
    const run = this.#runs.at(-1);
    this.#pausedInService = run !== undefined && at - run.endAt <= this.#rules.maxGapMs;
  }

  resume(at: number): void {
    const run = this.#runs.at(-1);
    if (this.#pausedInService && run !== undefined) run.endAt = Math.max(run.endAt, at);
    this.#pausedInService = false;
  }

  /** What happened from `from` until now, which is `to`. An interruption under way at `from` counts whole. */
  measure(from: number, to: number): OutageMeasurement {
    const interruptions: Interruption[] = [];
    let servedUntil: number | null = null;
    let settlingSince: number | null = null;
    for (const run of this.#runs) {
      if (run.startAt > to) break;
      if (!this.#isService(run, from)) {
        settlingSince ??= run.startAt;
        continue;
      }
      settlingSince = null;
      if (servedUntil !== null && run.startAt > from && servedUntil < to) {
        interruptions.push({
          lastSuccessAt: servedUntil,
          firstSuccessAt: run.startAt,
          outageMs: run.startAt - servedUntil,
        });
      }
      servedUntil = run.endAt;
    }
    return this.#conclude({ from, to, interruptions, servedUntil, settlingSince });
  }

  #conclude(seen: {
    readonly from: number;
    readonly to: number;
    readonly interruptions: readonly Interruption[];
    readonly servedUntil: number | null;
    readonly settlingSince: number | null;
  }): OutageMeasurement {
    const { from, to, interruptions, servedUntil, settlingSince } = seen;
    if (servedUntil === null) return unmeasured('no-service-before', null, interruptions);
    const first = this.#runs.find((run) => this.#isService(run, from));
    if (first !== undefined && first.startAt > from) return unmeasured('no-service-before', null, interruptions);
    const last = this.#runs.at(-1);
    const silentMs = to - (last?.endAt ?? to);
    if (silentMs > this.#rules.maxGapMs && !this.#pausedInService) {
      return unmeasured('ongoing', servedUntil, interruptions);
    }
    if (settlingSince !== null) return unmeasured('settling', servedUntil, interruptions);
    const longest = interruptions.reduce<Interruption | null>(
      (best, each) => (best === null || each.outageMs > best.outageMs ? each : best),
      null,
    );
    if (longest !== null) return { state: 'interrupted', ...longest, interruptions };
    const gap = this.#longestGap(from, to);
    return {
      state: 'served',
      outageMs: gap === null ? null : gap.toAt - gap.fromAt,
      lastSuccessAt: gap?.fromAt ?? null,
      firstSuccessAt: gap?.toAt ?? null,
      interruptions,
    };
  }

  /** Successes that last; or that go on while the window is opened, for it is opened on a service that works. */
  #isService(run: ServedRun, from: number): boolean {
    const { sustainedMs, maxGapMs } = this.#rules;
    return run.endAt - run.startAt >= sustainedMs || (run.startAt <= from && run.endAt >= from - maxGapMs);
  }

  #noteGap(fromAt: number, toAt: number): void {
    const bucket = Math.floor(toAt / bucketMs);
    const last = this.#gaps.at(-1);
    if (last === undefined || last.bucket !== bucket) this.#gaps.push({ bucket, fromAt, toAt });
    else if (toAt - fromAt > last.toAt - last.fromAt) {
      last.fromAt = fromAt;
      last.toAt = toAt;
    }
  }

  #longestGap(from: number, to: number): LongestGap | null {
    let longest: LongestGap | null = null;
    for (let index = this.#gaps.length - 1; index >= 0; index -= 1) {
      const gap = this.#gaps[index]!;
      if (gap.toAt <= from) break;
      if (gap.fromAt > to) continue;
      if (longest === null || gap.toAt - gap.fromAt > longest.toAt - longest.fromAt) longest = gap;
    }
    return longest;
  }
}

const unmeasured = (
  state: OutageState,
  lastSuccessAt: number | null,
  interruptions: readonly Interruption[],
): OutageMeasurement => ({ state, outageMs: null, lastSuccessAt, firstSuccessAt: null, interruptions });
