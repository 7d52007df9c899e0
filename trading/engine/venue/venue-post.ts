import { monoNowMs } from '../../base/mono-clock.ts';
import type { ItemList } from '../order-pool.ts';
import { ITEM_KIND, ITEM_STATE } from '../order-pool.ts';
import type { OrderState } from '../order-state.ts';
import { Interlock } from './interlock.ts';
import type { Takeover } from './takeover.ts';
import type { EngineVenueConfig } from './venue-config.ts';
import type { SessionProof, VenueAnswers, VenueSession } from './venue-session.ts';

/** What a reign lends to its exchanges. */
export interface ReignHooks {
  readonly state: OrderState;
  /** Where the journal ended when the reign began. */
  readonly base: number;
  /** An earlier reign released everything up to here: every replica that must have it has it, and it may be at the exchange. */
  readonly releasedBefore: number;
  readonly takeover: Takeover;
  released(): number;
  mayRelease(): boolean;
  /** Journals a cancel of the engine itself; returns it. */
  cancel(order: number): number;
}

const FIRST_AGAIN_MS = 40;
const MOST_AGAIN_MS = 1000;

/** One exchange as an engine trades there in one reign: its session, its interlock, and what is in doubt there. */
export class VenuePost {
  readonly config: EngineVenueConfig;
  readonly session: VenueSession;
  readonly interlock = new Interlock();
  /** In the journal; −1 while it has none there. */
  number = -1;
  #isDue = false;
  #isFirst = true;
  /** An answer of the exchange is under way; what was sent meanwhile is asked about after it. */
  #isAsking = false;
  #asksAgain = false;
  #isBaseReleased = false;
  /** Of what was inherited something must be released before it may be sent again. */
  #owes = false;
  #askAgainAtMs = Number.POSITIVE_INFINITY;
  #againMs = FIRST_AGAIN_MS;
  #hasFailed = false;

  constructor(config: EngineVenueConfig, session: VenueSession) {
    this.config = config;
    this.session = session;
  }

  get firm(): string {
    return this.config.firm;
  }

