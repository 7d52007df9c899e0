import type { Role, Status } from '../control/contract.ts';
import type { EpochStore } from '../control/epoch-store.ts';
import type { Journal } from '../journal/journal.ts';
import type { ReplicationClient } from '../replication/replication-client.ts';
import type { ReplicationServer } from '../replication/replication-server.ts';
import type { Lease } from './lease.ts';
import type { OrderPath } from './order-path.ts';
import type { OrdersPort } from './orders-port.ts';
import type { ReplayedState } from './replayed-state.ts';
import type { RiskGate } from './risk-gate.ts';
import type { StandbyCheckpoints } from './standby-checkpoints.ts';
import type { StateRecovery } from './state-recovery.ts';
import type { VenueDesk } from './venue/venue-desk.ts';

/** One period as primary, in one epoch. */
export interface Reign {
  readonly epoch: number;
  readonly path: OrderPath;
  tradingEnabled: boolean;
  draining: boolean;
  /** No new risk until told otherwise; cancels pass. */
  halted: boolean;
  /** When the acknowledgement set in force was asked for; an older request does not undo it. */
  ackSetAskedAtMs: number;
}

/** What an engine reports about itself; read by `engineStatus`. */
export interface EngineView {
  readonly role: Role;
  readonly reason: string | null;
  readonly epochs: EpochStore;
  readonly journal: Journal;
  readonly lease: Lease;
  readonly reign: Reign | null;
  readonly replication: ReplicationServer;
  readonly upstream: ReplicationClient;
  readonly divergence: Status['divergence'];
  readonly venues: VenueDesk;
  readonly replayed: ReplayedState;
  readonly orders: OrdersPort;
  readonly checkpoints: StandbyCheckpoints;
  readonly stateRecovery: StateRecovery;
  /** Its takeover was rehearsed by this process: what a takeover runs is compiled. */
  readonly rehearsed: boolean;
  /** Null where no risk engine has a say. */
  readonly risk: RiskGate | null;
}
