import type { SessionProof } from './venue-session.ts';

/** What must be known before new risk may go to an exchange, in the order in which people are told. */
export const INTERLOCK_CHECKS = {
  session: 'no older session of the firm can act there any more',
  reports: 'every report that was missed is in the journal',
  orders: 'every order and request in doubt has one known fate',
  cancels: 'what the policy of the takeover cancels is confirmed',
  positions: 'positions computed from the journal are those that the exchange states',
} as const;
export type InterlockCheck = keyof typeof INTERLOCK_CHECKS;

export interface InterlockView {
  /** `closed`: no new risk at all. `settling`: some symbols are held, the others trade. */
  readonly state: 'closed' | 'settling' | 'open';
  readonly waitingFor: readonly string[];
  /** Why a symbol is held; symbols that trade are not listed. Keys are numbers among the texts. */
  readonly held: ReadonlyMap<number, string>;
}

type Item = { readonly item: number; readonly symbol: number; readonly check: 'orders' | 'cancels' };

/**
 * The interlock of one exchange in one reign: told what became known, it says what may be risked. Pure. Without a session nothing
 * may; a session that was lost has to be confirmed anew from the beginning. Whatever is not known counts as not confirmed.
 *
 * `lost → replayed → (answered, where there are no epochs) → sent → answered`, and `settled` for each item in between, in any order.
 */
export class Interlock {
  #down = 'it was not connected yet';
  #isUp = false;
  #proof: SessionProof | null = null;
  /** Null = the exchange was not asked, or has not answered. */
  #others: { readonly seated: number; readonly ending: number } | null = null;
  #isSent = false;
  #isAnswered = false;
  readonly #unsettled = new Map<number, Item>();
  readonly #differing = new Map<number, string>();
  /** Symbols with unsettled items, and how many. */
  readonly #held = new Map<number, number>();

  /** The session is gone, or has not been there yet. */
  lost(why: string): void {
    this.#down = why;
    this.#isUp = false;
    this.#proof = null;
    this.#others = null;
    this.#isSent = false;
    this.#isAnswered = false;
    this.#unsettled.clear();
    this.#held.clear();
    this.#differing.clear();
  }

  /** Seated, and every report so far is in the journal. */
  replayed(proof: SessionProof): void {
    this.#isUp = true;
    this.#proof = proof;
  }

  /** These are not settled: sent again, or to be cancelled. */
  awaits(item: number, symbol: number, check: Item['check']): void {
    if (this.#unsettled.has(item)) return;
    this.#unsettled.set(item, { item, symbol, check });
    this.#held.set(symbol, (this.#held.get(symbol) ?? 0) + 1);
  }

  /** All that is in doubt was sent again, and the exchange was asked behind it. */
  sent(): void {
    this.#isSent = true;
  }

  /** True when it was one that was waited for. */
  settled(item: number): boolean {
    const known = this.#unsettled.get(item);
    if (known === undefined) return false;
    this.#unsettled.delete(item);
    const left = this.#held.get(known.symbol)! - 1;
    if (left === 0) this.#held.delete(known.symbol);
    else this.#held.set(known.symbol, left);
    return true;
  }

  /** The exchange answered; before anything was sent again only its word about sessions counts. `differing`: symbols whose positions are not those of the journal, with what is different. */
  answered(answers: {
    readonly others: number;
    readonly ending: number;
    readonly differing: ReadonlyMap<number, string>;
  }): void {
    this.#others = { seated: answers.others, ending: answers.ending };
    if (!this.#isSent) return;
    this.#isAnswered = true;
    this.#differing.clear();
    for (const [symbol, why] of answers.differing) this.#differing.set(symbol, why);
  }

  /** New risk may go there, except in symbols that are held. */
  get open(): boolean {
    return this.#isUp && this.#isSent && this.#isAnswered && this.oldSessionIsDead;
  }

  /** Every question has its answer. Positions may differ: that does not change by waiting. */
  get answeredAll(): boolean {
    return this.open && this.#unsettled.size === 0;
  }

  /** Nothing is waited for. */
  get clear(): boolean {
    return this.answeredAll && this.#differing.size === 0;
  }

  get unsettled(): ReadonlyMap<number, Item> {
    return this.#unsettled;
  }

  permits(symbol: number): boolean {
    if (!this.open) return false;
    // Nearly always nothing is held: then no symbol is looked for.
    return this.#held.size + this.#differing.size === 0 || !(this.#held.has(symbol) || this.#differing.has(symbol));
  }

  get view(): InterlockView {
    const waitingFor = this.#waitingFor();
    const held = new Map<number, string>();
    for (const [symbol, count] of this.#held) held.set(symbol, `${count} not settled`);
    for (const [symbol, why] of this.#differing) held.set(symbol, why);
    return { state: !this.open ? 'closed' : held.size > 0 ? 'settling' : 'open', waitingFor, held };
  }

  /** By its epoch: the exchange refuses every older one. Else its own word: nobody else is there, and nothing is still to be ended. */
  get oldSessionIsDead(): boolean {
    if (this.#proof === 'epoch') return true;
    return this.#others !== null && this.#others.seated === 0 && this.#others.ending === 0;
  }

  #waitingFor(): string[] {
    if (!this.#isUp) return [`reports: ${this.#down}`];
    const waiting: string[] = [];
    if (!this.oldSessionIsDead) {
      const found =
        this.#others === null
          ? 'the exchange has not said who else is connected'
          : `${this.#others.seated} other sessions of the firm are connected, ${this.#others.ending} lost ones are being ended`;
      waiting.push(`session: ${found}`);
    }
    if (!this.#isSent) waiting.push('orders: what is in doubt is not sent again yet');
    for (const check of ['orders', 'cancels'] as const) {
      const count = [...this.#unsettled.values()].filter((each) => each.check === check).length;
      if (count > 0) waiting.push(`${check}: ${count} without an answer`);
    }
    if (this.#isSent && !this.#isAnswered) waiting.push('positions: the exchange has not stated them');
    if (this.#differing.size > 0) waiting.push(`positions: ${this.#differing.size} symbols differ`);
    return waiting;
  }
}
