import type { LockSeen } from '../core/authority/fencing-proof.ts';
import type { Epoch, InstanceId, MonoMs } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { ServiceOrder } from '../core/health/service-state.ts';

/**
 * How an agent drives one instance, whatever server stands behind it. A driver answers three questions only: observe,
 * perform(action, epoch), confirm(postcondition). It never decides. Every call ends by its deadline: an action that
 * has not been confirmed by then is `unknown`.
 */
export interface InstanceDriver {
  readonly instance: InstanceId;
  /** Starts the process closed, or adopts the running one. Observations and exits are pushed to the sink from then on. */
  start(sink: DriverSink): Promise<void>;
  observe(options: CallOptions): Promise<InstanceObservation | null>;
  perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome>;
  confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'>;
  /** Something that the instance knows beside its observation, as JSON text in `detail.answer`; changes nothing. Left out: it cannot tell. */
  ask?(question: Question, options: CallOptions): Promise<ActionOutcome>;
  /** Stops watching; leaves the instance as it is. */
  close(): Promise<void>;
}

/**
 * `takeover`: what became of every order that was in doubt when the present reign began. `tail`: what the divergent tail that is kept was
 * decoded to. `service`: what whoever keeps it running says of it.
 */
export type Question = 'takeover' | 'tail' | 'service';

export interface CallOptions {
  readonly deadlineMs: number;
}

export interface DriverSink {
  /**
   * At once when something that matters changed, and at least once a second while the instance answers. What is pushed after
   * `perform` resolved was sampled after the action took effect (I9 rests on it).
   */
  observed(observation: InstanceObservation): void;
  /** The supervisor saw the process end: a fact, not silence. */
  exited(exit: ProcessExit): void;
}

export interface ProcessExit {
  readonly instance: InstanceId;
  readonly code: number | null;
  readonly signal: string | null;
  /** The main process was waited for (or is provably gone). */
  readonly reaped: boolean;
  /** Nothing of its process tree is left: a dead postmaster's backends can still acknowledge. */
  readonly treeEmpty: boolean;
}

export type InstanceAction =
  /** Start the process, closed. */
  | { readonly kind: 'start' }
  /** SIGKILL the whole tree, never a graceful stop first. Succeeds only when reaped and the tree is empty. */
  | { readonly kind: 'kill' }
  /** Store the epoch durably and refuse older ones, also at the receivers behind this instance. */
  | { readonly kind: 'fence'; readonly epoch: Epoch }
  | { readonly kind: 'follow'; readonly epoch: Epoch; readonly upstream: InstanceId; readonly mode: 'sync' | 'async' }
  | {
      readonly kind: 'promote';
      readonly epoch: Epoch;
      readonly leaseUntil: MonoMs;
      readonly ackSet: readonly InstanceId[];
      readonly tradingEnabled: boolean;
      /** Starts without taking new risk; absent = takes it. */
      readonly halted?: boolean;
    }
  /** Extend the right to release until this moment of the host's monotonic clock; also refreshes the gate. */
  | { readonly kind: 'lease'; readonly epoch: Epoch; readonly leaseUntil: MonoMs }
  | { readonly kind: 'demote'; readonly epoch: Epoch }
  | { readonly kind: 'drain'; readonly epoch: Epoch }
  /** One recovery action of the component, by name; `unknown-method` when it offers none of that name. May be asked for again. */
  | { readonly kind: 'act'; readonly epoch: Epoch; readonly action: string }
  /**
   * `askedAt`: when it was asked for; an instance refuses one that is older than the last it obeyed (I9). `halted` comes first: an
   * engine refuses new risk, also what it had taken in and not released yet, before it waits for anybody less.
   */
  | {
      readonly kind: 'set-ack-set';
      readonly epoch: Epoch;
      readonly ackSet: readonly InstanceId[];
      readonly halted?: boolean;
      readonly askedAt?: MonoMs;
    }
  | { readonly kind: 'set-trading'; readonly epoch: Epoch; readonly enabled: boolean }
  /** Fronts: where each service goes; null closes it and cuts its sessions. */
  | {
      readonly kind: 'route';
      readonly epoch: Epoch;
      readonly routes: Readonly<Record<string, InstanceId | null>>;
      /** Of a Redis that was replaced: one that let writers in and does not answer is killed. Absent: it is asked, and no more. */
      readonly silence?: true;
    }
  /**
   * Of what is delegated, at the host of its lost primary: keeps it from starting there, and looks whether anything of it is left. `ok` only
   * when nothing is; its detail has the lock as it was before that look (`since`, `renewed`) and `seen`, what was looked at.
   */
  | { readonly kind: 'prove-gone'; readonly epoch: Epoch }
  /**
   * Of what is delegated: whoever is in charge of it is asked that this instance becomes primary. `former`: who was, as far as is known; with
   * `planned` nobody else may be. `gone`: nothing of `former` is left, and its lock need not be waited for while it is as it was then. `shut`:
   * it took the lock at that revision, and lets no client in any more; where it does not answer, that lock need not be waited for either.
   * `ok` says on what it rests: `lock`, and what became of `former`. May be asked for again.
   */
  | {
      readonly kind: 'take-over';
      readonly epoch: Epoch;
      readonly former: InstanceId | null;
      readonly planned: boolean;
      readonly gone?: LockSeen;
      readonly shut?: Pick<LockSeen, 'since'>;
    }
  | { readonly kind: 'test-order'; readonly epoch: Epoch }
  /** To whoever keeps it running: systemd or supervisord. `ok` when it was seen to be so. May be asked for again. */
  | { readonly kind: 'service'; readonly epoch: Epoch; readonly order: ServiceOrder };

/** A timed-out action is `unknown`, never `failed`. */
export type ActionOutcome =
  | { readonly kind: 'ok'; readonly detail: Readonly<Record<string, string | number | boolean>> }
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

export type Postcondition =
  | { readonly kind: 'process-gone' }
  | { readonly kind: 'epoch-at-least'; readonly epoch: Epoch }
  | { readonly kind: 'primary-at'; readonly epoch: Epoch }
  | { readonly kind: 'not-primary'; readonly epoch: Epoch }
  | { readonly kind: 'following'; readonly epoch: Epoch; readonly upstream: InstanceId }
  | { readonly kind: 'routed'; readonly epoch: Epoch; readonly routes: Readonly<Record<string, InstanceId | null>> }
  | { readonly kind: 'trading'; readonly enabled: boolean };
