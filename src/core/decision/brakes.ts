import type { Attestation } from '../authority/attestation.ts';
import type { InstanceId, PlanDigest, RunId, WallMs } from '../base/ids.ts';
import type { RunbookId } from '../plan/runbook.ts';

/** The human brakes of one group and the history that cool-down rests on; one key in the authority. */
export interface Brakes {
  readonly freeze: Brake | null;
  readonly maintenance: Brake | null;
  readonly approvals: readonly Approval[];
  /** Planned work that was announced; what `P-NOTICE` looks at. */
  readonly notices?: readonly Notice[];
  /** After a planned move: until when somebody looks more closely. */
  readonly watch?: Watch;
  /** Instances that a person has fenced; no candidates until they are unfenced. */
  readonly fenced?: readonly InstanceId[];
  /** What people say about hosts that nobody can ask; expired ones are dropped with the next change. */
  readonly attestations?: readonly Attestation[];
  /** Tails that a primary does not have and that a person has looked at. */
  readonly tails?: readonly KnownTail[];
  /** Most recent last; at most `HISTORY_KEPT`. */
  readonly history: readonly FinishedRun[];
}

/** A diverged tail, by where it is kept. */
export interface KnownTail {
  readonly instance: InstanceId;
  readonly file: string;
  readonly from: number;
  readonly count: number;
}

export interface Notice {
  readonly ticket: string;
  readonly by: string;
  readonly reason: string;
  readonly at: WallMs;
}

/** The time after a planned move in which it still counts as not over. */
export interface Watch {
  readonly run: RunId;
  readonly by: string;
  readonly since: WallMs;
  readonly until: WallMs;
}

/** Announcements older than this are dropped with the next change. */
export const NOTICE_KEPT_MS = 7 * 24 * 3_600_000;

export interface Brake {
  /** Set by a planned move for as long as it runs; lifted with its end. */
  readonly run?: RunId;
  readonly by: string;
  readonly reason: string;
  readonly at: WallMs;
  /** Null = until lifted. */
  readonly until: WallMs | null;
}

/** Names exactly one plan; consumed by the run that it allows. */
export interface Approval {
  readonly digest: PlanDigest;
  readonly by: string;
  readonly role: string;
  readonly at: WallMs;
  readonly until: WallMs;
  /** Set when the person accepted a stated loss, in their words, e.g. `orders:12`. */
  readonly acceptsLoss: string | null;
}

export interface FinishedRun {
  readonly run: RunId;
  readonly automatic: boolean;
  /** Whole site (wider) or one component. */
  readonly scope: 'instance' | 'site';
  readonly endedAt: WallMs;
  readonly demoted: readonly InstanceId[];
  readonly result: 'completed' | 'failed' | 'superseded';
  readonly runbook?: RunbookId;
  /** From the decision to the end, by the clocks of whoever led; absent where that is not known. */
  readonly durationMs?: number;
  /** A person has looked at it: it no longer holds anything up. */
  readonly acknowledged: boolean;
}

export const HISTORY_KEPT = 20;

export const noBrakes: Brakes = { freeze: null, maintenance: null, approvals: [], history: [] };

export const brakeHolds = (brake: Brake | null, now: WallMs): brake is Brake =>
  brake !== null && (brake.until === null || now < brake.until);
