import type { MarketBooks } from './market-books.ts';
import type { PriceLevels } from './price-levels.ts';

/** Books as text, one line for each symbol that has something to show, in order of their names: equal text, equal books. */
export const bookLines = (books: MarketBooks): readonly string[] =>
  Array.from({ length: books.count }, (_, symbol) => {
    const shown = [levelsText(books.bids(symbol)), levelsText(books.asks(symbol)), String(books.lastPrice(symbol))];
    return `${books.symbol(symbol)} ${books.phaseOf(symbol)} ${shown.join(' ')}`;
  }).toSorted();

/** The first levels as `[price, lots, orders]`, best first. */
export const levelsOf = (levels: PriceLevels, depth: number): readonly (readonly [number, number, number])[] =>
  Array.from(
    { length: Math.min(depth, levels.depth) },
    (_, rank) => [levels.priceAt(rank), levels.lotsAt(rank), levels.ordersAt(rank)] as const,
  );

const levelsText = (levels: PriceLevels): string => JSON.stringify(levelsOf(levels, levels.depth));
