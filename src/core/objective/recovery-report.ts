import type { FencingProof } from '../authority/fencing-proof.ts';
import type { ExposureLedger } from './durability-exposure.ts';
import { type Measurement, type ObjectiveVerdict, overallVerdict } from './measure.ts';
import type { RecoveryMarks, StageFigures } from './recovery-timeline.ts';

/**
 * Everything a recovery report says, as plain data computed from evidence: the HTML and the JSON are renderings of it and
 * add no fact. Null always means "not measured" and is said in words, never shown as zero, a dash or a blank.
 */
export interface RecoveryReport {
  readonly format: 1;
  readonly title: string;
  /** REAL, DRILL or LAB: shown on every page. */
  readonly occasion: 'real' | 'drill' | 'lab';
  /** UTC, ms. When the report was computed; the facts are older. */
  readonly generatedAtMs: number;
  readonly from: { readonly atMs: number; readonly clockErrorMs: number | null };
  readonly untilMs: number;
  readonly topology: ReportTopology;
  /** Where it ran, e.g. `loopback`, `netns`, `production`. */
  readonly ground: string;
  readonly authority: { readonly kind: string; readonly voters: number };
  readonly software: Readonly<Record<string, string>>;
  /** How it stood at the end. */
  readonly final: {
    readonly activeSite: string | null;
    readonly epoch: number | null;
    readonly durability: 'strict' | 'degraded' | 'halted' | null;
    readonly tradingEnabled: boolean | null;
  };
  readonly faults: readonly FaultReport[];
  /** Everything that was considered and not done. */
  readonly notActed: readonly NotActed[];
  readonly exposure: ExposureLedger | null;
  readonly evidence: EvidenceSummary;
  readonly resources: {
    readonly memoryPeakBytes: number | null;
    readonly cpuSeconds: number | null;
    /** Over the whole stretch, in share of one core: 0.15 = 15 %. */
    readonly cpuShare: number | null;
    readonly wallMs: number | null;
    readonly processes: number | null;
  };
  /** What this ground or this run could not show, and why. */
  readonly notMeasured: readonly { readonly what: string; readonly why: string }[];
}

export interface ReportTopology {
  readonly name: string;
  readonly sites: readonly {
    readonly id: string;
    readonly title: string;
    readonly capabilities: readonly string[];
    readonly voter: boolean;
    readonly health: 'healthy' | 'degraded' | 'suspect' | 'failed' | 'unknown';
  }[];
  readonly links: readonly {
    readonly id: string;
    readonly between: readonly [string, string];
    readonly rttMs: number;
    readonly bandwidthMbps: number;
    readonly pathGroup: string;
    readonly priority: number;
  }[];
}

export interface FaultReport extends FaultFigures {
  readonly title: string;
  /** What was done to the platform, in a sentence. */
  readonly what: string;
  readonly group: string | null;
  readonly activeFrom: string | null;
  readonly activeTo: string | null;
  /** How it was decided: by policy, or who approved. */
  readonly decidedBy: string | null;
  readonly planDigest: string | null;
  readonly marks: RecoveryMarks;
  readonly objective: { readonly rtoMs: number; readonly rpoMs: number };
  /** RTO, stages with an objective, losses; their verdicts are shown as they are. */
  readonly measurements: readonly Measurement[];
  /** Resolution of `outageMs`, from the client's rate. */
  readonly outageResolutionMs: number | null;
  readonly events: readonly TimelineEvent[];
  readonly rules: readonly ReportRule[];
  readonly alternatives: readonly { readonly what: string; readonly rejectedBy: string }[];
  readonly proofs: readonly FencingProof[];
  /** Acknowledged and missing, altered or duplicated, by id. Empty lists are a result only where the count says so. */
  readonly losses: readonly LossItem[];
  /** Sent without an answer, and what they turned out to be. */
  readonly unknowns: readonly { readonly id: string; readonly resolvedAs: string | null }[];
  readonly residue: readonly string[];
}

/** The figures of one fault as the demo prints them. */
export interface FaultFigures {
  readonly name: string;
  /** On the client's clock: last good answer → first of a sustained second of them. */
  readonly outageMs: number | null;
  readonly rtoMs: number | null;
  readonly leaseBoundMs: number | null;
  readonly stages: StageFigures;
  readonly ordersAcked: number | null;
  readonly ordersUnknown: number | null;
  readonly ordersLost: number | null;
  readonly commitsAcked: number | null;
  readonly commitsLost: number | null;
  readonly epochFrom: number | null;
  readonly epochTo: number | null;
  /** Method of the proof that released the takeover, e.g. `process-dead`. */
  readonly fencingProof: string | null;
  readonly staleWritesAccepted: number | null;
}