  /** It was tried in this reign, and could not be reached or would not have the session. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** What the reign inherited is not released yet: not everything can be settled before that is. */
  get waitsForRelease(): boolean {
    return this.session.waitsForRelease || (this.session.ready && !this.#isBaseReleased);
  }

  begin(number: number): void {
    this.number = number;
    this.#isFirst = true;
    this.#isBaseReleased = false;
    this.#hasFailed = false;
    this.lost('it was not connected yet');
    this.#hasFailed = false;
  }

  lost(why: string): void {
    this.#hasFailed = true;
    this.#isDue = false;
    this.#isAsking = false;
    this.#asksAgain = false;
    this.#owes = false;
    this.#askAgainAtMs = Number.POSITIVE_INFINITY;
    this.interlock.lost(why);
  }

  ready(proof: SessionProof, takeover: Takeover | null): void {
    this.interlock.replayed(proof);
    if (this.#isFirst) takeover?.seated(this.config.name, proof, this.session.missed);
    this.#isDue = true;
    this.#againMs = FIRST_AGAIN_MS;
  }

  /**
   * Sends what is in doubt again, idempotently, and asks the exchange behind it. What an earlier reign released goes at once, the rest of
   * what was inherited when this one has released it.
   */
  advance(reign: ReignHooks): void {
    this.#isBaseReleased ||= reign.released() >= reign.base;
    if (this.#owes && this.#isBaseReleased) {
      this.#owes = false;
      this.#isDue ||= this.interlock.unsettled.size > 0;
    }
    if (!this.#isDue || !this.session.ready || !reign.mayRelease()) return;
    // Where there are no epochs nothing is reconciled before the exchange says that the older session is gone.
    if (!this.interlock.oldSessionIsDead) {
      this.#isDue = false;
      this.#ask([]);
      return;
    }
    const { state } = reign;
    const { unsettled } = this.interlock;
    // What was inherited is in no queue of this reign: it is sent from here. What is not released, a cancel of the policy perhaps, is in
    // the queue of this reign and leaves from there.
    const upTo = this.#isBaseReleased ? reign.released() : reign.releasedBefore;
    const inDoubt = unsettled.size > 0 ? [...unsettled.keys()] : this.#inDoubt(reign);
    const again = inDoubt.filter((item) => state.items.sequence(item) <= upTo);
    for (const item of again) this.session.stageItem(item);
    if (!reign.mayRelease()) {
      // Sent twice is harmless there, not sent is not.
      this.session.unstage();
      return;
    }
    this.#isDue = false;
    this.session.flush();
    for (const item of inDoubt)
      if (state.items.state(item) === ITEM_STATE.pending) this.interlock.awaits(item, symbolOf(state, item), 'orders');
    if (this.#isAsking) {
      this.#asksAgain = true;
      return;
    }
    this.#owes = !this.#isBaseReleased && inDoubt.length > again.length;
    if (this.#isFirst) this.#cancelByPolicy(reign);
    this.#isFirst = false;
    this.interlock.sent();
    this.#ask(again.filter((item) => state.isOrder(item)));
  }

  /** A report or a refusal was journalled for this item: true when it was waited for. */
  settled(state: OrderState, item: number): boolean {
    if (this.interlock.unsettled.size === 0 || state.items.state(item) === ITEM_STATE.pending) return false;
    return this.interlock.settled(item);
  }

  answered(answers: VenueAnswers, state: OrderState, symbolsHere: (symbol: number) => boolean): void {
    this.#isAsking = false;
    this.#isDue ||= this.#asksAgain;
    this.#asksAgain = false;
    const wasAlone = this.interlock.oldSessionIsDead;
    // Not of this moment: what was asked for is not comparable, and asked again.
    if (answers.last === state.venues.lastReport(this.number)) {
      const { others, ending } = answers;
      this.interlock.answered({ others, ending, differing: differing(answers, state, symbolsHere) });
    }
    if (this.interlock.clear) this.#isDue = false;
    if (this.interlock.clear || this.#isDue) return;
    if (!wasAlone && this.interlock.oldSessionIsDead) {
      this.#isDue = true;
      return;
    }
    this.#askAgainAtMs = monoNowMs() + this.#againMs;
    this.#againMs = Math.min(MOST_AGAIN_MS, this.#againMs * 2);
  }

  tick(nowMs: number): void {
    this.session.tick(nowMs);
    if (nowMs < this.#askAgainAtMs) return;
    this.#askAgainAtMs = Number.POSITIVE_INFINITY;
    if (!this.interlock.clear) this.#isDue = true;
  }

  #ask(orders: readonly number[]): void {
    this.#isAsking = true;
    this.session.inquire(orders);
  }

  /** What is inherited or released, for this exchange, and not confirmed; the rest is in the queue of this reign. */
  #inDoubt({ state, base, released }: ReignHooks): number[] {
    const { items } = state;
    const upTo = Math.max(base, released());
    const found: number[] = [];
    const gather = (list: Readonly<ItemList>) => {
      for (let item = list.first; item !== -1; item = items.next(item))
        if (items.venue(item) === this.number && items.sequence(item) <= upTo) found.push(item);
    };
    gather(state.pendingOrders);
    gather(state.pendingRequests);
    return found;
  }

  #cancelByPolicy({ state, cancel }: ReignHooks): void {
    const { onTakeover } = this.config;
    if (onTakeover === 'keep') return;
    const { items } = state;
    const count = items.count;
    for (let item = 0; item < count; item++) {
      if (items.kind(item) !== ITEM_KIND.order || items.venue(item) !== this.number) continue;
      if (items.state(item) > ITEM_STATE.open || (onTakeover === 'cancel-day' && items.isGtc(item))) continue;
      this.interlock.awaits(cancel(item), items.about(item), 'cancels');
    }
  }
}

/** Symbol of an order or of the order that a request is about; −1 when that is not known. */
export const symbolOf = ({ items }: OrderState, item: number): number => {
  if (items.kind(item) === ITEM_KIND.order) return items.about(item);
  const order = items.about(item);
  return order === -1 || items.kind(order) !== ITEM_KIND.order ? -1 : items.about(order);
};

const differing = (
  { positions }: VenueAnswers,
  state: OrderState,
  isHere: (symbol: number) => boolean,
): Map<number, string> => {
  const found = new Map<number, string>();
  const { traded } = state;
  const compare = (symbol: number, there: { readonly bought: number; readonly sold: number }) => {
    const here = { bought: traded.bought(symbol), sold: traded.sold(symbol) };
    if (here.bought === there.bought && here.sold === there.sold) return;
    const text = ({ bought, sold }: typeof here) => `${bought} bought and ${sold} sold`;
    found.set(symbol, `positions differ: ${text(here)} here, ${text(there)} at the exchange`);
  };
  for (const [name, there] of positions) compare(state.findText(name), there);
  for (const symbol of traded.symbols())
    if (isHere(symbol) && !positions.has(state.name(symbol))) compare(symbol, { bought: 0, sold: 0 });
  return found;
};
