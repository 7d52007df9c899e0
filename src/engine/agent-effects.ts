import type { Json } from '../core/base/canonical-json.ts';
import type { InstanceId, Revision } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { StoredValue, Transaction, TransactionOutcome } from './authority-port.ts';
import type { ActionOutcome, InstanceAction, Postcondition, ProcessExit, Question } from './driver-port.ts';
import type { AgentReport, Command, CommandOutcome } from './messages.ts';

/** Everything that can happen to an agent. Time comes with each event, never from a clock. */
export type AgentEvent =
  | { readonly kind: 'tick' }
  | { readonly kind: 'observed'; readonly observation: InstanceObservation }
  | { readonly kind: 'exited'; readonly exit: ProcessExit }
  | { readonly kind: 'performed'; readonly operation: number; readonly outcome: ActionOutcome }
  | { readonly kind: 'confirmed'; readonly operation: number; readonly answer: 'holds' | 'does-not-hold' | 'unknown' }
  | { readonly kind: 'command'; readonly command: Command }
  | AuthorityEvent;

/** What a process hears of the authority; the same for agents and controllers. */
export type AuthorityEvent =
  | {
      readonly kind: 'authority-snapshot';
      readonly revision: Revision;
      readonly incarnation: string;
      readonly entries: Readonly<Record<string, StoredValue>>;
    }
  | {
      readonly kind: 'authority-changed';
      readonly revision: Revision;
      readonly changes: readonly { readonly key: string; readonly value: Json | null }[];
    }
  | { readonly kind: 'authority-heard' }
  | { readonly kind: 'transacted'; readonly transaction: number; readonly outcome: TransactionOutcome };

/** What an agent wants done. Carried out in order; `persist` is durable before anything after it begins. */
export type AgentEffect =
  | { readonly kind: 'persist'; readonly memory: AgentMemory }
  | { readonly kind: 'transact'; readonly transaction: number; readonly body: Transaction; readonly deadlineMs: number }
  | {
      readonly kind: 'perform';
      readonly operation: number;
      readonly instance: InstanceId;
      readonly action: InstanceAction;
      readonly deadlineMs: number;
    }
  | {
      readonly kind: 'confirm';
      readonly operation: number;
      readonly instance: InstanceId;
      readonly condition: Postcondition;
      readonly deadlineMs: number;
    }
  /** Answered by `performed`. */
  | {
      readonly kind: 'ask';
      readonly operation: number;
      readonly instance: InstanceId;
      readonly question: Question;
      readonly deadlineMs: number;
    }
  | { readonly kind: 'report'; readonly report: AgentReport }
  | { readonly kind: 'answer'; readonly outcome: CommandOutcome }
  | { readonly kind: 'evidence'; readonly about: AgentEvidence };

/** What an agent writes into its own chain. */
export type AgentEvidence = {
  readonly kind:
    | 'self-fenced'
    | 'lease-lost'
    | 'command-performed'
    | 'command-refused'
    | 'durability-changed'
    | 'reconciled'
    | 'tail-listed'
    | 'exited';
  readonly instance: InstanceId | null;
  readonly data: Json;
};
