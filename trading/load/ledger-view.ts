import type { CanaryRow, LedgerRecord, OrderTerms } from './ledger-record.ts';

/** What the ledger says became of a request. `acked` wins over everything: it is a promise, however late it came. */
export type LedgerOutcome = 'sent' | 'acked' | 'rejected' | 'unknown';

export interface LedgerOrder {
  readonly id: string;
  readonly client: string;
  /** null: a cancel request. */
  readonly terms: OrderTerms | null;
  /** What it cancels; null: an order. */
  readonly target: string | null;
  outcome: LedgerOutcome;
  /** Of the acknowledgement; null without one. */
  seq: number | null;
  epoch: number | null;
  /** The client was told that it is cancelled. */
  cancelled: boolean;
}

export interface LedgerExecution {
  readonly exec: string;
  readonly id: string;
  readonly price: number;
  readonly qty: number;
}

/** The order ledger, folded. Feed it records in the order of the file. */
export class OrderLedgerView {
  readonly orders = new Map<string, LedgerOrder>();
  readonly executions = new Map<string, LedgerExecution>();
  readonly intendedTwice: string[] = [];

  apply(record: LedgerRecord): void {
    switch (record.k) {
      case 'new': {
        const { symbol, side, price, qty } = record;
        this.#intend(record, { symbol, side, price, qty }, null);
        return;
      }
      case 'cancel':
        this.#intend(record, null, record.target);
        return;
      case 'acked':
      case 'resolved-acked':
        this.#answer(record.id, 'acked', record.k === 'acked' ? record : null);
        return;
      case 'rejected':
        this.#answer(record.id, 'rejected', null);
        return;
      case 'unknown':
        this.#answer(record.id, 'unknown', null);
        return;
      case 'cancelled': {
        const target = this.orders.get(record.target);
        if (target !== undefined) target.cancelled = true;
        return;
      }
      case 'fill': {
        const { exec, id, price, qty } = record;
        this.executions.set(exec, { exec, id, price, qty });
        return;
      }
      default:
    }
  }

  #intend(
    record: { readonly id: string; readonly client: string },
    terms: OrderTerms | null,
    target: string | null,
  ): void {
    const { id, client } = record;
    if (this.orders.has(id)) this.intendedTwice.push(id);
    this.orders.set(id, { id, client, terms, target, outcome: 'sent', seq: null, epoch: null, cancelled: false });
  }

  #answer(id: string, outcome: LedgerOutcome, ack: { readonly seq: number; readonly epoch: number } | null): void {
    const order = this.orders.get(id);
    if (order === undefined) return;
    if (order.outcome !== 'acked') order.outcome = outcome;
    if (ack === null) return;
    order.seq = ack.seq;
    order.epoch = ack.epoch;
  }
}

export type CommitOutcomeView = 'sent' | 'acked' | 'failed' | 'unknown';

export interface LedgerCommit {
  readonly row: CanaryRow;
  outcome: CommitOutcomeView;
}

/** The commit ledger, folded. */
export class CommitLedgerView {
  readonly commits = new Map<string, LedgerCommit>();
  /** Servers that acknowledged with less than was asked. */
  readonly weakened = new Set<string>();

  apply(record: LedgerRecord): void {
    switch (record.k) {
      case 'commit': {
        const { id, client, payload, previous } = record;
        this.commits.set(id, { row: { id, client, payload, previous }, outcome: 'sent' });
        return;
      }
      case 'commit-acked':
        this.#answer(record.id, 'acked');
        return;
      case 'commit-failed':
        this.#answer(record.id, 'failed');
        return;
      case 'commit-unknown':
        this.#answer(record.id, 'unknown');
        return;
      case 'weakened':
        this.weakened.add(`${record.site}: ${record.setting}`);
        return;
      default:
    }
  }

  #answer(id: string, outcome: CommitOutcomeView): void {
    const commit = this.commits.get(id);
    if (commit !== undefined && commit.outcome !== 'acked') commit.outcome = outcome;
  }
}
