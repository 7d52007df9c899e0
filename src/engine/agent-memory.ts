import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { Epoch, GroupId, InstanceId, Term } from '../core/base/ids.ts';
import type { ActionOutcome } from './driver-port.ts';

/** What an agent must not forget through a crash of its own; kept durably by the shell. */
export interface AgentMemory {
  /** How often this agent has been started. Set before it says anything. */
  readonly starts?: number;
  /** Highest epoch and term seen per group: anything lower is refused (I2). */
  readonly highest: Readonly<Record<GroupId, { readonly epoch: Epoch; readonly term: Term }>>;
  /** Instances for which a promotion was performed and no proven end was seen since. Set before promoting. */
  readonly mayWrite: readonly InstanceId[];
  /** Instances that an order to stop accepting was taken for, and that were not told to go on since. Set before the order is carried out. */
  readonly stopped?: readonly InstanceId[];
  /** Commands done, oldest first, at most `REMEMBERED`; a repeat gets the same answer and nothing happens. */
  readonly done: readonly {
    readonly key: string;
    readonly outcome: ActionOutcome;
    readonly proof: FencingProof | null;
  }[];
}

export const REMEMBERED = 256;

export const blankMemory: AgentMemory = { highest: {}, mayWrite: [], done: [] };

/** What an agent that was just started has to save before it says anything. */
export const startedOnceMore = (memory: AgentMemory): AgentMemory => ({ ...memory, starts: (memory.starts ?? 0) + 1 });
