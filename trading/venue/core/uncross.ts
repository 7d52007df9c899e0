import type { BookSide } from './book-side.ts';
import { HIGHEST_PRICE } from './terms.ts';

export interface AuctionPrice {
  readonly price: number;
  /** Lots that trade at it. */
  readonly volume: number;
  /** Bought minus sold at that price; positive when buyers are left over. */
  readonly surplus: number;
}

/**
 * The one price at which an auction trades: most lots; then least left over; then, when buyers are left over at all that remain,
 * the highest, when sellers are, the lowest; then closest to the reference price, and of two as close the higher one. Null when
 * nothing can trade. Market orders rest at the extreme prices and never set the price.
 */
export const auctionPrice = (bids: BookSide, asks: BookSide, reference: number): AuctionPrice | null => {
  const candidates = candidatePrices(bids, asks, reference);
  let best: AuctionPrice[] = [];
  for (const price of candidates) {
    const bought = volumeAtOrBetter(bids, price);
    const sold = volumeAtOrBetter(asks, price);
    const found = { price, volume: Math.min(bought, sold), surplus: bought - sold };
    const other = best[0];
    if (found.volume === 0) continue;
    if (other === undefined || better(found, other)) best = [found];
    else if (!better(other, found)) best.push(found);
  }
  if (best.length === 0) return null;
  if (best.every(({ surplus }) => surplus > 0)) return best.at(-1)!;
  if (best.every(({ surplus }) => surplus < 0)) return best[0]!;
  let closest = best[0]!;
  for (const each of best) if (Math.abs(each.price - reference) <= Math.abs(closest.price - reference)) closest = each;
  return closest;
};

const better = (left: AuctionPrice, right: AuctionPrice): boolean =>
  left.volume !== right.volume ? left.volume > right.volume : Math.abs(left.surplus) < Math.abs(right.surplus);

/** Ascending, each once. */
const candidatePrices = (bids: BookSide, asks: BookSide, reference: number): readonly number[] => {
  const prices = new Set<number>();
  for (const side of [bids, asks]) for (let rank = 0; rank < side.depth; rank++) prices.add(side.priceAt(rank));
  prices.add(reference);
  return [...prices].filter((price) => price > 0 && price < HIGHEST_PRICE).sort((left, right) => left - right);
};

const volumeAtOrBetter = (side: BookSide, price: number): number => {
  let volume = 0;
  for (let rank = 0; rank < side.depth && side.crosses(rank, price); rank++) volume += side.volumeAt(rank);
  return volume;
};
