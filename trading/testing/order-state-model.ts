import type { Entry, Side, TimeInForce, VenueEntry } from '../engine/entry.ts';
import type { OrderStatus } from '../engine/order-view.ts';

export interface ModelOrder {
  readonly kind: 'order';
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  price: number;
  qty: number;
  readonly tif: TimeInForce;
  venue: string;
  readonly seq: number;
  readonly epoch: number;
  state: OrderStatus;
  filled: number;
  code: string | null;
  withdrawn: boolean;
}

export interface ModelCancel {
  readonly kind: 'cancel';
  readonly id: string;
  readonly client: string;
  readonly target: string;
  readonly seq: number;
  readonly epoch: number;
  state: 'pending' | 'done' | 'rejected';
  code: string | null;
}

export interface ModelReplace extends Omit<ModelCancel, 'kind'> {
  readonly kind: 'replace';
  readonly price: number;
  readonly qty: number;
}

/** The order state said plainly, with an object for each order: what `OrderState` is compared with. */
export class OrderStateModel {
  readonly #byId = new Map<string, ModelOrder | ModelCancel | ModelReplace>();
  readonly #orders: ModelOrder[] = [];
  readonly #pendingOrders = new Set<ModelOrder>();
  readonly #pendingRequests = new Set<ModelCancel | ModelReplace>();
  readonly #venues: string[] = [];
  readonly #venueOf = new Map<ModelOrder, number>();
  readonly #reports = new Map<number, number>();
  readonly #traded = new Map<string, { bought: number; sold: number }>();
  readonly #openByClient = new Map<string, number>();
  #applied = 0;
  #active = 0;
  #breaks = 0;
  #fills = 0;

  /** Sequence of the last entry applied. */
  get applied(): number {
    return this.#applied;
  }
  /** Numbers of the last reports of all exchanges, added up. */
  get venueReports(): number {
    return [...this.#reports.values()].reduce((sum, n) => sum + n, 0);
  }
  /** Lots bought and sold by symbol. */
  get traded(): ReadonlyMap<string, { readonly bought: number; readonly sold: number }> {
    return this.#traded;
  }
  /** Orders that are neither filled, cancelled nor rejected. */
  get active(): number {
    return this.#active;
  }
  get orderCount(): number {
    return this.#orders.length;
  }
  get fillCount(): number {
    return this.#fills;
  }
  /** Venue reports that do not fit this state: about orders not known here, or more than was ordered. */
  get breaks(): number {
    return this.#breaks;
  }
  get pendingOrders(): ReadonlySet<ModelOrder> {
    return this.#pendingOrders;
  }
  get pendingRequests(): ReadonlySet<ModelCancel | ModelReplace> {
    return this.#pendingRequests;
  }

  find(id: string): ModelOrder | ModelCancel | ModelReplace | null {
    return this.#byId.get(id) ?? null;
  }

  findOrder(id: string): ModelOrder | null {
    const found = this.#byId.get(id);
    return found?.kind === 'order' ? found : null;
  }

  openOf(client: string): number {
    return this.#openByClient.get(client) ?? 0;
  }

  /** Orders after a sequence, oldest first. */
  ordersAfter(sequence: number, limit: number): ModelOrder[] {
    let low = 0;
    let high = this.#orders.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#orders[middle]!.seq <= sequence) low = middle + 1;
      else high = middle;
    }
    return this.#orders.slice(low, low + limit);
  }

  /** Applies the next entry; entries must come in sequence, each once. */
  apply(seq: number, epoch: number, entry: Entry): void {
    if (seq !== this.#applied + 1) throw new Error(`entry ${seq} applied after ${this.#applied}`);
    this.#applied = seq;
    switch (entry.kind) {
      case 'order':
        this.#addOrder(seq, epoch, entry);
        return;
      case 'cancel':
      case 'replace':
        this.#addRequest(seq, epoch, entry);
        return;
      case 'venue':
        this.#nameVenue(entry);
        return;
      case 'refused':
        this.#refuse(entry);
        return;
      case 'epoch':
      case 'test':
        return;
      case 'withdrawn':
        this.#withdraw(entry);
        return;
      default:
        this.#reports.set(entry.venue ?? 0, entry.n);
        this.#applyReport(entry);
        return;
    }
  }

  #addOrder(seq: number, epoch: number, entry: Extract<Entry, { kind: 'order' }>): void {
    const { id, client, symbol, side, price, qty } = entry;
    const venue = this.#venues[entry.venue ?? 0] ?? '';
    const order: ModelOrder = {
      kind: 'order',
      id,
      client,
      symbol,
      side,
      price,
      qty,
      tif: entry.tif ?? 'day',
      venue,
      seq,
      epoch,
      state: 'pending',
      filled: 0,
      code: null,
      withdrawn: false,
    };
    this.#byId.set(id, order);
    this.#orders.push(order);
    this.#venueOf.set(order, entry.venue ?? 0);
    this.#pendingOrders.add(order);
    this.#active += 1;
    this.#openByClient.set(client, this.openOf(client) + 1);
  }

