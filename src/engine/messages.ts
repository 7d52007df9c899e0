import type { FencingProof } from '../core/authority/fencing-proof.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import type {
  ComponentId,
  Epoch,
  GroupId,
  HostId,
  InstanceId,
  Revision,
  RunId,
  SiteId,
  StepId,
  Term,
} from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { SchedulingClass } from '../core/topology/topology.ts';
import type { ActionOutcome, InstanceAction, Postcondition, ProcessExit, Question } from './driver-port.ts';

/** What an agent tells every controller, every `reportEveryMs` and at once when a fact changed. Its arrival is the heartbeat. */
export interface AgentReport {
  readonly host: HostId;
  readonly site: SiteId;
  /** New at each start of the agent. */
  readonly boot: string;
  /** How often this agent has been started, this time included: what comes late from an earlier start is of the past. */
  readonly start: number;
  readonly sequence: number;
  readonly instances: readonly InstanceReport[];
  /** Of the agent, the warden beside it and its instances; for people, no decision reads it. Absent: not looked yet. */
  readonly scheduling?: readonly ProcessScheduling[];
}

/** How one process comes before other work of its host, as the kernel has it. */
export interface ProcessScheduling {
  /** `agent`, `warden`, or the instance. */
  readonly process: string;
  readonly class: SchedulingClass;
}

export interface InstanceReport {
  readonly instance: InstanceId;
  readonly component: ComponentId;
  /** Null: nothing was seen since the agent started. */
  readonly observation: InstanceObservation | null;
  /** Age of the observation when the report was sent. */
  readonly ageMs: number;
  readonly exit: ProcessExit | null;
  /**
   * The agent vouches that nothing of this instance can write: it ended, reaped, tree empty, and no promotion was performed
   * since. Durable knowledge, kept through a restart of the agent.
   */
  readonly silenced: boolean;
  /** How: its process tree is gone, or it confirmed that it stopped under a newer epoch. */
  readonly silencedBy: 'process-dead' | 'demoted';
  /** Number of the last lease renewal that this agent sent for it; a later one makes this report's `silenced` worthless. */
  readonly leaseCounter: number;
  /** Right now the agent renews a lease for it and it is, or is about to be, primary. */
  readonly leased: boolean;
}

/** An order from the leading controller to one agent. */
export interface Command {
  /** Same run, step and target → same key → performed once, however often it arrives. */
  readonly key: string;
  readonly group: GroupId;
  readonly term: Term;
  readonly epoch: Epoch;
  readonly run: RunId;
  readonly step: StepId;
  readonly attempt: number;
  readonly deadlineMs: number;
  readonly order: AgentOrder;
}

export type AgentOrder =
  /** Store the epoch, and have every instance of these components here store it, except one that may be writing. */
  | { readonly kind: 'raise-epoch'; readonly components: readonly ComponentId[] }
  /** Make sure that this instance writes no more; answers with a proof. `gentle` lets it confirm; else it is killed. */
  | { readonly kind: 'silence'; readonly instance: InstanceId; readonly gentle: boolean; readonly holderEpoch: Epoch }
  /** Become primary under the grant in this record; needs the lease first. */
  | {
      readonly kind: 'promote';
      readonly instance: InstanceId;
      readonly record: GroupRecord;
      readonly revision: Revision;
      /** Of the lease as its last holder left it; 0 = there was none. An older one costs a refused attempt, no more. */
      readonly leaseRevision: Revision;
    }
  | {
      readonly kind: 'perform';
      readonly instance: InstanceId;
      readonly action: InstanceAction;
      /** Of a drain, and of a recovery's action: what a record older than this says about new risk, or that no run is open, is not acted on any more. */
      readonly since?: Revision;
    }
  | { readonly kind: 'confirm'; readonly instance: InstanceId; readonly condition: Postcondition }
  /** Of no run: somebody wants to know. */
  | { readonly kind: 'ask'; readonly instance: InstanceId; readonly question: Question };

export interface CommandOutcome {
  readonly key: string;
  readonly attempt: number;
  readonly host: HostId;
  readonly outcome:
    | ActionOutcome
    /** Not done, and never will be under this term and epoch. */
    | {
        readonly kind: 'refused';
        readonly code: 'stale-term' | 'stale-epoch' | 'not-mine' | 'no-grant' | 'reign-over';
        readonly reason: string;
      };
  readonly proof: FencingProof | null;
  /** It had been done before; this is the remembered outcome. */
  readonly repeated: boolean;
}
