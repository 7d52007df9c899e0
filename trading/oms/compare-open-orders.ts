import type { OpenOrder } from './open-orders.ts';

/** An order as somebody else has it; absent = not known there. */
export interface KnownOrder {
  readonly open: boolean;
  /** At least: an exchange does not tell it of an order that was cancelled. */
  readonly filled: number;
}

export interface OpenOrderViews {
  readonly stored: readonly OpenOrder[];
  /** What the exchanges said of the stored orders, and all that is open there. */
  readonly venue: ReadonlyMap<string, KnownOrder>;
  /** What the engine said, later than the exchanges, of every order that is stored or open there. */
  readonly engine: ReadonlyMap<string, KnownOrder>;
  /** The engine has released entries that are not stored yet. */
  readonly entriesToCome: boolean;
}

export interface OpenOrderBreak {
  readonly id: string;
  readonly kind: 'unknown-here' | 'unknown-there' | 'stale-state';
  readonly found: string;
}

export interface OpenOrderComparison {
  readonly agree: number;
  /** What the exchange says and the engine knows: entries that are still to be taken explain them. */
  readonly behind: number;
  readonly breaks: readonly OpenOrderBreak[];
}

/**
 * Compares the stored open orders with the exchanges'. A difference is no break where the engine knows at least as much as the exchange said
 * and has entries that are not stored yet: they bring it here.
 */
export const compareOpenOrders = ({ stored, venue, engine, entriesToCome }: OpenOrderViews): OpenOrderComparison => {
  const here = new Map(stored.map((order) => [order.id, order]));
  const ids = new Set([...here.keys(), ...[...venue].flatMap(([id, { open }]) => (open ? [id] : []))]);
  let agree = 0;
  let behind = 0;
  const breaks: OpenOrderBreak[] = [];
  for (const id of ids) {
    const order = here.get(id) ?? null;
    const there = venue.get(id) ?? null;
    const known = engine.get(id) ?? null;
    if (agrees(order, there, known)) agree += 1;
    else if (entriesToCome && explains(known, there)) behind += 1;
    else breaks.push(breakOf(id, { order, there, known }));
  }
  return { agree, behind, breaks };
};

/** An order on its way to the exchange is not known there yet: as long as the engine has it open, that is no difference. */
const agrees = (order: OpenOrder | null, there: KnownOrder | null, known: KnownOrder | null): boolean => {
  if (order === null) return false;
  if (there === null) return order.state === 'pending' && known?.open === true;
  return there.open && there.filled === order.filled;
};

/** What the exchange said is in the engine's state; one that it never had ended at the engine (rejected, withdrawn). */
const explains = (known: KnownOrder | null, there: KnownOrder | null): boolean => {
  if (known === null) return false;
  if (there === null) return !known.open && known.filled === 0;
  return known.filled >= there.filled && (there.open || !known.open);
};

const breakOf = (
  id: string,
  seen: { readonly order: OpenOrder | null; readonly there: KnownOrder | null; readonly known: KnownOrder | null },
): OpenOrderBreak => {
  const { order, there, known } = seen;
  const kind = order === null ? 'unknown-here' : there === null ? 'unknown-there' : 'stale-state';
  const stored = order === null ? 'not open' : `${order.state}, ${order.filled} of ${order.qty} filled`;
  return { id, kind, found: `stored: ${stored}; exchange: ${textOf(there)}; engine: ${textOf(known)}` };
};

const textOf = (order: KnownOrder | null): string =>
  order === null ? 'not known' : `${order.open ? 'open' : 'ended'}, ${order.filled} filled`;
