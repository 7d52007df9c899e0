import type { ServiceState } from '../../core/health/service-state.ts';
import type { CallOptions } from '../../engine/driver-port.ts';

/** One program of one manager: how it is seen, and how its manager is told. Every call ends by its deadline and never throws. */
export interface ManagedService {
  /** As the topology writes it. */
  readonly service: string;
  look(options: CallOptions): Promise<ServiceSight>;
  tell(verb: ServiceVerb, options: CallOptions): Promise<Told>;
  /** SIGKILL to what belongs to it, as far as that is permitted; who is left is seen by looking. */
  strike(options: CallOptions): Promise<void>;
  /** Whether its manager starts it when it starts itself; null: it does not say. */
  startsByItself(options: CallOptions): Promise<boolean | null>;
}

export type ServiceVerb = 'start' | 'stop' | 'mask' | 'unmask';

export interface ServiceSight {
  /** Null: its manager did not say; `said` is why. */
  readonly state: ServiceState | null;
  readonly said: string;
  /** Its manager refuses to start it. Null: this manager knows no such thing. */
  readonly masked: boolean | null;
  /** What of it is alive, whatever its manager says. Null: that cannot be seen; `hidden` is why. */
  readonly pids: readonly number[] | null;
  readonly hidden: string | null;
}

/** `refused`: certain that it was not done. */
export type Told =
  | { readonly kind: 'told' }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Stable: people and scripts read them. */
export type RefusalCode = 'no-such-service' | 'not-permitted' | 'manager-unreachable' | 'would-not-start' | 'refused';
