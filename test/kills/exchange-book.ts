import { type JsonRecord, textField } from '../../trading/base/json-record.ts';
import { VenueView } from '../../trading/load/venue-view.ts';
import { LineClient } from '../../trading/testing/line-client.ts';

export interface ExchangeOrder {
  readonly id: string;
  readonly symbol: string;
  readonly side: string;
  price: number;
  qty: number;
  filled: number;
  state: 'open' | 'filled' | 'cancelled' | 'rejected';
}

export interface ExchangeCounters {
  readonly epoch: number;
  readonly orders: number;
  readonly fills: number;
  readonly cancels: number;
  readonly duplicates: number;
  readonly staleLogonsRefused: number;
  readonly staleWritesRefused: number;
  readonly staleWritesAccepted: number;
}

/** What the exchange has told the firm so far, read from its drop copy; each call of `read` goes on where the last one ended. */
export class ExchangeBook {
  readonly view = new VenueView();
  readonly orders = new Map<string, ExchangeOrder>();
  /** How often each kind of report came. */
  readonly counts = new Map<string, number>();
  /** What must not be: said in words. */
  readonly wrong: string[] = [];
  #epoch = 0;

  async read(port: number, firm: string): Promise<ExchangeCounters> {
    const client = await LineClient.open(port);
    try {
      client.send({ t: 'drop-copy', firm, after: this.view.last });
      await client.expect(({ t }) => t === 'drop-copy-end');
      for (const report of client.received) if (report.t === 'report') this.#apply(report);
      client.send({ t: 'counters' });
      const { firms } = await client.expect(({ t }) => t === 'counters');
      return (firms as Readonly<Record<string, ExchangeCounters>>)[firm]!;
    } finally {
      client.close();
    }
  }

  #apply(report: JsonRecord): void {
    const gap = this.view.apply(report);
    if (gap !== null) this.wrong.push(gap);
    const { kind, symbol, side, price, qty, epoch } = report;
    const id = textField(report, 'id') ?? '';
    this.counts.set(String(kind), (this.counts.get(String(kind)) ?? 0) + 1);
    if (typeof epoch === 'number') {
      if (epoch < this.#epoch) this.wrong.push(`${kind} ${id} of epoch ${epoch} after one of epoch ${this.#epoch}`);
      this.#epoch = Math.max(this.#epoch, epoch);
    }
    if (kind === 'accepted') {
      if (this.orders.has(id)) this.wrong.push(`${id} was entered twice`);
      const terms = { symbol: String(symbol), side: String(side), price: Number(price), qty: Number(qty) };
      this.orders.set(id, { id, ...terms, filled: 0, state: 'open' });
    } else if (kind === 'fill') {
      const order = this.orders.get(id);
      if (order === undefined) this.wrong.push(`a fill of ${id}, which was never entered`);
      else {
        order.filled += Number(qty);
        if (order.filled > order.qty) this.wrong.push(`${id} is filled beyond its quantity`);
        if (order.filled === order.qty) order.state = 'filled';
      }
    } else if (kind === 'cancelled') {
      const order = this.orders.get(textField(report, 'target') ?? '');
      if (order !== undefined) order.state = 'cancelled';
    } else if (kind === 'replaced') this.#replace(id, report);
  }

  #replace(request: string, report: JsonRecord): void {
    const target = textField(report, 'target') ?? '';
    const order = this.orders.get(target);
    const [price, qty] = [Number(report['price']), Number(report['qty'])];
    if (order === undefined) this.wrong.push(`${request} replaced ${target}, which was never entered`);
    else if (order.state !== 'open') this.wrong.push(`${request} replaced ${target}, which is ${order.state}`);
    else if (order.filled >= qty)
      this.wrong.push(`${request} replaced ${target} by ${qty}, but ${order.filled} are filled`);
    else Object.assign(order, { price, qty });
  }
}
