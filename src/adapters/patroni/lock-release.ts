import type { LockSeen } from '../../core/authority/fencing-proof.ts';
import type { Concern } from './concerns.ts';
import type { ClusterObservation } from './driver.ts';

export interface ReleaseWish {
  /** Of which nothing is left, as was seen on its host after the lock was as `lock` says, or which lets no client in. */
  readonly holder: string;
  /** `renewed` null: it may have been renewed since, and is not while it is taken. */
  readonly lock: Pick<LockSeen, 'since'> & { readonly renewed: number | null };
  /** Who is to have it. */
  readonly candidate: string;
}

/** Only warned of where Patroni waits for its lock by itself. */
const keepsLock: ReadonlySet<Concern['id']> = new Set(['untried-version', 'failsafe', 'promotion-unchecked']);

/**
 * Why a lock is not taken from its holder before its time, by one look of the candidate's agent; null = it may be. What is not known keeps
 * it, as does whatever makes Patroni go by something else than this lock.
 */
export function whyKept(
  { member, settings, store, concerns, reasons }: Omit<ClusterObservation, 'events'>,
  { holder, lock, candidate }: ReleaseWish,
): string | null {
  if (member === null || settings === null || store === null)
    return `what there is was not found out: ${reasons.join('; ')}`;
  const danger = concerns.find(({ id, severity }) => severity === 'refuse' || keepsLock.has(id));
  if (danger !== undefined) return `${danger.id}: ${danger.text}`;
  if (settings.durability !== 'strict') return 'commits are not strictly synchronous';
  if (settings.paused || member.paused) return 'Patroni is paused';
  if (store.leader !== holder || store.leaderSince !== lock.since) return `${holder} has not the lock of then any more`;
  if (store.leaderRenewed === null) return 'the store does not say when the lock was renewed';
  if (lock.renewed !== null && store.leaderRenewed !== lock.renewed)
    return `${holder} has renewed its lock since it was seen to be gone`;
  if (store.sync?.leader !== holder || store.sync.quorum > 0 || !store.sync.standbys.includes(candidate))
    return `the store does not name ${candidate} as the synchronous standby of ${holder}`;
  const isUp = member.state === 'running' || member.state === 'streaming';
  return member.role === 'replica' && isUp && !member.tags.nofailover
    ? null
    : `${candidate} is ${member.role}, ${member.state}${member.tags.nofailover ? ', and may never be promoted' : ''}`;
}
