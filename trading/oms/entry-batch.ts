import type { JournalEntry } from './journal-entry.ts';

export type OrderState = 'pending' | 'open' | 'filled' | 'cancelled' | 'rejected';

/** What of a stored order can change, and what is needed to change it rightly. */
export interface StoredOrder {
  readonly id: string;
  readonly price: number;
  readonly qty: number;
  readonly state: OrderState;
  readonly filled: number;
}

type OrderEntry = JournalEntry & { readonly kind: 'order' };
type FillEntry = JournalEntry & { readonly kind: 'fill' };

/** An entry that does not fit the orders: about one that is not known, or more than was ordered. Kept, never dropped. */
export interface EntryBreak {
  readonly seq: number;
  readonly epoch: number;
  readonly orderId: string;
  readonly reason: string;
}

/** Row operations of one transaction: at most one per order, so that it is a fixed number of statements. */
export interface EntryBatch {
  readonly orders: readonly (Omit<StoredOrder, 'id'> & { readonly entry: OrderEntry })[];
  readonly changes: readonly StoredOrder[];
  readonly trades: readonly FillEntry[];
  readonly breaks: readonly EntryBreak[];
  /** By how many the orders grow that are neither filled, cancelled nor rejected. */
  readonly activeGrowth: number;
}

/** Orders that these entries change and that must have been stored before them. */
export const ordersBefore = (entries: readonly JournalEntry[]): string[] => {
  const created = new Set<string>();
  const needed = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'order') created.add(entry.id);
    else if (entry.kind !== 'other' && !created.has(entry.orderId)) needed.add(entry.orderId);
  }
  return [...needed];
};

export const isActive = (state: OrderState): boolean => state === 'pending' || state === 'open';

/** The same rules by which the engine itself folds its journal into orders. */
export const foldEntries = (entries: readonly JournalEntry[], stored: ReadonlyMap<string, StoredOrder>): EntryBatch => {
  const fold = new Fold(stored);
  for (const entry of entries) fold.apply(entry);
  return fold.result();
};

interface Working {
  readonly id: string;
  price: number;
  qty: number;
  readonly entry: OrderEntry | null;
  state: OrderState;
  filled: number;
}

class Fold {
  readonly #stored: ReadonlyMap<string, StoredOrder>;
  readonly #orders = new Map<string, Working>();
  readonly #trades: FillEntry[] = [];
  readonly #breaks: EntryBreak[] = [];
  #activeGrowth = 0;

  constructor(stored: ReadonlyMap<string, StoredOrder>) {
    this.#stored = stored;
  }

  apply(entry: JournalEntry): void {
    if (entry.kind === 'other') return;
    if (entry.kind === 'order') {
      const { id, price, qty } = entry;
      this.#orders.set(id, { id, price, qty, entry, state: 'pending', filled: 0 });
      this.#activeGrowth += 1;
      return;
    }
    const order = this.#find(entry.orderId);
    if (order === null) {
      this.#break(entry, `${entry.kind}, but the order is not known`);
      return;
    }
    if (entry.kind === 'accepted') {
      if (order.state === 'pending') order.state = 'open';
    } else if (entry.kind === 'fill') this.#fill(order, entry);
    else if (entry.kind === 'replaced') this.#replace(order, entry);
    else this.#finish(order, entry, entry.kind);
  }

  result(): EntryBatch {
    const all = [...this.#orders.values()];
    return {
      orders: all.flatMap(({ entry, price, qty, state, filled }) =>
        entry === null ? [] : [{ entry, price, qty, state, filled }],
      ),
      changes: all.filter(({ entry }) => entry === null),
      trades: this.#trades,
      breaks: this.#breaks,
      activeGrowth: this.#activeGrowth,
    };
  }

  #fill(order: Working, entry: FillEntry): void {
    if (order.filled + entry.qty > order.qty) {
      this.#break(entry, `fill of ${entry.qty} on ${order.filled} of ${order.qty}`);
      return;
    }
    this.#trades.push(entry);
    order.filled += entry.qty;
    if (order.filled === order.qty) this.#finish(order, entry, 'filled');
  }

  #replace(order: Working, entry: JournalEntry & { readonly kind: 'replaced' }): void {
    if (!isActive(order.state) || order.filled >= entry.qty) {
      this.#break(entry, `replaced by a total of ${entry.qty}, but it is ${order.state} with ${order.filled} filled`);
      return;
    }
    order.price = entry.price;
    order.qty = entry.qty;
  }

  #finish(order: Working, entry: JournalEntry, state: 'filled' | 'cancelled' | 'rejected'): void {
    if (!isActive(order.state)) {
      this.#break(entry, `${state}, but it is ${order.state}`);
      return;
    }
    order.state = state;
    this.#activeGrowth -= 1;
  }

  #find(id: string): Working | null {
    const working = this.#orders.get(id);
    if (working !== undefined) return working;
    const stored = this.#stored.get(id);
    if (stored === undefined) return null;
    const loaded: Working = { ...stored, entry: null };
    this.#orders.set(id, loaded);
    return loaded;
  }

  #break(entry: JournalEntry, reason: string): void {
    const orderId = entry.kind === 'other' || entry.kind === 'order' ? '' : entry.orderId;
    this.#breaks.push({ seq: entry.seq, epoch: entry.epoch, orderId, reason });
  }
}
