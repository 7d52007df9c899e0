import { digestOf } from './canary-chain.ts';
import { compareExecution, differenceOf, type EngineSnapshot, type VenueFindings } from './compare-orders.ts';
import type { CanaryRow, OrderTerms } from './ledger-record.ts';
import type { CommitLedgerView, OrderLedgerView } from './ledger-view.ts';
import type { EngineOrder } from './order-session.ts';
import type { VenueView } from './venue-view.ts';
import type { Difference } from './verification.ts';

export interface PersistedOrder extends OrderTerms {
  readonly id: string;
  readonly state: string;
  readonly filled: number;
  readonly seq: number;
  readonly epoch: number;
}

export interface PersistedTrade {
  readonly exec: string;
  readonly id: string;
  readonly price: number;
  readonly qty: number;
}

export interface PersistedSnapshot {
  readonly orders: readonly PersistedOrder[];
  readonly trades: readonly PersistedTrade[];
  readonly breaks: readonly Difference[];
  readonly position: number;
}

export interface PersistedFindings {
  readonly missing: string[];
  readonly altered: Difference[];
}

/**
 * Engine against order management, whose snapshot must be later than the engine's and its position at or past the engine's end:
 * then every order of the engine is there, in that state or a later one. The ledger says which orders
 * may have been replaced meanwhile: those that it knows replaces of, and those that it does not know yet.
 */
export const compareWithPersisted = (
  engine: EngineSnapshot,
  persisted: PersistedSnapshot,
  ledger: OrderLedgerView,
): PersistedFindings => {
  const findings: PersistedFindings = { missing: [], altered: [] };
  const traded = new Map<string, number>();
  for (const { id, qty } of persisted.trades) traded.set(id, (traded.get(id) ?? 0) + qty);
  const stored = new Map(persisted.orders.map((order) => [order.id, order]));
  for (const order of engine.orders) {
    const found = stored.get(order.id);
    if (found === undefined) findings.missing.push(order.id);
    else {
      const mayHaveChanged = ledger.orders.get(order.id)?.asked !== null;
      const differences = persistedDifferences(order, found, mayHaveChanged);
      findings.altered.push(...differences.map((what) => ({ id: order.id, what })));
    }
  }
  for (const { id, filled } of persisted.orders) {
    const sum = traded.get(id) ?? 0;
    if (sum !== filled) findings.altered.push({ id, what: `in the database ${filled} filled, but trades of ${sum}` });
  }
  return findings;
};

const persistedDifferences = (order: EngineOrder, found: PersistedOrder, mayHaveChanged: boolean): string[] => {
  const differences: string[] = [];
  const ended = order.state === 'filled' || order.state === 'cancelled' || order.state === 'rejected';
  const { price, qty } = found;
  const terms = differenceOf(mayHaveChanged && !ended ? { ...order, price, qty } : order, found);
  if (terms !== null) differences.push(`in the database ${terms}`);
  if (order.seq !== found.seq || order.epoch !== found.epoch) {
    differences.push(
      `in the database entry ${found.seq} of epoch ${found.epoch} instead of ${order.seq} of ${order.epoch}`,
    );
  }
  if (ended && (order.state !== found.state || order.filled !== found.filled)) {
    differences.push(
      `in the database ${found.state} with ${found.filled} filled instead of ${order.state} with ${order.filled}`,
    );
  }
  if (!ended && found.filled < order.filled)
    differences.push(`in the database ${found.filled} filled instead of ${order.filled}`);
  return differences;
};

/** Trades in the database that the exchange has not reported, or otherwise. */
export const compareTrades = (
  persisted: PersistedSnapshot,
  venue: VenueView,
): Pick<VenueFindings, 'executionsLost' | 'executionsAltered'> => {
  const findings = { executionsLost: [] as string[], executionsAltered: [] as Difference[] };
  for (const trade of persisted.trades) compareExecution(trade, venue, findings);
  return findings;
};

export interface CommitFindings {
  readonly lost: string[];
  readonly duplicated: string[];
  readonly altered: Difference[];
  readonly unknownPresent: string[];
  readonly unknownAbsent: string[];
}

/** Client against PostgreSQL; the ledger must have been read before the rows. */
export const compareCommits = (ledger: CommitLedgerView, rows: readonly CanaryRow[]): CommitFindings => {
  const findings: CommitFindings = { lost: [], duplicated: [], altered: [], unknownPresent: [], unknownAbsent: [] };
  const present = new Map<string, CanaryRow>();
  const payloads = new Map<string, string>();
  for (const row of rows) {
    const twin = payloads.get(row.payload);
    if (present.has(row.id) || twin !== undefined) findings.duplicated.push(row.id);
    present.set(row.id, row);
    payloads.set(row.payload, row.id);
  }
  for (const { row, outcome } of ledger.commits.values()) {
    const found = present.get(row.id);
    if (found === undefined) {
      if (outcome === 'acked') findings.lost.push(row.id);
      else if (outcome !== 'failed') findings.unknownAbsent.push(row.id);
      continue;
    }
    if (digestOf(found) !== digestOf(row))
      findings.altered.push({ id: row.id, what: `row is ${JSON.stringify(found)}` });
    if (outcome === 'failed')
      findings.altered.push({ id: row.id, what: 'the client was told that it failed, it is there' });
    if (outcome === 'unknown' || outcome === 'sent') findings.unknownPresent.push(row.id);
  }
  return findings;
};
