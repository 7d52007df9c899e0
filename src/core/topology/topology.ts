import type { ComponentId, GroupId, HostId, InstanceId, LinkId, SiteId } from '../base/ids.ts';
import type { HostCheckPolicy } from '../health/host-checks.ts';
import type { NetworkPolicy } from '../network/budget.ts';
import type { Served, ServedKind } from './served.ts';

/**
 * The protected platform as its topology file describes it: parsed, defaulted, references resolved and checked.
 * Everything below is plain data; no site, component or count is known to the code (T1).
 */
export interface Topology {
  readonly name: string;
  readonly sites: readonly Site[];
  readonly links: readonly Link[];
  readonly hosts: readonly Host[];
  readonly components: readonly Component[];
  readonly groups: readonly FailoverGroup[];
  /** The exchanges the firm trades on: outside every site, own failing domain. */
  readonly venues: readonly Venue[];
  readonly contacts: readonly Contact[];
  readonly timing: Timing;
  readonly reconciliation: ReconciliationPolicy;
  /** What is measured between sites, and against what; absent: nothing. */
  readonly network?: NetworkPolicy;
  /** What agents look at of their hosts, and against what; absent: nothing. */
  readonly hostChecks?: HostCheckPolicy;
  /** Controllers tell what they know in figures to whoever may ask; absent: they do not. */
  readonly metrics?: true;
}

/** `serve` may be active · `standby` may take over · `witness` votes · `archive` keeps copies, never serves. */
export type SiteCapability = 'serve' | 'standby' | 'witness' | 'archive';

export interface Site {
  readonly id: SiteId;
  readonly title: string;
  readonly capabilities: readonly SiteCapability[];
  /** Exactly one voter of the authority per voting site. */
  readonly voter: boolean;
  /** Lower is preferred when several sites could serve. */
  readonly preference: number;
  readonly inventory: SiteInventory | null;
}

/** Planning figures (T4); nothing here is run. */
export interface SiteInventory {
  readonly location: string | null;
  readonly serversByRole: Readonly<Record<string, number>>;
  readonly cores: number | null;
  readonly ramGb: number | null;
  readonly storageTb: number | null;
  readonly uplinks: readonly { readonly count: number; readonly gbps: number }[];
  readonly powerKw: number | null;
  readonly coolingBtuPerHour: number | null;
  readonly powerRedundancy: string | null;
  readonly coolingRedundancy: string | null;
  readonly gridId: string | null;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly videoRetentionDays: number | null;
  readonly authorizedPersonnel: number | null;
  readonly physicalControls: readonly string[];
}

export interface Link {
  readonly id: LinkId;
  readonly between: readonly [SiteId, SiteId];
  /** Round trip, as `ping` would show it. */
  readonly rttMs: number;
  readonly bandwidthMbps: number;
  readonly provider: string | null;
  /** Physical route; two links of one pair on one path group fail together. */
  readonly pathGroup: string;
  /** 1 is used first; a backup has a higher number. */
  readonly priority: number;
  readonly slaPercent: number | null;
}

export interface Host {
  readonly id: HostId;
  readonly site: SiteId;
  readonly rack: string | null;
  /**
   * How what detects, fences and serves there is to come before other work; never more than this. Null: as `usualScheduling`, and
   * nothing is missed where that is not allowed.
   */
  readonly scheduling: SchedulingClass | null;
  /** Programs that its service manager keeps running, as `systemd:UNIT` or `supervisord:PROGRAM`; looked at with `hostChecks`. */
  readonly services?: readonly string[];
}

/**
 * How a process comes before other work of its host. `real-time`: runs as soon as it has something to do. `raised`: has a larger share
 * than others. `ordinary`: waits like all.
 */
export type SchedulingClass = 'real-time' | 'raised' | 'ordinary';
export const schedulingClasses: readonly SchedulingClass[] = ['ordinary', 'raised', 'real-time'];
/** Where a topology says nothing. Real-time is for those who ask for it. */
export const usualScheduling: SchedulingClass = 'raised';

export type ComponentKind =
  | 'postgres'
  | 'trading-engine'
  | 'order-management'
  | 'front'
  | 'risk-engine'
  | 'position-keeper'
  | 'market-data'
  | ServedKind
  | 'inventory';
export type Category = 'hot' | 'warm' | 'cold';
export type Automation = 'full' | 'semi' | 'manual';

export interface Component {
  readonly id: ComponentId;
  readonly title: string;
  /** Which driver runs it; `inventory` is planned for and reported on but not run. */
  readonly kind: ComponentKind;
  readonly category: Category;
  readonly automation: Automation;
  readonly objective: Objective;
  /** 1 first … 4 last (T3). */
  readonly priority: 1 | 2 | 3 | 4;
  readonly dependsOn: readonly ComponentId[];
  readonly instances: readonly Instance[];
  readonly probes: readonly Probe[];
  /**
   * `owned`: Holdfast grants and revokes its right to write. `none`: stateless, moved but never leased. `delegated`: something else
   * says who is primary and may do so by itself; Holdfast asks it.
   */
  readonly authority: 'owned' | 'delegated' | 'none';
  readonly durability: Durability | null;
  /** Of served kinds only. */
  readonly served?: Served;
}

