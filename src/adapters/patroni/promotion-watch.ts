import type { Epoch } from '../../core/base/ids.ts';
import type { StoreView } from './store.ts';

/** Something that Patroni did. `asked`: the epoch in which this driver asked for it; null = it did so by itself, or for somebody else. */
export type DelegateEvent =
  /** The lock has another holder, or none. */
  | {
      readonly kind: 'lock-moved';
      readonly from: string | null;
      readonly to: string | null;
      readonly asked: Epoch | null;
    }
  /** A new timeline began. Also told of one that was begun and ended between two looks. */
  | {
      readonly kind: 'promoted';
      readonly member: string | null;
      readonly timeline: number;
      /** Where the one before ended. */
      readonly at: number;
      readonly when: string | null;
      readonly asked: Epoch | null;
    };

/** What has been seen of a cluster so far; kept by whoever watches, so that nothing is missed over its own restart. */
export interface SeenPromotions {
  readonly leader: string | null;
  /** Highest one that a promotion has ended. */
  readonly endedTimeline: number;
}

/** What was asked for last, and in which epoch. */
export interface AskedPromotion {
  readonly member: string;
  readonly epoch: Epoch;
}

/** Pure. The first look at a cluster (`seen` null) tells nothing: what was before it was is nobody's news. */
export function delegateEvents(
  seen: SeenPromotions | null,
  view: StoreView,
  asked: AskedPromotion | null,
): { readonly events: readonly DelegateEvent[]; readonly seen: SeenPromotions } {
  const endedTimeline = Math.max(seen?.endedTimeline ?? 0, ...view.history.map((change) => change.endedTimeline));
  const now: SeenPromotions = { leader: view.leader, endedTimeline };
  if (seen === null) return { events: [], seen: now };
  const askedFor = (member: string | null) => (asked !== null && member === asked.member ? asked.epoch : null);
  const events: DelegateEvent[] = [];
  if (view.leader !== seen.leader)
    events.push({ kind: 'lock-moved', from: seen.leader, to: view.leader, asked: askedFor(view.leader) });
  for (const change of view.history)
    if (change.endedTimeline > seen.endedTimeline)
      events.push({
        kind: 'promoted',
        member: change.newPrimary,
        timeline: change.endedTimeline + 1,
        at: change.at,
        when: change.when,
        asked: askedFor(change.newPrimary),
      });
  return { events, seen: now };
}
