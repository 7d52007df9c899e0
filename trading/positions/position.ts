import { exactProduct, exactSum, proportion } from './exact-integer.ts';
import { type Side, signedLots } from './trade.ts';

/**
 * What one account holds of one symbol, by average cost. All integers: lots, and values in ticks × lots.
 *
 * A trade that adds to the position adds its value to `cost`. A trade that reduces it takes out of `cost` the share of the lots
 * that it closes, `cost × closed ÷ held`, rounded to the nearest integer, halves up; the difference to the trade's value is
 * realised. What was taken out is exactly what `cost` loses, so rounding moves at most half a tick × lot per trade between
 * realised and unrealised and never changes their sum, and a position that is closed has a cost of 0. A trade that turns a
 * position around closes all of it first and opens the rest at its own price.
 */
export interface Position {
  /** Above 0 long, below 0 short. */
  readonly lots: number;
  /** What the held lots cost (long) or brought (short) when they were opened; never negative. */
  readonly cost: number;
  readonly realised: number;
  /** Lots ever bought and ever sold. */
  readonly bought: number;
  readonly sold: number;
}

export const flat: Position = { lots: 0, cost: 0, realised: 0, bought: 0, sold: 0 };

/** The position after one more trade. Throws HF-7401, and nothing has changed, when a figure would pass 2^53. */
export const afterTrade = (
  position: Position,
  trade: { readonly side: Side; readonly price: number; readonly qty: number },
): Position => {
  const { side, price, qty } = trade;
  const lots = exactSum(position.lots, signedLots(trade), 'a position');
  const bought = side === 'B' ? exactSum(position.bought, qty, 'the lots bought') : position.bought;
  const sold = side === 'S' ? exactSum(position.sold, qty, 'the lots sold') : position.sold;
  const held = Math.abs(position.lots);
  const adds = position.lots === 0 || position.lots > 0 === (side === 'B');
  const closed = adds ? 0 : Math.min(qty, held);
  const taken = closed === 0 ? 0 : proportion(position.cost, closed, held);
  const value = exactProduct(closed, price, 'the value of a trade');
  const gain = side === 'S' ? value - taken : taken - value;
  const opened = exactProduct(qty - closed, price, 'the value of a trade');
  return {
    lots,
    cost: exactSum(position.cost - taken, opened, 'the cost of a position'),
    realised: exactSum(position.realised, gain, 'the realised P&L'),
    bought,
    sold,
  };
};

/** What closing at `mark` ticks would add to the realised P&L. */
export const unrealised = (position: Position, mark: number): number => {
  const value = exactProduct(position.lots, mark, 'the value of a position');
  return exactSum(value, position.lots < 0 ? position.cost : -position.cost, 'the unrealised P&L');
};

/** What a tick on one lot is worth in the smallest unit of the instrument's currency. */
export interface Instrument {
  readonly currency: string;
  readonly minorPerTickLot: number;
}

export const defaultInstrument: Instrument = { currency: 'USD', minorPerTickLot: 1 };

/** P&L of one position in minor units; what needs a mark is null without one: unknown, not nothing. */
export interface ProfitAndLoss {
  readonly currency: string;
  readonly realisedMinor: number;
  readonly unrealisedMinor: number | null;
  readonly totalMinor: number | null;
}

export const profitAndLoss = (position: Position, mark: number | null, instrument: Instrument): ProfitAndLoss => {
  const minor = (value: number) => exactProduct(value, instrument.minorPerTickLot, 'a P&L in minor units');
  const realisedMinor = minor(position.realised);
  const open = position.lots === 0 ? 0 : mark === null ? null : minor(unrealised(position, mark));
  return {
    currency: instrument.currency,
    realisedMinor,
    unrealisedMinor: open,
    totalMinor: open === null ? null : exactSum(realisedMinor, open, 'a P&L'),
  };
};
