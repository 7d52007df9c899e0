import type { CanaryRow, ChangedTerms, LedgerRecord, OrderTerms } from './ledger-record.ts';

/** What the ledger says became of a request. `acked` wins over everything: it is a promise, however late it came. */
export type LedgerOutcome = 'sent' | 'acked' | 'rejected' | 'unknown';

export interface LedgerOrder {
  readonly id: string;
  readonly client: string;
  /** null: a cancel or replace. */
  readonly terms: OrderTerms | null;
  /** What it cancels or replaces; null: an order. */
  readonly target: string | null;
  /** What a replace asks for; null: none. */
  readonly change: ChangedTerms | null;
  outcome: LedgerOutcome;
  /** Of the acknowledgement; null without one. */
  seq: number | null;
  epoch: number | null;
  /** The client was told that it is cancelled. */
  cancelled: boolean;
  /** What replaces ask for that were sent for this order, by their ids, whatever became of them; null: none were sent. */
  asked: Map<string, ChangedTerms> | null;
}

/** A client was told that an order has these terms now; `id` is the replace's. */
export interface LedgerReplaced extends ChangedTerms {
  readonly id: string;
  readonly target: string;
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
  readonly replaced = new Map<string, LedgerReplaced>();
  readonly intendedTwice: string[] = [];

  apply(record: LedgerRecord): void {
    switch (record.k) {
      case 'new': {
        const { symbol, side, price, qty } = record;
        this.#intend(record, { terms: { symbol, side, price, qty } });
        return;
      }
      case 'cancel':
        this.#intend(record, { target: record.target });
        return;
      case 'replace': {
        const { target, price, qty } = record;
        this.#intend(record, { target, change: { price, qty } });
        this.noteReplace(record);
        return;
      }
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
      case 'replaced': {
        const { id, target, price, qty } = record;
        this.replaced.set(id, { id, target, price, qty });
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

  /** Of a replace only that it may change its order; `apply` does it, too. */
  noteReplace(record: LedgerRecord & { readonly k: 'replace' }): void {
    const { id, target, price, qty } = record;
    const order = this.orders.get(target);
    if (order === undefined) return;
    order.asked ??= new Map();
    order.asked.set(id, { price, qty });
  }

  #intend(
    record: { readonly id: string; readonly client: string },
    asks: { readonly terms?: OrderTerms; readonly target?: string; readonly change?: ChangedTerms },
  ): void {
    const { id, client } = record;
    const { terms = null, target = null, change = null } = asks;
    if (this.orders.has(id)) this.intendedTwice.push(id);
    const began = { outcome: 'sent', seq: null, epoch: null, cancelled: false } as const;
    this.orders.set(id, { id, client, terms, target, change, ...began, asked: null });
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
