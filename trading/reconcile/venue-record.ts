import type { JsonRecord } from '../base/json-record.ts';
import type { Trade } from '../positions/trade.ts';
import type { BookOrder, Contradiction, ExchangeRecord, OrderState } from './book.ts';
import { MessageFields } from './message-fields.ts';

type Execution = Omit<Trade, 'account'>;
type SeenOrder = { -readonly [Field in keyof Omit<BookOrder, 'account'>]: Omit<BookOrder, 'account'>[Field] };

/** One exchange's reports about one firm, folded. They are numbered without gaps; a gap throws. */
export class VenueRecord {
  readonly #name: string;
  readonly #orders = new Map<string, SeenOrder>();
  readonly #fills: Execution[] = [];
  readonly #executions = new Set<string>();
  readonly #rejected = new Set<string>();
  #last = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** Number of the last report. */
  get last(): number {
    return this.#last;
  }

  apply(report: JsonRecord): void {
    const fields = new MessageFields(this.#name, report);
    const n = fields.count('n');
    if (n !== this.#last + 1) throw new Error(`${this.#name}: report ${n} follows ${this.#last}`);
    this.#last = n;
    switch (report['kind']) {
      case 'accepted':
        this.#accept(fields);
        return;
      case 'rejected':
        this.#rejected.add(fields.text('id'));
        return;
      case 'fill':
        this.#fill(fields);
        return;
      case 'cancelled': {
        const order = this.#orders.get(fields.text('target'));
        if (order !== undefined) order.state = 'cancelled';
        return;
      }
      case 'replaced': {
        const order = this.#orders.get(fields.text('target'));
        if (order === undefined) return;
        order.price = fields.count('price');
        order.qty = fields.count('qty');
        return;
      }
      default:
    }
  }

  /** As it is now; `openByStatus` is what the exchange answers about its open orders at this very moment. */
  record(openByStatus: ReadonlyMap<string, number>): Omit<ExchangeRecord, 'name'> {
    return {
      orders: [...this.#orders.values()].map((order) => ({ ...order })),
      fills: [...this.#fills],
      rejected: new Set(this.#rejected),
      contradictions: this.#contradictions(openByStatus),
    };
  }

  #accept(fields: MessageFields): void {
    const id = fields.text('id');
    const [symbol, side] = [fields.text('symbol'), fields.side()];
    const [price, qty] = [fields.count('price'), fields.count('qty')];
    this.#orders.set(id, { id, symbol, side, price, qty, state: 'open', filled: 0 });
  }

  #fill(fields: MessageFields): void {
    const [exec, id] = [fields.text('exec'), fields.text('id')];
    const [price, qty] = [fields.count('price'), fields.count('qty')];
    const order = this.#orders.get(id);
    if (order === undefined)
      throw new Error(`${this.#name}: execution ${exec} is of order ${id}, which it never accepted`);
    this.#fills.push({ exec, order: id, symbol: order.symbol, side: order.side, price, qty });
    if (this.#executions.has(`${id}\u0000${exec}`)) return;
    this.#executions.add(`${id}\u0000${exec}`);
    order.filled += qty;
    if (order.filled >= order.qty && order.state === 'open') order.state = 'filled';
  }

  #contradictions(openByStatus: ReadonlyMap<string, number>): Contradiction[] {
    const found: Contradiction[] = [];
    const say = (order: string, byReports: string, byStatus: string) =>
      found.push({ order, what: `${byReports} by the drop copy, ${byStatus} by its order status` });
    for (const [id, open] of openByStatus) {
      const order = this.#orders.get(id);
      const left = order === undefined ? 0 : order.qty - order.filled;
      if (order === undefined) say(id, 'unknown', 'open');
      else if (order.state !== 'open') say(id, order.state, 'open');
      else if (left !== open) say(id, `${left} lots open`, `${open}`);
    }
    for (const { id, state } of this.#orders.values())
      if (state === 'open' && !openByStatus.has(id)) say(id, state satisfies OrderState, 'not open');
    return found;
  }
}
