/** The component contract's vocabulary; `docs/reference/component-contract.md` is the text. */
export const CONTRACT_VERSION = 1;

export type Role = 'closed' | 'standby' | 'primary' | 'fenced';
export type Health = 'ok' | 'degraded' | 'bad';
export type ReplicaState = 'connecting' | 'catching-up' | 'in-sync' | 'lost';

/** End of the durable log; `epoch` is that of its last entry. */
export interface Position {
  readonly epoch: number;
  readonly sequence: number;
}

export interface ReplicaStatus {
  readonly instance: string;
  readonly state: ReplicaState;
  readonly acknowledgedSequence: number;
  readonly silentMs: number;
}

export interface UpstreamStatus {
  readonly instance: string;
  readonly connected: boolean;
  readonly silentMs: number;
}

export interface DivergenceStatus {
  readonly file: string;
  readonly fromSequence: number;
  readonly count: number;
  /** How many of them this instance knew to have been released. */
  readonly released: number;
}

/** Two order states that were to be equal after one entry. */
export interface DifferenceStatus {
  readonly sequence: number;
  /** Whose state the one here was compared with, and in which reign. */
  readonly upstream: string;
  readonly epoch: number;
  /** Which of the two is not what their common journal amounts to, by a replay: `unknown` while there is none, and when it agrees with neither. */
  readonly wrong: 'here' | 'upstream' | 'unknown';
}

export interface InterlockStatus {
  /** `closed`: no new risk anywhere. `settling`: in some places or symbols. */
  readonly state: 'closed' | 'settling' | 'open';
  readonly waitingFor: readonly string[];
  /** Symbols that are held, with the reason; the others are not listed. */
  readonly perSymbol: Readonly<Record<string, string>>;
}

export interface Status {
  readonly role: Role;
  readonly epoch: number;
  readonly health: Health;
  readonly reason: string | null;
  readonly position: Position;
  readonly releasing: boolean;
  readonly leaseUntilNs: string | null;
  readonly tradingEnabled: boolean;
  /** Engines: new risk is refused until it is told otherwise; cancels pass. */
  readonly halted?: boolean;
  /** Engines: what new risk still waits for at their exchanges. */
  readonly interlock?: InterlockStatus;
  readonly ackSet: readonly string[];
  readonly replicas: readonly ReplicaStatus[];
  readonly upstream: UpstreamStatus | null;
  readonly divergence: DivergenceStatus | null;
  /** Engines that stand by: the primary's order state was not the one here; null = it is not known to be another. */
  readonly difference?: DifferenceStatus | null;
  /** Figures; `routes` and `services` only at fronts. */
  readonly business: Readonly<Record<string, unknown>>;
}

export type ContractErrorCode =
  | 'stale-epoch'
  | 'no-lease'
  | 'not-ready'
  | 'draining'
  | 'bad-params'
  | 'unknown-method'
  | 'bad-frame'
  | 'unauthorized'
  | 'diverged'
  | 'internal';

/** A refusal that is answered to the caller; anything else thrown by a handler is answered as `internal`. */
export class ContractError extends Error {
  readonly code: ContractErrorCode;
  /** Highest epoch known here; sent along with `stale-epoch`. */
  readonly epoch: number | null;

  constructor(code: ContractErrorCode, message: string, epoch: number | null = null) {
    super(message);
    this.name = 'ContractError';
    this.code = code;
    this.epoch = epoch;
  }
}

export interface EpochParams {
  readonly epoch: number;
}
export interface FollowParams extends EpochParams {
  readonly upstream: { readonly instance: string; readonly address: string };
  readonly mode: 'sync' | 'async';
}
export interface PromoteParams extends EpochParams {
  readonly leaseUntilNs: bigint;
  readonly ackSet: readonly string[];
  readonly tradingEnabled: boolean;
  readonly halted: boolean;
}
export interface LeaseParams extends EpochParams {
  readonly leaseUntilNs: bigint;
}
export interface AckSetParams extends EpochParams {
  readonly ackSet: readonly string[];
  /** Takes effect before the set does; null = as it was. */
  readonly halted: boolean | null;
  /** When it was asked for, milliseconds of the host's monotonic clock; an older one than the last is refused. */
  readonly askedAtMs: number;
}
export interface TradingParams extends EpochParams {
  readonly enabled: boolean;
}
export interface RouteParams extends EpochParams {
  readonly routes: Readonly<Record<string, string | null>>;
}

/** One of the recovery actions that the component names in its answer to `hello`. */
export interface ActParams extends EpochParams {
  readonly action: string;
  /** What the action itself takes; most take nothing. */
  readonly options: Readonly<Record<string, unknown>>;
}
export interface ActResult {
  readonly action: string;
  readonly position: Position;
  /** What was found or done, in figures and words that a runbook's record keeps. */
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface FenceResult {
  readonly epoch: number;
  readonly position: Position;
  readonly receivers: Readonly<Record<string, 'acknowledged' | 'unreachable'>>;
}
export interface PositionResult {
  readonly position: Position;
}
export interface PromoteResult extends PositionResult {
  readonly recovered: Readonly<Record<string, number | string>>;
}
export interface TestOrderResult {
  readonly elapsedMs: number;
}
