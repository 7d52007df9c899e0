import type { Epoch, Revision } from '../core/base/ids.ts';
import type { AgentCore } from './agent-core.ts';
import { keys } from './authority-keys.ts';
import type { HeldLease } from './held-lease.ts';
import type { LocalInstance } from './local-instance.ts';

export interface Renewal {
  /** Under which it is held. */
  readonly epoch: Epoch;
  readonly lease: HeldLease;
  /** Where the last holder's stood, as far as whoever ordered a promotion knows; null = nobody said. */
  readonly leaseRevision: Revision | null;
}

/**
 * Puts one renewal into the authority, while the group's record is as it is known here.
 *
 * @param renewed the authority has it: by its number, which is of an earlier sending where that answer was lost
 * @param refused the record or the renewal was another one
 */
export function renewLease(
  agent: AgentCore,
  local: LocalInstance,
  { epoch, lease, leaseRevision }: Renewal,
  now: number,
  renewed: (counter: number, now: number) => void,
  refused: () => void = () => undefined,
): void {
  const { mirror, timing } = agent;
  const group = keys.group(local.group.id);
  const key = keys.lease(local.group.id, local.component.id);
  const counter = lease.sending(now);
  const value = {
    component: local.component.id,
    holder: local.instance.id,
    epoch,
    counter,
    gate: local.gate,
  };
  // Leases of others are not watched.
  const known = Math.max(mirror.revisionOf(key), leaseRevision ?? 0) as Revision;
  const compare = [
    { key: group, revision: mirror.revisionOf(group) },
    { key, revision: known },
  ];
  agent.transact({ compare, put: [{ key, value }] }, timing.selfFenceAfterMs / 2, now, (outcome, at) => {
    lease.answered(counter);
    if (outcome.kind === 'committed') {
      mirror.change([{ key, value }], outcome.revision, at);
      renewed(counter, at);
    } else if (outcome.kind === 'conflict') {
      refused();
      const stored = mirror.value<{ holder: string; epoch: number; counter: number }>(key);
      const isOurs = stored?.holder === local.instance.id && stored.epoch === epoch;
      if (stored && isOurs && lease.knows(stored.counter)) renewed(stored.counter, at);
      lease.retryAt(at);
      local.reconsider();
    } else lease.retryAt(at + timing.leaseRenewEveryMs / 4);
  });
}