  #addRequest(seq: number, epoch: number, entry: Extract<Entry, { kind: 'cancel' | 'replace' }>): void {
    const { id, client, target } = entry;
    const common = { id, client, target, seq, epoch, state: 'pending' as const, code: null };
    const request: ModelCancel | ModelReplace =
      entry.kind === 'cancel'
        ? { kind: 'cancel', ...common }
        : { kind: 'replace', ...common, price: entry.price, qty: entry.qty };
    this.#byId.set(id, request);
    this.#pendingRequests.add(request);
  }

  #nameVenue({ name, venue }: Extract<Entry, { kind: 'venue' }>): void {
    if (venue !== this.#venues.length || this.#venues.includes(name)) {
      this.#break();
      return;
    }
    this.#venues.push(name);
    for (const [order, number] of this.#venueOf) if (number === venue) order.venue = name;
  }

  #refuse({ id, code }: Extract<Entry, { kind: 'refused' }>): void {
    const found = this.#byId.get(id);
    if (found === undefined) this.#break();
    else if (found.kind === 'order') {
      found.code = code;
      this.#finish(found, 'rejected');
    } else this.#settle(id, 'rejected', code);
  }

  #withdraw({ id, code }: Extract<Entry, { kind: 'withdrawn' }>): void {
    const order = this.findOrder(id);
    if (order === null) {
      this.#break();
      return;
    }
    order.code = code;
    order.withdrawn = true;
    this.#finish(order, 'rejected');
  }

  #applyReport(entry: VenueEntry): void {
    switch (entry.kind) {
      case 'accepted':
        this.#confirm(this.findOrder(entry.id));
        return;
      case 'rejected': {
        const order = this.findOrder(entry.id);
        if (order === null) {
          this.#break();
          return;
        }
        order.code = entry.code;
        this.#finish(order, 'rejected');
        return;
      }
      case 'fill': {
        const order = this.findOrder(entry.id);
        if (order === null || order.filled + entry.qty > order.qty) {
          this.#break();
          return;
        }
        this.#fills += 1;
        order.filled += entry.qty;
        const { bought, sold } = this.#traded.get(order.symbol) ?? { bought: 0, sold: 0 };
        const isBuy = order.side === 'B';
        this.#traded.set(order.symbol, {
          bought: bought + (isBuy ? entry.qty : 0),
          sold: sold + (isBuy ? 0 : entry.qty),
        });
        if (order.filled === order.qty) this.#finish(order, 'filled');
        return;
      }
      case 'cancelled': {
        const order = this.findOrder(entry.target);
        this.#settle(entry.id, 'done', null);
        if (order === null) {
          this.#break();
          return;
        }
        this.#finish(order, 'cancelled');
        return;
      }
      case 'replaced': {
        const request = this.#byId.get(entry.id);
        const order = this.findOrder(entry.target);
        if (request?.kind === 'replace') this.#settle(entry.id, 'done', null);
        const fits =
          request?.kind === 'replace' &&
          order !== null &&
          request.target === order.id &&
          // The request was made when the order was known.
          request.seq > order.seq &&
          request.price === entry.price &&
          request.qty === entry.qty &&
          (order.state === 'pending' || order.state === 'open') &&
          order.filled < entry.qty;
        if (!fits) {
          this.#break();
          return;
        }
        order.price = entry.price;
        order.qty = entry.qty;
        return;
      }
      case 'replace-rejected':
      case 'cancel-rejected':
        this.#settle(entry.id, 'rejected', entry.code);
        return;
    }
  }

  #confirm(order: ModelOrder | null): void {
    if (order === null) {
      this.#break();
      return;
    }
    if (order.state !== 'pending') return;
    order.state = 'open';
    this.#pendingOrders.delete(order);
  }

  #finish(order: ModelOrder, state: 'filled' | 'cancelled' | 'rejected'): void {
    if (order.state !== 'pending' && order.state !== 'open') {
      this.#break();
      return;
    }
    order.state = state;
    this.#pendingOrders.delete(order);
    this.#active -= 1;
    this.#openByClient.set(order.client, this.openOf(order.client) - 1);
  }

  #settle(id: string, state: 'done' | 'rejected', code: string | null): void {
    const request = this.#byId.get(id);
    if (request === undefined || request.kind === 'order') return;
    request.state = state;
    request.code = code;
    this.#pendingRequests.delete(request);
  }

  #break(): void {
    this.#breaks += 1;
  }
}
