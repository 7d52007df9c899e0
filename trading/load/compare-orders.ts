import type { OrderTerms } from './ledger-record.ts';
import type { LedgerOrder, OrderLedgerView } from './ledger-view.ts';
import type { EngineOrder } from './order-session.ts';
import type { VenueView } from './venue-view.ts';
import type { Difference } from './verification.ts';

export interface EngineSnapshot {
  /** Every order, in the order of `seq`. */
  readonly orders: readonly EngineOrder[];
  /** The cancel requests that the ledger knows of. */
  readonly cancels: readonly EngineOrder[];
  /** End of the journal when the snapshot was complete. */
  readonly end: number;
}

export interface OrderFindings {
  readonly lost: string[];
  readonly duplicated: string[];
  readonly altered: Difference[];
  readonly unknownPresent: string[];
  readonly unknownAbsent: string[];
}

/** Client against engine. The ledger must have been read before the engine: what it has as acknowledged must be there. */
export const compareWithEngine = (ledger: OrderLedgerView, engine: EngineSnapshot): OrderFindings => {
  const findings: OrderFindings = {
    lost: [],
    duplicated: [...ledger.intendedTwice],
    altered: [],
    unknownPresent: [],
    unknownAbsent: [],
  };
  const known = new Map<string, EngineOrder>();
  for (const order of [...engine.orders, ...engine.cancels]) {
    if (known.has(order.id)) findings.duplicated.push(order.id);
    known.set(order.id, order);
  }
  for (const sent of ledger.orders.values()) {
    const found = known.get(sent.id);
    if (found !== undefined) compareOne(sent, found, findings);
    else if (sent.outcome === 'acked') findings.lost.push(sent.id);
    if (sent.outcome !== 'unknown' && sent.outcome !== 'sent') continue;
    (found === undefined ? findings.unknownAbsent : findings.unknownPresent).push(sent.id);
  }
  return findings;
};

const compareOne = (sent: LedgerOrder, found: EngineOrder, { altered }: OrderFindings): void => {
  const { id } = sent;
  if (sent.terms !== null) {
    const what = differenceOf(sent.terms, found);
    if (what !== null) altered.push({ id, what });
  } else if (sent.target !== found.target)
    altered.push({ id, what: `cancels ${found.target} instead of ${sent.target}` });
  if (sent.seq !== null && (sent.seq !== found.seq || sent.epoch !== found.epoch)) {
    altered.push({
      id,
      what: `acknowledged as ${sent.seq} of epoch ${sent.epoch}, stored as ${found.seq} of epoch ${found.epoch}`,
    });
  }
  if (sent.cancelled && found.state !== 'cancelled')
    altered.push({ id, what: `the client was told cancelled, it is ${found.state}` });
  if (sent.outcome === 'rejected' && (found.state === 'open' || found.state === 'filled')) {
    altered.push({ id, what: `the client was told rejected, it is ${found.state}` });
  }
};

export const differenceOf = (expected: OrderTerms, found: OrderTerms): string | null => {
  for (const field of ['symbol', 'side', 'price', 'qty'] as const) {
    if (expected[field] !== found[field]) return `${field} is ${found[field]} instead of ${expected[field]}`;
  }
  return null;
};

export interface VenueFindings {
  readonly lost: string[];
  readonly duplicated: string[];
  readonly altered: Difference[];
  readonly executionsLost: string[];
  readonly executionsDuplicated: string[];
  readonly executionsAltered: Difference[];
}

/** Client and engine against the exchange, whose drop copy must have been read last. `engine` is null when it could not be read. */
export const compareWithVenue = (
  ledger: OrderLedgerView,
  engine: EngineSnapshot | null,
  venue: VenueView,
): VenueFindings => {
  const findings: VenueFindings = {
    lost: [],
    duplicated: [...venue.acceptedTwice],
    altered: [],
    executionsLost: [],
    executionsDuplicated: [...venue.executedTwice],
    executionsAltered: [],
  };
  for (const [id, terms] of venue.accepted) {
    const sent = ledger.orders.get(id)?.terms;
    const what = sent === undefined || sent === null ? null : differenceOf(sent, terms);
    if (what !== null) findings.altered.push({ id, what: `at the exchange ${what}` });
  }
  for (const execution of ledger.executions.values()) compareExecution(execution, venue, findings);
  for (const order of engine?.orders ?? []) compareOrderAtVenue(order, venue, findings);
  return findings;
};

export const compareExecution = (
  execution: { readonly exec: string; readonly id: string; readonly price: number; readonly qty: number },
  venue: VenueView,
  findings: Pick<VenueFindings, 'executionsLost' | 'executionsAltered'>,
): void => {
  const { exec, id, price, qty } = execution;
  const found = venue.executions.get(exec);
  if (found === undefined) findings.executionsLost.push(exec);
  else if (found.id !== id || found.price !== price || found.qty !== qty) {
    const what = `${qty} at ${price} on ${id}; at the exchange ${found.qty} at ${found.price} on ${found.id}`;
    findings.executionsAltered.push({ id: exec, what });
  }
};

const compareOrderAtVenue = (order: EngineOrder, venue: VenueView, findings: VenueFindings): void => {
  const { id, state, filled } = order;
  if (state === 'pending' || state === 'rejected') return;
  if (!venue.accepted.has(id)) {
    findings.lost.push(id);
    return;
  }
  const atVenue = venue.filled.get(id) ?? 0;
  const ended = state === 'filled' || state === 'cancelled';
  if (ended ? atVenue !== filled : atVenue < filled) {
    findings.altered.push({ id, what: `${filled} filled at the engine (${state}), ${atVenue} at the exchange` });
  }
  if (state === 'cancelled' && !venue.cancelled.has(id)) {
    findings.altered.push({ id, what: 'cancelled at the engine, not at the exchange' });
  }
};
