import type { Epoch, InstanceId } from '../core/base/ids.ts';
import type { StreamObservation } from '../core/health/instance-observation.ts';
import type { ActionOutcome, CallOptions } from './driver-port.ts';

export type Routes = Readonly<Record<string, InstanceId | null>>;

/**
 * A server that is run by others and told where to lead: what stands behind the driver of a served instance. It holds no epoch itself;
 * its driver refuses older ones, durably. Every call ends by its deadline.
 */
export interface ServedServer {
  look(options: CallOptions): Promise<ServedLook>;
  /** Absolute: exactly these, or nobody. `ok` only when it was seen to be so afterwards. Doing it twice is doing it once. */
  lead(epoch: Epoch, routes: Routes, options: LeadOptions): Promise<ActionOutcome>;
  /** After each look: what is not to wait until it is led anew. Tells nobody where to lead. */
  keep?(options: CallOptions): Promise<void>;
  /** The process that answered last has ended: a fact, seen on its machine. Absent: nobody here can tell. */
  hasEnded?(): boolean;
  /** Whether what was seen is what these routes ask for; the epoch counts where the server shows one. */
  isLed(seen: SeenServer, routes: Routes, epoch: Epoch): boolean;
}

export interface LeadOptions extends CallOptions {
  /** One that let writers in, and does not answer, is killed. */
  readonly silence: boolean;
}

export type ServedLook = SeenServer | { readonly kind: 'unknown'; readonly reason: string };

export interface SeenServer {
  readonly kind: 'seen';
  /** Null: nobody is led anywhere. `elsewhere`: to somebody whom the topology does not name there, or to several. */
  readonly leads: Readonly<Record<string, InstanceId | null | 'elsewhere'>>;
  /** What keeps it from being well; empty = nothing. */
  readonly concerns: readonly string[];
  /** For people: an untried version, for example. */
  readonly remarks: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly stream?: StreamObservation;
}

/** Every route is seen as it is asked for. */
export const leadsExactly = ({ leads }: SeenServer, routes: Routes): boolean =>
  Object.entries(routes).every(([name, instance]) => leads[name] === instance);
