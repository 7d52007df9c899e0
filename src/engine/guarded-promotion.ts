import type { Epoch, MonoMs } from '../core/base/ids.ts';

/** Where a promotion stands, as whoever carries it out knows it now. */
export interface PromotionProgress {
  readonly epoch: Epoch;
  /** Newest epoch that the instance has stored. */
  readonly storedEpoch: number;
  /** The lease as it was last renewed, which may be later than the one that the promotion began with. */
  readonly leaseUntil: MonoMs;
  readonly now: MonoMs;
  /** It has become primary: by this promotion or by an earlier attempt that nobody saw the end of. */
  readonly primary: boolean;
  /** Until when its gate was confirmed to stay open, asked since it became what it is now; null = not asked. */
  readonly armedUntil: MonoMs | null;
}

export type PromotionStep =
  | { readonly kind: 'arm-gate' | 'become-primary' | 'open' }
  | { readonly kind: 'refuse'; readonly code: 'no-lease' | 'stale-epoch'; readonly reason: string };

/**
 * What comes next when a writer is promoted that does not look at its lease itself (I1, I3). Its way to the end may take longer than
 * its right, and its agent or its gate may be gone by then. So it becomes primary *closed*, which acknowledges nothing, and is opened
 * in a step of its own: with a current lease, no newer epoch, and a gate that was armed since it became primary. Interrupted anywhere,
 * it is not primary, or it is closed.
 */
export function nextPromotionStep(progress: PromotionProgress): PromotionStep {
  const { epoch, storedEpoch, leaseUntil, now, primary, armedUntil } = progress;
  if (storedEpoch > epoch)
    return { kind: 'refuse', code: 'stale-epoch', reason: `epoch ${epoch} is older than ${storedEpoch}` };
  if (leaseUntil <= now) return { kind: 'refuse', code: 'no-lease', reason: 'the lease ran out before it was open' };
  if (armedUntil === null || armedUntil <= now) return { kind: 'arm-gate' };
  return { kind: primary ? 'open' : 'become-primary' };
}
