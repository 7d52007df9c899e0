import type { Epoch, InstanceId, MonoMs } from '../../core/base/ids.ts';

/**
 * What closes a writer when it is not refreshed, outside the agent: a frozen agent beside a living database must not let
 * it serve for ever. `boundMs` is the longest time from the armed moment to nothing being acknowledged any more; it is
 * what a lease's `stopWithinMs` has to cover and what a renewal reports.
 */
export interface Gate {
  readonly kind: 'warden' | 'nftables';
  readonly boundMs: number;
  /** Says what is behind the gate; asked again after each start of the instance. Does not arm. */
  protect(instance: InstanceId, target: GateTarget): void;
  /**
   * Keeps it open until `untilMono` of the host's monotonic clock (`hostMonoMs`), then it closes by itself. Refused with
   * `stale-epoch` when a higher epoch was armed, with `overdue` when the moment has passed.
   */
  arm(request: ArmRequest): Promise<GateOutcome>;
  /** Closes now. `ok` only when nothing behind it can acknowledge any more. */
  close(instance: InstanceId, options: { readonly deadlineMs: number }): Promise<GateOutcome>;
  /** Lets go of an instance that is provably stopped, so that it may start again closed; refused while anything of it runs. */
  disarm(instance: InstanceId, options: { readonly deadlineMs: number }): Promise<GateOutcome>;
  /** Ends the connection; what is armed stays armed and closes when its moment comes. */
  end(): Promise<void>;
}

/** Which processes, and which address, are behind the gate. */
export interface GateTarget {
  readonly root: { readonly pid: number; readonly startTicks: number } | null;
  /** Real path that every process of the instance has as its working directory. */
  readonly directory: string | null;
  readonly address: { readonly host: string; readonly port: number } | null;
}

export interface ArmRequest {
  readonly instance: InstanceId;
  readonly epoch: Epoch;
  readonly untilMono: MonoMs;
  readonly deadlineMs: number;
}

export type GateOutcome =
  | { readonly kind: 'ok'; readonly elapsedMs: number }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  /** No answer: it may or may not be armed; the last confirmed moment still holds. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** A gate closed by itself. */
export interface GateClosed {
  readonly instance: InstanceId;
  readonly epoch: Epoch;
  /** When it should have closed and when it began to, on the host's monotonic clock. */
  readonly dueMono: MonoMs;
  readonly closedMono: MonoMs;
  /** From `dueMono` to the tree being empty. */
  readonly tookMs: number;
  readonly killed: number;
  readonly treeEmpty: boolean;
}
