/** A moment of a recovery as one clock saw it. */
export interface Mark {
  /** UTC, milliseconds since 1970. */
  readonly atMs: number;
  /** True time lies within `atMs ± clockErrorMs`; null = not known. */
  readonly clockErrorMs: number | null;
  /** Which clock: two marks of one clock have an exact distance, whatever its error. */
  readonly clock: string;
}

/** Null = was not seen; never replaced by a neighbour or by zero. */
export interface RecoveryMarks {
  /** Last end-to-end observation that was good: where the RTO clock starts. */
  readonly lastKnownGood: Mark | null;
  readonly detected: Mark | null;
  readonly decided: Mark | null;
  readonly executed: Mark | null;
  readonly validated: Mark | null;
}

export type StageName = 'detect' | 'decide' | 'execute' | 'validate';

export interface Stage {
  readonly name: StageName;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Null = not measured; `problem` says why. */
  readonly elapsedMs: number | null;
  /** How far the value may be off because two clocks were used; 0 on one clock, null = nobody knows. */
  readonly uncertaintyMs: number | null;
  readonly problem: string | null;
}

/** Last known good → detected → decided → executed → validated, in whole milliseconds. */
export interface RecoveryTimeline {
  readonly stages: readonly [Stage, Stage, Stage, Stage];
  /** Last known good → validated. When all four stages are measured it is exactly their sum. */
  readonly rtoMs: number | null;
  readonly uncertaintyMs: number | null;
  /** Why a value is missing, in words; empty when everything was measured. */
  readonly problems: readonly string[];
}

/** The stage figures as objectives, measurements and the demo's JSON name them. */
export interface StageFigures {
  readonly detectMs: number | null;
  readonly decideMs: number | null;
  readonly executeMs: number | null;
  readonly validateMs: number | null;
}

const markTitles = {
  lastKnownGood: 'last known good',
  detected: 'detected',
  decided: 'decided',
  executed: 'executed',
  validated: 'validated',
} as const satisfies Record<keyof RecoveryMarks, string>;

/** Rounds each mark once, so that differences of neighbours add up to the difference of the ends without a remainder. */
export function recoveryTimeline(marks: RecoveryMarks): RecoveryTimeline {
  const stages = [
    stage('detect', marks, 'lastKnownGood', 'detected'),
    stage('decide', marks, 'detected', 'decided'),
    stage('execute', marks, 'decided', 'executed'),
    stage('validate', marks, 'executed', 'validated'),
  ] as const;
  const whole = between(marks, 'lastKnownGood', 'validated');
  const problems = [...new Set([...stages.map((each) => each.problem), whole.problem].filter((text) => text !== null))];
  const ordered = stages.every((each) => each.elapsedMs !== null || each.fromMs === null || each.toMs === null);
  return {
    stages,
    rtoMs: ordered ? whole.elapsedMs : null,
    uncertaintyMs: ordered ? whole.uncertaintyMs : null,
    problems,
  };
}

export function stageFigures(timeline: RecoveryTimeline): StageFigures {
  const [detect, decide, execute, validate] = timeline.stages;
  return {
    detectMs: detect.elapsedMs,
    decideMs: decide.elapsedMs,
    executeMs: execute.elapsedMs,
    validateMs: validate.elapsedMs,
  };
}

function stage(name: StageName, marks: RecoveryMarks, from: keyof RecoveryMarks, to: keyof RecoveryMarks): Stage {
  return { name, fromMs: rounded(marks[from]), toMs: rounded(marks[to]), ...between(marks, from, to) };
}

function between(
  marks: RecoveryMarks,
  from: keyof RecoveryMarks,
  to: keyof RecoveryMarks,
): Pick<Stage, 'elapsedMs' | 'uncertaintyMs' | 'problem'> {
  const start = marks[from];
  const end = marks[to];
  const missing = [start === null ? from : null, end === null ? to : null].filter((name) => name !== null);
  if (start === null || end === null)
    return {
      elapsedMs: null,
      uncertaintyMs: null,
      problem: `no mark for ${missing.map((name) => markTitles[name]).join(' and ')}`,
    };
  const elapsedMs = Math.round(end.atMs) - Math.round(start.atMs);
  if (elapsedMs < 0) {
    const problem = `${markTitles[to]} is stamped ${-elapsedMs} ms before ${markTitles[from]}: their clocks (${end.clock}, ${start.clock}) disagree`;
    return { elapsedMs: null, uncertaintyMs: null, problem };
  }
  return { elapsedMs, uncertaintyMs: uncertainty(start, end), problem: null };
}

function uncertainty(start: Mark, end: Mark): number | null {
  if (start.clock === end.clock) return 0;
  if (start.clockErrorMs === null || end.clockErrorMs === null) return null;
  return Math.ceil(start.clockErrorMs + end.clockErrorMs);
}

const rounded = (mark: Mark | null): number | null => (mark === null ? null : Math.round(mark.atMs));
