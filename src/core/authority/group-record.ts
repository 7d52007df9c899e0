import type { ComponentId, Epoch, GroupId, InstanceId, Revision, RunId, SiteId, WallMs } from '../base/ids.ts';
import type { StreamEnd } from '../health/instance-observation.ts';
import type { StreamLoss } from '../replication/stream-loss.ts';

/**
 * Who may write, for one failover group: the one key that the authority holds for it, changed only by
 * compare-and-set on its revision. Controllers change epoch and holders; a holder's agent changes `ackSet`,
 * `promotable` and `mode` of its own grant.
 */
export interface GroupRecord {
  readonly group: GroupId;
  /** Identity of the authority's data; a restored store gets a new one and a higher epoch (ADR 0004). */
  readonly incarnation: string;
  readonly epoch: Epoch;
  readonly activeSite: SiteId | null;
  /** Whose front clients are led to; every other front is closed. */
  readonly traffic: SiteId | null;
  readonly grants: Readonly<Record<ComponentId, Grant>>;
  /** The run that may act on this group (I7); null when none. */
  readonly run: RunId | null;
  /** New risk is accepted. Set last in a failover, cleared first. */
  readonly tradingEnabled: boolean;
  /** Of what is delegated: whom its delegate's lock was last seen to name, who confirmed it. What leads to it follows. Absent where nothing is. */
  readonly delegates?: Readonly<Record<ComponentId, AdoptedPrimary>>;
  /** Where a Redis lets writers in instead of beside whoever writes to it, after it was lost there. Absent where nothing was replaced. */
  readonly writers?: Readonly<Record<ComponentId, ReplacedWriter>>;
  /** Who said that this incarnation is to be believed, after a restore; absent where none ever was. */
  readonly adopted?: AdoptionMark;
}

export interface AdoptionMark {
  readonly by: string;
  readonly role: string;
  readonly reason: string;
  readonly at: WallMs;
}

/** No grant: what something else decided, as it was seen. */
export interface AdoptedPrimary {
  readonly component: ComponentId;
  /** Null while a run moves it: nobody is led there. */
  readonly holder: InstanceId | null;
  /** Revision of the delegate's store at which it took the lock. */
  readonly lock: number;
  /** Of the group, when it was adopted. */
  readonly epoch: Epoch;
  /** While `holder` is null and clients come through gates: whose was open last. Absent: what is known of gates proves nothing. */
  readonly left?: LeftSeat;
  /** While `holder` is null and its delegate asks before it promotes: who alone may be promoted, for as long as that run is under way. */
  readonly moving?: { readonly run: RunId; readonly to: InstanceId };
}

/** Clients were let in there until a run took it out of the record. No gate of the component was opened since; each closes by itself. */
export interface LeftSeat {
  readonly instance: InstanceId;
  /** Revision of the delegate's store at which it had taken the lock. */
  readonly lock: number;
  /** Of the newest renewal of any gate of the component, when the record changed. */
  readonly leaseRevision: Revision;
}

/** Holds while what writes to it is held at `besideSite`; a grant elsewhere ends it. */
export interface ReplacedWriter {
  readonly component: ComponentId;
  /** Null: closed, until `former` is proved to let nobody in. */
  readonly instance: InstanceId | null;
  /** Of the group, since it was closed. */
  readonly epoch: Epoch;
  readonly former: InstanceId;
  readonly besideSite: SiteId;
  /** For people. */
  readonly why: string;
  /** Where the former one's stream ended, as it last said. Absent while nobody is named, and where it is not known. */
  readonly formerEnd?: FormerEnd;
  /** What the named one lacks of it. Absent until that was seen open. */
  readonly loss?: StreamLoss;
}

export interface FormerEnd extends StreamEnd {
  /** It said so after it had been closed. */
  readonly stopped: boolean;
  /** It ended at most so long after it was asked. Left out = it was not seen to end. */
  readonly endedWithinMs?: number;
}

export interface Grant {
  readonly component: ComponentId;
  /** Null between revocation and promotion. */
  readonly holder: InstanceId | null;
  /** Group epoch at which this grant was made: the fencing token that its holder presents to receivers. */
  readonly epoch: Epoch;
  /** Whom the holder waits for before it acknowledges. Always a superset of `promotable` minus the holder (I9). */
  readonly ackSet: readonly InstanceId[];
  /** Who holds everything acknowledged, besides the holder. Shrinks before the real acknowledgement set shrinks. */
  readonly promotable: readonly InstanceId[];
  readonly mode: DurabilityMode;
  /** Who held it before the revocation that made `holder` null; needs a fencing proof before the next grant. */
  readonly revoked: RevokedHolder | null;
}

export interface RevokedHolder {
  readonly instance: InstanceId;
  readonly epoch: Epoch;
  /** Lease revision named in the revocation; the wait counts from when the revoker saw it. 0 = it never renewed. */
  readonly leaseRevision: Revision;
  /** `promotable` at the moment of revocation: only these (and the old holder itself) may be granted. */
  readonly promotable: readonly InstanceId[];
  /**
   * Set when the authority was restored and adopted since: what it remembers of renewals proves nothing. `believed`: every
   * instance was heard and none knows a newer reign, so this holder has everything acknowledged. `doubted`: nobody is known to.
   */
  readonly adopted?: 'believed' | 'doubted';
}

/** Who has everything that was acknowledged under this grant or under the one that was revoked; others may lack some (I9). */
export function holdersOfEverything(grant: Grant): readonly InstanceId[] {
  if (grant.revoked?.adopted === 'doubted') return [];
  if (grant.revoked) return [...grant.revoked.promotable, grant.revoked.instance];
  return grant.holder === null ? grant.promotable : [...grant.promotable, grant.holder];
}

/**
 * `degraded`: acknowledging without a peer, so a further failure can lose what is counted as exposure. `halted`: no new risk.
 * `lost`: whoever could confirm and does not.
 */
export type DurabilityMode =
  | { readonly kind: 'strict' }
  | {
      readonly kind: 'degraded';
      readonly sinceEpoch: Epoch;
      readonly lost: readonly InstanceId[];
      /** Set where the policy says halt: who said that it goes on all the same. */
      readonly accepted?: AcceptedExposure;
    }
  | { readonly kind: 'halted'; readonly lost: readonly InstanceId[]; readonly accepted?: AcceptedExposure };

/** A person's word that a halted component goes on without exactly these; a further loss halts it again. Ends when strict again. */
export interface AcceptedExposure {
  readonly lost: readonly InstanceId[];
  readonly by: string;
  readonly role: string;
  readonly reason: string;
  readonly at: WallMs;
}

/** Renewal of one grant: a key of its own, put only while the group record is unchanged (ADR 0003). */
export interface LeaseRecord {
  readonly component: ComponentId;
  readonly holder: InstanceId;
  readonly epoch: Epoch;
  readonly counter: number;
  /** The gate outside the agent that was armed when this renewal was sent; null = none, so expiry proves nothing. */
  readonly gate: { readonly kind: 'self' | 'warden' | 'nftables'; readonly boundMs: number } | null;
}
