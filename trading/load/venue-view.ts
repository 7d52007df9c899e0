import { countField, type JsonRecord, textField } from '../base/json-record.ts';
import type { ChangedTerms, OrderTerms } from './ledger-record.ts';

export interface VenueExecution {
  readonly exec: string;
  readonly id: string;
  readonly price: number;
  readonly qty: number;
}

/** An order has these terms since; `id` is the request's. */
export interface VenueReplaced extends ChangedTerms {
  readonly id: string;
  readonly target: string;
}

/** The exchange's drop copy, folded. Reports are numbered without gaps and never change. */
export class VenueView {
  readonly accepted = new Map<string, OrderTerms>();
  readonly rejected = new Set<string>();
  readonly cancelled = new Set<string>();
  readonly executions = new Map<string, VenueExecution>();
  readonly filled = new Map<string, number>();
  readonly replaced = new Map<string, VenueReplaced>();
  readonly acceptedTwice: string[] = [];
  readonly executedTwice: string[] = [];
  readonly replacedTwice: string[] = [];
  last = 0;

  /** Returns what is wrong with the stream, or null. */
  apply(report: JsonRecord): string | null {
    const n = countField(report, 'n');
    const id = textField(report, 'id') ?? '';
    if (n !== this.last + 1) return `report ${n} follows ${this.last}`;
    this.last = n;
    switch (report['kind']) {
      case 'accepted':
        if (this.accepted.has(id)) this.acceptedTwice.push(id);
        this.accepted.set(id, {
          symbol: String(report['symbol']),
          side: report['side'] === 'S' ? 'S' : 'B',
          price: Number(report['price']),
          qty: Number(report['qty']),
        });
        return null;
      case 'rejected':
        this.rejected.add(id);
        return null;
      case 'cancelled':
        this.cancelled.add(textField(report, 'target') ?? '');
        return null;
      case 'replaced': {
        if (this.replaced.has(id)) this.replacedTwice.push(id);
        const target = textField(report, 'target') ?? '';
        this.replaced.set(id, { id, target, price: Number(report['price']), qty: Number(report['qty']) });
        return null;
      }
      case 'fill':
        this.#execute({ exec: String(report['exec']), id, price: Number(report['price']), qty: Number(report['qty']) });
        return null;
      default:
        return null;
    }
  }

  #execute(execution: VenueExecution): void {
    if (this.executions.has(execution.exec)) this.executedTwice.push(execution.exec);
    this.executions.set(execution.exec, execution);
    this.filled.set(execution.id, (this.filled.get(execution.id) ?? 0) + execution.qty);
  }
}
