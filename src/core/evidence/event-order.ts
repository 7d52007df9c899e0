import type { HeldAnchor } from './anchor.ts';
import type { EvidenceEntry } from './evidence-entry.ts';

/** `unordered`: nothing recorded allows to say which came first. */
export type EventOrder =
  | { readonly kind: 'before' | 'after'; readonly because: 'sequence' | 'anchor' | 'clock' }
  | { readonly kind: 'same' | 'unordered' };

type Moment = Pick<EvidenceEntry, 'chain' | 'sequence' | 'at' | 'clockErrorMs'>;

/**
 * Which of two entries was recorded first. Within a chain the sequence says it. Across chains an anchor that saw one and
 * was written down before the other says it; else only clocks whose error intervals do not overlap.
 */
export function compareEntries(left: Moment, right: Moment, anchors: readonly HeldAnchor[] = []): EventOrder {
  if (left.chain === right.chain) {
    if (left.sequence === right.sequence) return { kind: 'same' };
    return { kind: left.sequence < right.sequence ? 'before' : 'after', because: 'sequence' };
  }
  if (anchors.some((held) => separates(held, left, right))) return { kind: 'before', because: 'anchor' };
  if (anchors.some((held) => separates(held, right, left))) return { kind: 'after', because: 'anchor' };
  if (left.clockErrorMs === null || right.clockErrorMs === null) return { kind: 'unordered' };
  if (left.at + left.clockErrorMs < right.at - right.clockErrorMs) return { kind: 'before', because: 'clock' };
  if (right.at + right.clockErrorMs < left.at - left.clockErrorMs) return { kind: 'after', because: 'clock' };
  return { kind: 'unordered' };
}

const separates = ({ anchor, heldBy }: HeldAnchor, earlier: Moment, later: Moment): boolean =>
  (anchor.heads[earlier.chain]?.sequence ?? 0) >= earlier.sequence &&
  heldBy.some((by) => by.chain === later.chain && by.sequence <= later.sequence);
