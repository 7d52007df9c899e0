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
  /** Every order and request of this reign up to here left its queue; what comes after leaves from there. */
  letOut(): number;
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
  /** Over this connection. */
  #isSent = false;
  /** An answer of the exchange is under way; what is sent meanwhile is asked about after it. */
  #isAsking = false;
  #askNext: readonly number[] | null = null;
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
    this.#isSent = false;
    this.#isAsking = false;
    this.#askNext = null;
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
   * Sends what is in doubt again and asks the exchange behind it. What an earlier reign released goes at once, the rest of what was
   * inherited when this one has released it. Nothing is sent twice without an answer in between: what an exchange refuses it does not
   * remember, and refuses as often as it comes.
   */
  advance(reign: ReignHooks): void {
    this.#isBaseReleased ||= reign.released() >= reign.base;
    if (!this.session.ready || !reign.mayRelease()) return;
    if (this.#owes && this.#isBaseReleased) this.#sendRest(reign);
    if (!this.#isDue || this.#isAsking) return;
    // Where there are no epochs nothing is reconciled before the exchange says that the older session is gone.
    if (!this.interlock.oldSessionIsDead) {
      this.#isDue = false;
      this.#ask([]);
      return;
    }
    const { state, base } = reign;
    // What was inherited is in no queue of this reign: it is sent from here.
    const upTo = this.#isBaseReleased ? Math.max(base, reign.letOut()) : reign.releasedBefore;
    const inDoubt = this.#isSent ? [...this.interlock.unsettled.keys()] : this.#inDoubt(reign);
    const again = inDoubt.filter((item) => state.items.sequence(item) <= upTo);
    if (!this.#send(again, reign)) return;
    this.#isDue = false;
    for (const item of inDoubt)
      if (state.items.state(item) === ITEM_STATE.pending) this.interlock.awaits(item, symbolOf(state, item), 'orders');
    this.#owes = !this.#isBaseReleased && inDoubt.length > again.length;
    this.#isSent = true;
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
    const wasAlone = this.interlock.oldSessionIsDead;
    // Not of this moment: what was asked for is not comparable, and asked again.
    if (answers.last === state.venues.lastReport(this.number)) {
      const { others, ending } = answers;
      this.interlock.answered({ others, ending, differing: differing(answers, state, symbolsHere) });
    }
    if (this.interlock.clear) this.#isDue = false;
    if (this.#askNext !== null) this.#ask(this.#askNext);
    if (this.interlock.clear || this.#isDue || this.#isAsking) return;
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
    this.#askNext = null;
    this.session.inquire(orders);
  }

  /** False, and nothing is sent, when the right to send ended meanwhile. */
  #send(items: readonly number[], reign: ReignHooks): boolean {
    for (const item of items) this.session.stageItem(item);
    if (!reign.mayRelease()) {
      this.session.unstage();
      return false;
    }
    this.session.flush();
    return true;
  }

  /** What had to be released first. */
  #sendRest(reign: ReignHooks): void {
    const { state, base, releasedBefore } = reign;
    const isRest = (item: number) => state.items.sequence(item) > releasedBefore && state.items.sequence(item) <= base;
    const rest = [...this.interlock.unsettled.keys()].filter(isRest);
    if (!this.#send(rest, reign)) return;
    this.#owes = false;
    const orders = rest.filter((item) => state.isOrder(item));
    if (this.#isAsking) this.#askNext = orders;
    else if (rest.length > 0) this.#ask(orders);
  }

  /** What is inherited or left the queue, for this exchange, and is not confirmed. */
  #inDoubt({ state, base, letOut }: ReignHooks): number[] {
    const { items } = state;
    const upTo = Math.max(base, letOut());
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
