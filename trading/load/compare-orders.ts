import type { ChangedTerms, OrderTerms } from './ledger-record.ts';
import type { LedgerOrder, OrderLedgerView } from './ledger-view.ts';
import type { EngineOrder } from './order-session.ts';
import type { VenueReplaced, VenueView } from './venue-view.ts';
import type { Difference } from './verification.ts';

export interface EngineSnapshot {
  /** Every order, in the order of `seq`. */
  readonly orders: readonly EngineOrder[];
  /** The cancels and replaces that the ledger knows of. */
  readonly requests: readonly EngineOrder[];
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
  for (const part of [engine.orders, engine.requests])
    for (const order of part) {
      const before = known.size;
      known.set(order.id, order);
      if (known.size === before) findings.duplicated.push(order.id);
    }
  for (const sent of ledger.orders.values()) {
    const found = known.get(sent.id);
    if (found !== undefined) {
      compareOne(sent, found, findings);
      if (ledger.replaced.has(sent.id) && found.state !== 'done')
        findings.altered.push({ id: sent.id, what: `the client was told replaced, it is ${found.state}` });
    } else if (sent.outcome === 'acked') findings.lost.push(sent.id);
    if (sent.outcome !== 'unknown' && sent.outcome !== 'sent') continue;
    (found === undefined ? findings.unknownAbsent : findings.unknownPresent).push(sent.id);
  }
  return findings;
};

const compareOne = (sent: LedgerOrder, found: EngineOrder, { altered }: OrderFindings): void => {
  const { id } = sent;
  if (sent.terms !== null) {
    const what = differenceFromAsked(sent.terms, sent.asked?.values() ?? [], found);
    if (what !== null) altered.push({ id, what });
  } else if (sent.target !== found.target)
    altered.push({ id, what: `is about ${found.target} instead of ${sent.target}` });
  else if (sent.change !== null && !sameChange(sent.change, found))
    altered.push({ id, what: `asks for ${changeText(found)} instead of ${changeText(sent.change)}` });
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

/** Price and total may be those of a replace that was sent for the order. */
const differenceFromAsked = (terms: OrderTerms, asked: Iterable<ChangedTerms>, found: OrderTerms): string | null => {
  for (const change of asked)
    if (sameChange(change, found)) return differenceOf({ ...terms, price: found.price, qty: found.qty }, found);
  return differenceOf(terms, found);
};

const sameChange = (left: ChangedTerms, right: ChangedTerms): boolean =>
  left.price === right.price && left.qty === right.qty;

const changeText = ({ price, qty }: ChangedTerms): string => `${qty} at ${price}`;

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
    duplicated: [...venue.acceptedTwice, ...venue.replacedTwice],
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
  for (const { id, target, ...change } of ledger.replaced.values()) {
    const there = venue.replaced.get(id);
    if (there === undefined) findings.altered.push({ id, what: 'the client was told replaced, the exchange has not' });
    else if (there.target !== target || !sameChange(there, change))
      findings.altered.push({ id, what: `${target}: ${changeText(change)}; at the exchange ${changeText(there)}` });
  }
  for (const { id, ...there } of venue.replaced.values()) {
    const sent = ledger.orders.get(id);
    const asked = sent?.change ?? null;
    if (asked !== null && (sent?.target !== there.target || !sameChange(asked, there)))
      findings.altered.push({ id, what: `asks for ${changeText(asked)}; at the exchange ${changeText(there)}` });
  }
  const replaced = Map.groupBy(venue.replaced.values(), ({ target }) => target);
  for (const execution of ledger.executions.values()) compareExecution(execution, venue, findings);
  for (const order of engine?.orders ?? []) {
    compareOrderAtVenue(order, venue, findings);
    compareTermsAtVenue(order, venue, { replaced: replaced.get(order.id) ?? [], findings });
  }
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

/** The exchange was read later: it may have replaced an order again since, but the terms that the engine has it once gave. */
const compareTermsAtVenue = (
  order: EngineOrder,
  venue: VenueView,
  { replaced, findings }: { readonly replaced: readonly VenueReplaced[]; readonly findings: VenueFindings },
): void => {
  const accepted = venue.accepted.get(order.id);
  if (accepted === undefined) return;
  const what = differenceFromAsked(accepted, replaced, order);
  if (what !== null) findings.altered.push({ id: order.id, what: `at the engine ${what}, as the exchange has it` });
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
