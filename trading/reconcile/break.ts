import { createHash } from 'node:crypto';
import type { Trade } from '../positions/trade.ts';
import type { PositionLine } from './book.ts';

/** Everything that a difference between two books can be, with the sentence that tables and reference use. */
export const BREAK_KINDS = {
  timing: 'Seen once and gone when it was looked at again within the settle window, or not yet as old as that window.',
  'missing-fill': 'The exchange executed it, the book does not have it, and knows the order.',
  duplicate: 'The book has one execution of the exchange more than once.',
  'wrong-side': 'Bought where the exchange says sold, or the other way round.',
  'wrong-quantity': 'Another number of lots than at the exchange.',
  'wrong-price': 'Another price than at the exchange.',
  misbooked: 'Booked to another account or symbol than the order was given for.',
  'unknown-here': 'The exchange has an order, or an execution of one, that the book does not know.',
  'unknown-there': 'The book has an order or an execution that the exchange does not know.',
  'stale-state': 'The state of an order is not the one that it has at the exchange.',
  unexplained: 'A position differs, and no set of executions, or more than one kind of set, explains by how much.',
} as const satisfies Readonly<Record<string, string>>;

export type BreakKind = keyof typeof BREAK_KINDS;

/** `exact`: the fills listed are the only smallest set that explains it, or were matched one by one. */
export type Explained = 'exact' | 'ambiguous' | 'none' | 'search-limit';

/** One difference between a book and the exchange (or, where that could not be read, another book). */
export interface Break {
  /** The same for the same difference in every pass and every run. */
  readonly id: string;
  readonly kind: BreakKind;
  /** The book that differs. */
  readonly book: string;
  readonly account: string;
  readonly symbol: string;
  readonly order: string | null;
  /** By how much the book's positions are off because of this. Empty when it moves none. */
  readonly effects: readonly PositionLine[];
  /** Lots that are in question, 1 or more: what thresholds are compared with. */
  readonly atStakeLots: number;
  readonly fills: readonly Trade[];
  readonly explained: Explained;
  /** For people. */
  readonly what: string;
}

export interface Thresholds {
  /** Up to here a difference is not a break. */
  readonly toleranceLots: number;
  /** Above this somebody is called. */
  readonly alertAboveLots: number;
}

export type Severity = 'tolerated' | 'break' | 'alert';

export const severityOf = (
  { atStakeLots }: Pick<Break, 'atStakeLots'>,
  { toleranceLots, alertAboveLots }: Thresholds,
): Severity => (atStakeLots <= toleranceLots ? 'tolerated' : atStakeLots > alertAboveLots ? 'alert' : 'break');

/**
 * Makes a break; `detail` is what tells it from other breaks of the same kind on the same order. Whoever makes one chooses it so
 * that a book which has caught up with what another one showed before cannot give the same id again: then an id that is still there
 * after the settle window was never a matter of timing.
 */
export const breakOf = (
  fields: Omit<Break, 'id' | 'effects' | 'atStakeLots' | 'fills' | 'explained'> &
    Partial<Pick<Break, 'effects' | 'atStakeLots' | 'fills' | 'explained'>> & { readonly detail: string },
): Break => {
  const { detail, ...known } = fields;
  const { kind, book, account, symbol, order, fills = [], explained = 'exact' } = known;
  const effects = (known.effects ?? []).filter(({ lots }) => lots !== 0);
  const largest = Math.max(1, ...effects.map(({ lots }) => Math.abs(lots)));
  const text = JSON.stringify([kind, book, account, symbol, order, detail]);
  const id = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { ...known, id, effects, atStakeLots: Math.max(largest, known.atStakeLots ?? 1), fills, explained };
};