export interface TimelineEvent {
  readonly atMs: number;
  readonly clockErrorMs: number | null;
  readonly observer: string;
  readonly kind: string;
  readonly sentence: string;
  /** Where it is in the evidence; null for what only the client saw. */
  readonly evidence: { readonly chain: string; readonly sequence: number } | null;
}

export interface ReportRule {
  readonly rule: string;
  readonly outcome: 'pass' | 'block' | 'cannot-evaluate';
  readonly reason: string;
}

export interface LossItem {
  readonly of: 'orders' | 'commits' | 'stale-writes';
  readonly id: string;
  readonly how: 'missing' | 'duplicated' | 'altered' | 'never-sent' | 'accepted-from-old-epoch';
  readonly detail: string;
}

export interface NotActed {
  readonly atMs: number;
  readonly group: string | null;
  readonly verdict: 'stand-down' | 'hold' | 'ask-approval' | 'refused';
  readonly what: string;
  readonly reason: string;
  /** Rules that did not pass. */
  readonly rules: readonly ReportRule[];
  readonly evidence: { readonly chain: string; readonly sequence: number } | null;
}

export interface EvidenceSummary {
  readonly integrity: 'intact' | 'broken' | null;
  readonly completeness: 'complete' | 'incomplete' | 'unproven' | null;
  readonly entries: number | null;
  readonly sentence: string;
  readonly upToAnchor: number | null;
  readonly anchorHash: string | null;
  readonly countersignedBy: readonly string[];
  readonly chains: readonly {
    readonly chain: string;
    readonly entries: number;
    readonly integrity: 'intact' | 'broken';
    readonly fingerprint: string;
    readonly headHash: string | null;
  }[];
  readonly problems: readonly string[];
  readonly notes: readonly string[];
  /** Branches and tails that no anchor vouches for, in words. */
  readonly unanchored: readonly string[];
  /** Relative to the report. */
  readonly path: string | null;
}

/**
 * One verdict for a fault. `met` only when every measurement is met, every stage and the outage were measured, and orders,
 * commits and writes of older epochs were counted and none is wrong: what was not looked at is inconclusive.
 */
export function faultVerdict(fault: FaultReport): ObjectiveVerdict {
  const { outageMs, rtoMs, stages, ordersLost, commitsLost, staleWritesAccepted } = fault;
  const verdicts = fault.measurements.map((measurement) => measurement.verdict);
  if (fault.losses.length > 0 || positive(ordersLost, commitsLost, staleWritesAccepted)) return 'missed';
  const needed = [outageMs, rtoMs, ordersLost, commitsLost, staleWritesAccepted, ...Object.values(stages)];
  return overallVerdict(needed.includes(null) ? [...verdicts, 'inconclusive'] : verdicts);
}

const positive = (...values: readonly (number | null)[]): boolean =>
  values.some((value) => value !== null && value > 0);

/**
 * The figures of the demo's JSON (issue point 11), without the files' paths. `ok` holds only when every fault met what it
 * had to, nothing is lost, and the evidence is intact and nothing an anchor saw is missing.
 */
export function reportFigures(report: RecoveryReport): {
  readonly ok: boolean;
  readonly ground: string;
  readonly authority: RecoveryReport['authority'];
  readonly faults: readonly FaultFigures[];
  readonly evidence: { readonly entries: number | null; readonly verified: boolean };
} {
  const verified = report.evidence.integrity === 'intact' && report.evidence.completeness === 'complete';
  return {
    ok: verified && report.faults.length > 0 && report.faults.every((fault) => faultVerdict(fault) === 'met'),
    ground: report.ground,
    authority: report.authority,
    faults: report.faults.map(figuresOf),
    evidence: { entries: report.evidence.entries, verified },
  };
}

function figuresOf(fault: FaultReport): FaultFigures {
  const { name, outageMs, rtoMs, leaseBoundMs, stages, ordersAcked, ordersUnknown, ordersLost } = fault;
  const { commitsAcked, commitsLost, epochFrom, epochTo, fencingProof, staleWritesAccepted } = fault;
  const orders = { ordersAcked, ordersUnknown, ordersLost };
  const commits = { commitsAcked, commitsLost };
  return {
    name,
    outageMs,
    rtoMs,
    leaseBoundMs,
    stages,
    ...orders,
    ...commits,
    epochFrom,
    epochTo,
    fencingProof,
    staleWritesAccepted,
  };
}
