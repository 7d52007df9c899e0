import { monoNowMs } from '../base/mono-clock.ts';
import { levelsOf } from './book-lines.ts';
import type { Freshness } from './freshness.ts';
import type { MarketBooks } from './market-books.ts';
import type { MarketFeed } from './market-feed.ts';

/** What subscribers are told of one symbol. */
export const symbolMessage = (feed: MarketFeed, symbol: number, depth: number): object => {
  const { books } = feed;
  return {
    t: 'market',
    venue: feed.venue,
    symbol: books.symbol(symbol),
    phase: books.phaseOf(symbol),
    bids: levelsOf(books.bids(symbol), depth),
    asks: levelsOf(books.asks(symbol), depth),
    lastPrice: books.lastPrice(symbol),
    lastLots: books.lastLots(symbol),
    trades: books.trades(symbol),
    sequence: feed.sequence,
  };
};

/** Milliseconds since the last message about a symbol; null = there was none since its book was taken whole. */
export const symbolAgeMs = (books: MarketBooks, symbol: number): number | null => {
  const heardAtMs = books.heardAtMs(symbol);
  return heardAtMs === 0 ? null : Math.round(monoNowMs() - heardAtMs);
};

/** The last trade's price; the middle of the best prices, rounded down, where it never traded; null where there is neither. */
export const markOf = (books: MarketBooks, symbol: number): number | null => {
  const last = books.lastPrice(symbol);
  if (last > 0) return last;
  const [bid, ask] = [bestPrice(books, symbol, 'bids'), bestPrice(books, symbol, 'asks')];
  return bid === null || ask === null ? null : Math.floor((bid + ask) / 2);
};

const bestPrice = (books: MarketBooks, symbol: number, side: 'bids' | 'asks'): number | null => {
  const levels = books[side](symbol);
  const rank = levels.depth > 0 && levels.priceAt(0) === 0 ? 1 : 0;
  return rank < levels.depth ? levels.priceAt(rank) : null;
};

/** Of several exchanges' data, the oldest: what is told of all is as old as that. */
export const oldestOf = (all: readonly Freshness[]): Freshness =>
  all.reduce((worst, each) => (ranked(each) > ranked(worst) ? each : worst));

const ranked = ({ stale, ageMs }: Freshness): number => (stale ? 1e15 : 0) + (ageMs ?? 1e14);