export interface Objective {
  readonly rtoMs: number;
  readonly rpoMs: number;
  readonly availabilityPercent: number | null;
  /** Where the objective is split by stage; null where it is not. */
  readonly stages: {
    readonly detectMs: number;
    readonly decideMs: number;
    readonly executeMs: number;
    readonly validateMs: number;
  } | null;
}

export interface Instance {
  readonly id: InstanceId;
  readonly component: ComponentId;
  readonly host: HostId;
  /** `sync`: in the set that must acknowledge. `async`: follows, cannot be promoted without loss. */
  readonly replication: 'sync' | 'async' | 'none';
  /** May ever be granted the primary role. False at witness and archive sites. */
  readonly eligible: boolean;
  /** Replicates from this instance rather than from the primary (a cascade); null = from the primary. */
  readonly upstream: InstanceId | null;
}

/** Process/port, application, business logic, end to end (H1). */
export type ProbeDepth = 'process' | 'application' | 'business' | 'end-to-end';
export interface Probe {
  readonly depth: ProbeDepth;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Above this the observation is `bad` although an answer came; null = no bound. */
  readonly maxLatencyMs: number | null;
}

/** What a primary does when a member of its acknowledgement set is gone. */
export type AfterPeerLoss = 'degrade' | 'halt';
export interface Durability {
  /** Who must hold a write before it is acknowledged; shown with the RPO that it gives. */
  readonly acknowledge: 'local' | 'replica' | 'remote-site';
  readonly afterPeerLoss: AfterPeerLoss;
}

/** May Holdfast act on this diagnosis by itself? */
export type AutomationPolicy = 'automatic' | 'approval' | 'manual' | 'observe';

/** Components that are active in the same site and move together, ordered by their dependencies. */
export interface FailoverGroup {
  readonly id: GroupId;
  readonly components: readonly ComponentId[];
  /** Within the active site (an instance gives way to another one beside it). */
  readonly instancePolicy: AutomationPolicy;
  /** To another site. The shipped policy is `approval` (F9). */
  readonly sitePolicy: AutomationPolicy;
  readonly coolDownMs: number;
  /** More automatic runs than this within `coolDownMs` and the next waits for a person (H6). */
  readonly maxRunsPerCoolDown: number;
  /** `automatic`: a diverged standby is rebuilt after its tail has been kept; `listed`: of a database, after it was also decoded, all of it. */
  readonly rejoinPolicy: 'automatic' | 'listed' | 'approval';
  readonly plannedMove: PlannedMovePolicy;
}

/** What a planned move asks for before it begins, and how long it is watched afterwards (F5). */
export interface PlannedMovePolicy {
  /** Somebody with the role approver or above asks for it or has approved it. */
  readonly approval: boolean;
  readonly ticket: boolean;
  /** From its announcement to its beginning; 0 = none is asked for. */
  readonly noticeMs: number;
  readonly watchMs: number;
  /** No exchange that has a calendar is in its trading hours. */
  readonly outsideMarketHours: boolean;
}

export interface Venue {
  readonly id: string;
  readonly title: string;
  /** Round trip from each site that trades there. */
  readonly rttMsBySite: Readonly<Record<string, number>>;
  /** What is traded there; empty = anything. */
  readonly symbols: readonly string[];
  /** Whether a session there names the firm's epoch, and older ones are refused, or proves itself by credentials, as real ones do. */
  readonly sessions: 'epochs' | 'credentials';
  /** How engines trade there. */
  readonly protocol: 'binary' | 'fix';
  /** What a takeover cancels there before new risk: nothing, orders for the day, or all. */
  readonly onTakeover: 'keep' | 'cancel-day' | 'cancel-all';
  /** Market whose days and hours it keeps (ISO 10383, `XNYS`); null = nobody says when it trades. */
  readonly calendar: string | null;
}

export interface Contact {
  readonly role: string;
  readonly name: string | null;
  readonly phone: string | null;
  readonly email: string | null;
  /** Exactly one contact leads a crisis. */
  readonly crisisLead: boolean;
}

/** Durations that safety rests on; their arithmetic is asserted at start-up (`lease-arithmetic.ts`). */
export interface Timing {
  readonly leaseRenewEveryMs: number;
  /** The holder stops releasing this long after it sent its last successful renewal. */
  readonly selfFenceAfterMs: number;
  /** From the decision to stop to nothing being released any more (gate closed, process tree killed). */
  readonly stopWithinMs: number;
  /** Clock-rate bound between any two machines, parts per million. */
  readonly clockRatePpm: number;
  readonly leaseMarginMs: number;
  readonly reportEveryMs: number;
  /** Floor and ceiling of the adaptive silence threshold (F8, H1). */
  readonly silenceFloorMs: number;
  readonly silenceCeilingMs: number;
  readonly leaderRenewEveryMs: number;
  readonly leaderTimeoutMs: number;
  readonly stepDeadlineMs: number;
}

/** When a difference between the books of engine, position keeper, database and exchange counts, and for whom (S5). */
export interface ReconciliationPolicy {
  /** Up to here a difference is not a break. */
  readonly toleranceLots: number;
  /** Above this somebody is called. */
  readonly alertAboveLots: number;
  /** A difference that is gone within this time was a matter of timing. */
  readonly settleMs: number;
}
