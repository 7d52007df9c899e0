import type { InstanceId } from '../core/base/ids.ts';
import type { EventQueue } from './event-queue.ts';
import type { InstanceModel } from './instance-model.ts';
import type { Network } from './network.ts';

/** Told to the checkers at the moment of truth: a write became visible to a client. */
export interface Release {
  readonly component: string;
  readonly instance: InstanceId;
  readonly epoch: number;
  readonly id: number;
  /** Place in the log. */
  readonly index: number;
  readonly cancel: boolean;
}

export interface PromotionOrder {
  readonly epoch: number;
  readonly leaseUntilLocal: number;
  readonly ackSet: readonly InstanceId[];
  readonly tradingEnabled: boolean;
  readonly halted: boolean;
}

export interface InstanceSurroundings {
  readonly queue: EventQueue;
  readonly network: Network;
  peer(id: InstanceId): InstanceModel | null;
  /** A risk engine of its site could approve now; true where the firm has none. */
  riskApproved(engine: InstanceModel): boolean;
  released(release: Release): void;
  /** The agent's driver sees it: push an observation soon. */
  changed(instance: InstanceModel): void;
  died(instance: InstanceModel): void;
}
