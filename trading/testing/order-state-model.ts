import type { Entry, Side, VenueEntry } from '../engine/entry.ts';
import type { OrderStatus } from '../engine/order-view.ts';

export interface ModelOrder {
  readonly kind: 'order';
  readonly id: string;
  readonly client: string;
  readonly symbol: string;
  readonly side: Side;
  readonly price: number;
  readonly qty: number;
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

/** The order state said plainly, with an object for each order: what `OrderState` is compared with. */
export class OrderStateModel {
  readonly #byId = new Map<string, ModelOrder | ModelCancel>();
  readonly #orders: ModelOrder[] = [];
  readonly #pendingOrders = new Set<ModelOrder>();
  readonly #pendingCancels = new Set<ModelCancel>();
  readonly #openByClient = new Map<string, number>();
  #applied = 0;
  #venueSequence = 0;
  #active = 0;
  #breaks = 0;
  #fills = 0;

  /** Sequence of the last entry applied. */
  get applied(): number {
    return this.#applied;
  }
  /** Number of the last venue report applied. */
  get venueSequence(): number {
    return this.#venueSequence;
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
  get pendingCancels(): ReadonlySet<ModelCancel> {
    return this.#pendingCancels;
  }

  find(id: string): ModelOrder | ModelCancel | null {
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
        this.#addCancel(seq, epoch, entry);
        return;
      case 'epoch':
      case 'test':
        return;
      case 'withdrawn':
        this.#withdraw(entry);
        return;
      default:
        this.#venueSequence = entry.n;
        this.#applyReport(entry);
        return;
    }
  }

  #addOrder(seq: number, epoch: number, entry: Extract<Entry, { kind: 'order' }>): void {
    const { id, client, symbol, side, price, qty } = entry;
    const order: ModelOrder = {
      kind: 'order',
      id,
      client,
      symbol,
      side,
      price,
      qty,
      seq,
      epoch,
      state: 'pending',
      filled: 0,
      code: null,
      withdrawn: false,
    };
    this.#byId.set(id, order);
    this.#orders.push(order);
    this.#pendingOrders.add(order);
    this.#active += 1;
    this.#openByClient.set(client, this.openOf(client) + 1);
  }

  #addCancel(seq: number, epoch: number, entry: Extract<Entry, { kind: 'cancel' }>): void {
    const { id, client, target } = entry;
    const cancel: ModelCancel = { kind: 'cancel', id, client, target, seq, epoch, state: 'pending', code: null };
    this.#byId.set(id, cancel);
    this.#pendingCancels.add(cancel);
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
    const cancel = this.#byId.get(id);
    if (cancel?.kind !== 'cancel') return;
    cancel.state = state;
    cancel.code = code;
    this.#pendingCancels.delete(cancel);
  }

  #break(): void {
    this.#breaks += 1;
  }
}
