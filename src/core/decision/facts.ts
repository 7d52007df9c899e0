import type { GroupRecord } from '../authority/group-record.ts';
import type { ComponentId, Epoch, GroupId, HostId, InstanceId, Revision, SiteId, Term, WallMs } from '../base/ids.ts';
import type { InstanceObservation } from '../health/instance-observation.ts';
import type { Observer, Verdict } from '../health/verdict.ts';
import type { RunState } from '../run/run.ts';
import type { FailoverGroup, Host, Instance, Site, Topology } from '../topology/topology.ts';
import type { Brakes } from './brakes.ts';

/**
 * Everything that a decision about one group may look at, gathered at one moment by the leading controller. Plain data:
 * the same facts always lead to the same decision, and a receipt stores their digest.
 */
export interface Facts {
  readonly topology: Topology;
  readonly group: FailoverGroup;
  readonly wallMs: WallMs;
  readonly leadership: { readonly leading: boolean; readonly term: Term };
  readonly authority: AuthorityFacts;
  /** Null before the group was first activated. */
  readonly record: GroupRecord | null;
  readonly recordRevision: Revision;
  readonly brakes: Brakes;
  readonly sites: ReadonlyMap<SiteId, SiteFacts>;
  readonly hosts: ReadonlyMap<HostId, HostFacts>;
  readonly instances: ReadonlyMap<InstanceId, InstanceFacts>;
  readonly leases: ReadonlyMap<ComponentId, LeaseFacts>;
  /** How long members of an acknowledgement set have been seen not in step with their holder; who is in step is not in it. */
  readonly laggingMs: ReadonlyMap<InstanceId, number>;
  /** The run that holds the group, also a dead leader's. */
  readonly run: RunState | null;
  readonly successorWaitMs: number;
}

export interface AuthorityFacts {
  /** Since anything was heard from it (a committed transaction, a watch event or heartbeat). Null = never. */
  readonly silentMs: number | null;
  readonly staleAfterMs: number;
  /** False when the store's identity is not the one this group's record was written in: it was restored or rebuilt. */
  readonly incarnationMatches: boolean;
}

export interface SiteFacts {
  readonly site: Site;
  readonly verdict: Verdict;
}

export interface HostFacts {
  readonly host: Host;
  readonly verdict: Verdict;
  readonly observers: readonly Observer[];
  /** This controller has a live connection to its agent. */
  readonly connected: boolean;
}

export interface InstanceFacts {
  readonly instance: Instance;
  readonly group: GroupId;
  readonly site: SiteId;
  readonly verdict: Verdict;
  /** Last that was seen of it, however old: facts about a dead node were cached before it died. */
  readonly observation: InstanceObservation | null;
  /** Age of that on the gathering controller's clock; null = never seen. */
  readonly ageMs: number | null;
  readonly fresh: boolean;
  /** Its own agent, freshly, says that the process is gone, reaped, with an empty tree. */
  readonly provedDead: boolean;
  /** How its agent knows that it writes no more; says something only while `provedDead`. */
  readonly silencedBy: 'process-dead' | 'demoted';
  /** Dependants (replicas, fronts) that lost it, and those that still have it. */
  readonly lostBy: readonly InstanceId[];
  readonly heldBy: readonly InstanceId[];
}

export interface LeaseFacts {
  readonly holder: InstanceId;
  readonly epoch: Epoch;
  readonly revision: Revision;
  /** Since the gathering controller saw this renewal, on its own monotonic clock. */
  readonly seenMsAgo: number;
  readonly gate: { readonly kind: string; readonly boundMs: number } | null;
}
