import type { FixMessage } from '../../fix/fix-message.ts';
import { TRADED_LOTS } from '../../fix/message-table.ts';
import { TAG } from '../../fix/tags.ts';
import { VENUE_TAG } from '../../venue/fix/fix-words.ts';
import type { VenueAnswers } from './venue-session.ts';

/** One question to an exchange, and its answers as they come. */
export class FixInquiry {
  /** Of this question; answers to another one are not taken. */
  readonly id: string;
  readonly #orders: readonly number[];
  readonly #unknown = new Set<number>();
  readonly #positions = new Map<string, { readonly bought: number; readonly sold: number }>();

  constructor(id: string, orders: readonly number[]) {
    this.id = id;
    this.#orders = orders;
  }

  /** Whether a status belongs to it; then it is taken. */
  takeStatus(message: FixMessage): void {
    const [id, at] = (message.text(TAG.OrdStatusReqID) ?? '').split('/');
    const order = id === this.id ? this.#orders[Number(at)] : undefined;
    if (order !== undefined && message.equals(TAG.OrderID, 'NONE')) this.#unknown.add(order);
  }

  /** The answers, when this was the last of them; else null. */
  takeState(message: FixMessage): VenueAnswers | null {
    if (!message.equals(VENUE_TAG.StateRequestId, this.id)) return null;
    const { countTag, firstTag, members } = TRADED_LOTS;
    const entries = message.groupEntries(countTag, firstTag, members);
    for (let at = 0; at + 1 < entries.length; at++) {
      const [from, to] = [entries[at]!, entries[at + 1]!];
      const lots = (tag: number) => message.int(tag, from, to) ?? 0;
      const traded = { bought: lots(VENUE_TAG.BoughtLots), sold: lots(VENUE_TAG.SoldLots) };
      this.#positions.set(message.text(TAG.Symbol, from, to) ?? '', traded);
    }
    if (!message.flag(TAG.LastRptRequested)) return null;
    const count = (tag: number) => message.int(tag) ?? 0;
    return {
      last: count(VENUE_TAG.LastReport),
      others: count(VENUE_TAG.OtherSessions),
      ending: count(VENUE_TAG.EndingSessions),
      unknown: this.#unknown,
      positions: this.#positions,
    };
  }
}
