import { type IdView, idText } from '../../base/id-view.ts';
import { grown } from '../core/id-index.ts';
import type { Report } from '../core/report.ts';
import { ORDER_STATUS } from './fix-words.ts';

/** An order as FIX speaks of it, after the reports that were applied. */
export interface TalliedOrder {
  /** Of the order, or of the replace that was accepted last. */
  readonly clOrdId: string;
  readonly quantity: number;
  readonly price: number;
  readonly filled: number;
  readonly open: number;
  /** OrdStatus (39). */
  readonly status: string;
}

const STATUSES = ['', ...Object.values(ORDER_STATUS)];
const NOTHING = 0n;
const START = 1024;

/**
 * What an ExecutionReport says of an order beyond the one report that it is about: sums, the last ClOrdID, the status. A fold over
 * the reports of the firms that have FIX sessions, by the exchange's number of the order, so that the same reports give the same
 * messages whenever they are made.
 */
export class OrderTally {
  #filled = new Float64Array(START);
  #quantity = new Float64Array(START);
  #open = new Float64Array(START);
  #price = new Float64Array(START);
  /** Place in `STATUSES`; 0 = no report of it was applied. */
  #status = new Uint8Array(START);
  /** Sum of price × lots. */
  readonly #value: bigint[] = [];
  /** Only of orders that were replaced. */
  readonly #clOrdIds = new Map<number, string>();

  knows(order: number): boolean {
    return order >= 0 && (this.#status[order] ?? 0) !== 0;
  }

  /** `firstId` is the order's own. */
  order(order: number, firstId: IdView): TalliedOrder {
    return {
      clOrdId: this.#clOrdIds.get(order) ?? idText(firstId),
      quantity: this.#quantity[order]!,
      price: this.#price[order]!,
      filled: this.#filled[order]!,
      open: this.#open[order]!,
      status: STATUSES[this.#status[order]!]!,
    };
  }

  /** Average price of what was filled, times `unit`, rounded down; 0 when nothing was. */
  averagePrice(order: number, unit: number): number {
    const filled = this.#filled[order] ?? 0;
    return filled === 0 ? 0 : Number(((this.#value[order] ?? NOTHING) * BigInt(unit)) / BigInt(filled));
  }

  /** The next report about this order, in the order of its number. */
  apply(order: number, report: Report): void {
    while (order >= this.#status.length) this.#grow();
    switch (report.kind) {
      case 'accepted':
        this.#quantity[order] = report.quantity;
        this.#price[order] = report.price;
        this.#open[order] = report.open;
        this.#became(order, ORDER_STATUS.new);
        return;
      case 'fill':
        this.#filled[order] = this.#filled[order]! + report.quantity;
        this.#open[order] = report.open;
        this.#value[order] = (this.#value[order] ?? NOTHING) + BigInt(report.price) * BigInt(report.quantity);
        this.#became(order, report.open === 0 ? ORDER_STATUS.filled : ORDER_STATUS.partlyFilled);
        return;
      case 'replaced':
        this.#quantity[order] = report.quantity;
        this.#price[order] = report.price;
        this.#open[order] = report.open;
        this.#clOrdIds.set(order, idText(report.id));
        return;
      case 'cancelled':
        this.#open[order] = 0;
        this.#became(order, report.reason === 'expired' ? ORDER_STATUS.expired : ORDER_STATUS.cancelled);
        return;
      case 'rejected':
      case 'cancel-rejected':
      case 'replace-rejected':
        return;
    }
  }

  #became(order: number, status: string): void {
    this.#status[order] = STATUSES.indexOf(status);
  }

  #grow(): void {
    this.#filled = grown(this.#filled);
    this.#quantity = grown(this.#quantity);
    this.#open = grown(this.#open);
    this.#price = grown(this.#price);
    this.#status = grown(this.#status);
  }
}
