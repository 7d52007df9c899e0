import type { HostId, InstanceId } from '../core/base/ids.ts';
import type { Postcondition } from './driver-port.ts';
import type { AgentOrder } from './messages.ts';

/** One order of a step to one target. */
export interface StepOrder {
  /** Unique in the step; part of the idempotency key. */
  readonly target: string;
  readonly host: HostId;
  readonly order: AgentOrder;
  /** The step is not done before this one is; others are sent and not waited for. */
  readonly required: boolean;
  /** Not required; true: the step waits until it was tried, and calls it unproved where that did not succeed. */
  readonly awaited?: boolean;
  /** Of the orders that share it one has to be done. */
  readonly oneOf?: string;
  /** Asked before the order is repeated after an unknown outcome or a change of leader. */
  readonly confirm: { readonly instance: InstanceId; readonly condition: Postcondition } | null;
  /** Sent only after the earlier orders are done. */
  readonly inSequence: boolean;
  /** Longer than usual: it is asked for again only after so long. */
  readonly answerWithinMs?: number;
}
