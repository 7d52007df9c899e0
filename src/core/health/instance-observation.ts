import type { Epoch, InstanceId } from '../base/ids.ts';
import type { TailSummary } from '../replication/divergent-tail.ts';

/**
 * What one instance is doing, as its driver saw it; the same shape for every kind of component, so that rules and plans
 * need not know which server stands behind it. Absence of an observation is `unknown`, never one of these.
 */
export interface InstanceObservation {
  readonly instance: InstanceId;
  /** `exited`: its supervisor saw it end, a fact. `frozen`: the process exists and is silent. */
  readonly process: 'running' | 'exited' | 'stopped' | 'frozen';
  readonly role: 'closed' | 'standby' | 'primary' | 'fenced' | 'unknown';
  /** Highest epoch that the instance (or, for one that cannot, its driver) has stored. */
  readonly epoch: Epoch;
  readonly health: 'ok' | 'degraded' | 'bad' | 'unknown';
  readonly reason: string | null;
  readonly position: LogPosition | null;
  /** Acknowledging writes right now. Always false unless `role` is `primary`. */
  readonly releasing: boolean;
  readonly tradingEnabled: boolean;
  readonly ackSet: readonly InstanceId[];
  readonly replicas: readonly ReplicaObservation[];
  readonly upstream: UpstreamObservation | null;
  /** A tail of its own that the present primary does not have; kept in `file` before anything is rebuilt. */
  readonly divergence: Divergence | null;
  /** Its state was not its primary's; left out or null = it is not known to be another. */
  readonly difference?: StateDifference | null;
  /** Of what is delegated: what whoever is in charge of it says. Left out or null = not known, or nobody else is in charge. */
  readonly delegate?: DelegateObservation | null;
  /** Of a server that leads somebody: whom, by the name of each lead. Left out = not known, or it is none. `elsewhere`: to somebody else, or several. */
  readonly leads?: Readonly<Record<string, InstanceId | null | 'elsewhere'>>;
  /** Of a Redis: where it is in the replication stream of its set, as it last said. Left out = not known, or it is none. */
  readonly stream?: StreamObservation;
  /** Figures for people and for rules on business health (H2), e.g. activeOrders, acknowledged. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface StreamObservation extends StreamEnd {
  readonly primary: boolean;
  /** What it has of the history before it was promoted; null = it was not. */
  readonly before: StreamEnd | null;
  /** It ended at most so long after it was asked for this, whole milliseconds of its host's clock. Left out = it was not seen to end. */
  readonly endedWithinMs?: number;
  /** It let writers in with that history, and has another one now. Left out = it leads what it led, or did not lead. */
  readonly left?: LedHistory;
}

/** As it was when it was last seen to lead; it took writes of it for at most so long after that, whole milliseconds. */
export interface LedHistory extends StreamEnd {
  readonly endedWithinMs: number;
}

/** Bytes are compared within one history only. */
export interface StreamEnd {
  /** Names it. */
  readonly history: string;
  readonly offset: number;
}

export interface Divergence {
  readonly file: string;
  readonly from: number;
  readonly count: number;
  /** What it was decoded to. Left out: it was not decoded. */
  readonly list?: TailSummary;
}

/** What a delegate's store says, by its quorum, and how it is run; as one member's agent saw it. */
export interface DelegateObservation {
  /** Null: nobody has it. */
  readonly lock: DelegateLock | null;
  /** Who may be promoted without a loss, besides the holder. */
  readonly withoutLoss: readonly InstanceId[];
  /** `strict`: a primary without its synchronous standby acknowledges nothing. Null: its settings were not read. */
  readonly durability: 'strict' | 'preferred' | 'off' | null;
  /** After so long without its holder's word the lock is free. Null: not known. */
  readonly lockTtlMs: number | null;
  /** It promotes nobody by itself. */
  readonly paused: boolean;
  /** Why nothing is to be moved in it; empty = nothing is known against it. */
  readonly dangers: readonly string[];
}

export interface DelegateLock {
  /** `elsewhere`: a member that the topology does not name. */
  readonly holder: InstanceId | 'elsewhere';
  /** Revision of the delegate's store at which it was taken: a later holder has a higher one. */
  readonly since: number;
}

/** Two states that were to be equal after one entry of a common log; which is wrong a replay by a third process decides. */
export interface StateDifference {
  readonly sequence: number;
  /** Whose state the instance's own was compared with, and in which reign. */
  readonly upstream: InstanceId;
  readonly epoch: Epoch;
  /** `unknown`: there is no replay yet, or it agrees with neither. */
  readonly wrong: 'here' | 'upstream' | 'unknown';
}

/** End of a durable log. `generation` orders before `sequence` (journal epoch; PostgreSQL timeline). */
export interface LogPosition {
  readonly generation: number;
  /** Journal sequence, or WAL position in bytes. */
  readonly sequence: number;
}

export interface ReplicaObservation {
  readonly instance: InstanceId;
  readonly state: 'connecting' | 'catching-up' | 'in-sync' | 'lost';
  readonly acknowledgedSequence: number;
  readonly silentMs: number;
}

export interface UpstreamObservation {
  readonly instance: InstanceId;
  readonly connected: boolean;
  readonly silentMs: number;
}

/** A dependant that has not heard its upstream for longer than this no longer has it, connected or not (H5). */
const UPSTREAM_HEARD_WITHIN_MS = 240;

export const hasUpstream = (upstream: UpstreamObservation | null | undefined): boolean =>
  upstream?.connected === true && upstream.silentMs < UPSTREAM_HEARD_WITHIN_MS;

/** Of a Redis: what a decision about where writers are let in rests on; positions are left out. */
export const letInAlike = (left: InstanceObservation, right: InstanceObservation): boolean =>
  left.stream?.primary === right.stream?.primary &&
  left.stream?.left?.history === right.stream?.left?.history &&
  ['ledEpoch', 'openEpoch'].every((figure) => left.figures[figure] === right.figures[figure]);

/** Compares two log ends: negative when `left` is behind. */
export const comparePositions = (left: LogPosition, right: LogPosition): number =>
  left.generation - right.generation || left.sequence - right.sequence;
