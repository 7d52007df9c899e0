import type { PriceFollower, Quote } from '../market-data/price-follower.ts';
import type { RuleBook } from './limits.ts';

/** What is known of the market, and how old that is. */
export type Prices = Pick<PriceFollower, 'quote' | 'symbols' | 'ageMs' | 'stale'>;

/**
 * The price that orders are measured against: the last trade, or the best price that the market has moved to since; the middle of the
 * best prices, rounded down, where it never traded. A crossed book says nothing: then the last trade alone counts. Null = there is none.
 */
export const marketPrice = ({ bid, bidLots, ask, askLots, lastPrice }: Quote): number | null => {
  const isSound = bidLots > 0 && askLots > 0 && bid < ask;
  if (lastPrice > 0) return isSound ? Math.min(ask, Math.max(bid, lastPrice)) : lastPrice;
  return isSound ? Math.floor((bid + ask) / 2) : null;
};

/**
 * References of the symbols whose collar follows the market, as they were when it was looked last. Silence, a gap that is not filled and
 * a service that calls its data stale make all of them unknown as soon as the data is older than the symbol's rule allows.
 */
export class MarketReferences {
  readonly #rules: RuleBook;
  readonly #prices: Prices | null;
  #known = new Map<string, number | null>();
  #changed = new Set<string>();

  /** Without `prices` nothing is ever known of a market. */
  constructor(rules: RuleBook, prices: Prices | null) {
    this.#rules = rules;
    this.#prices = prices;
    this.look();
  }

  /** Symbols whose reference follows the market, as far as they are known by name. */
  get followed(): Iterable<string> {
    return this.#known.keys();
  }

  get figures(): { readonly references: number; readonly referencesUnknown: number } {
    const unknown = [...this.#known.values()].filter((price) => price === null).length;
    return { references: this.#known.size, referencesUnknown: unknown };
  }

  /** Null = nothing is known that is recent enough, or the symbol's reference does not follow the market. */
  of(symbol: string): number | null {
    return this.#known.get(symbol) ?? null;
  }

  /** Looks at market, clock and rules; true when a reference became another one, or known, or unknown. */
  look(): boolean {
    const prices = this.#prices;
    const rules = this.#rules;
    const ageMs = prices === null || prices.stale ? null : prices.ageMs;
    const known = new Map<string, number | null>();
    for (const symbol of new Set([...rules.names('symbol'), ...(prices?.symbols ?? [])])) {
      const most = symbol === '*' ? null : rules.referenceAgeMs(symbol);
      if (most === null) continue;
      const quote = ageMs !== null && ageMs <= most ? (prices?.quote(symbol) ?? null) : null;
      const price = quote === null ? null : marketPrice(quote);
      known.set(symbol, price);
      if (this.#known.get(symbol) !== price) this.#changed.add(symbol);
    }
    this.#known = known;
    return this.#changed.size > 0;
  }

  /** Symbols whose reference changed since this was asked last. */
  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }
}
