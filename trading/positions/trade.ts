export type Side = 'B' | 'S';

/** One execution, as a position is computed from it. Integers only. */
export interface Trade {
  /** The exchange's id of the execution; unique within its order. */
  readonly exec: string;
  readonly order: string;
  readonly account: string;
  readonly symbol: string;
  readonly side: Side;
  /** Ticks. */
  readonly price: number;
  /** Lots, above 0. */
  readonly qty: number;
}

/** What an execution adds to a position: bought lots count up, sold ones down. */
export const signedLots = ({ side, qty }: { readonly side: Side; readonly qty: number }): number =>
  side === 'B' ? qty : -qty;
