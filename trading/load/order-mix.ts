import type { OrderRequest } from './order-session.ts';
import { between, type Random } from './random.ts';

/**
 * Decides the next request of one client: mostly new orders around a slowly wandering price, so that many cross and fill, and
 * cancels and replaces of orders that are believed to be open. The number of open orders stays bounded.
 */
export class OrderMix {
  readonly #random: Random;
  readonly #symbols: readonly string[];
  readonly #replaceShare: number;
  readonly #prefix: string;
  readonly #mid = new Map<string, number>();
  readonly #open: string[] = [];
  readonly #openAt = new Map<string, number>();
  readonly #lots = new Map<string, { total: number; filled: number }>();
  #next = 1;

  constructor(options: { random: Random; symbols: readonly string[]; replacePercent: number; prefix: string }) {
    this.#random = options.random;
    this.#symbols = options.symbols;
    this.#replaceShare = options.replacePercent / 100;
    this.#prefix = options.prefix;
  }

  next(): OrderRequest {
    const id = `${this.#prefix}-${this.#next}`;
    this.#next += 1;
    const cancelShare = this.#open.length > maxOpenOrders ? 0.7 : 0.2;
    if (this.#open.length > 0 && this.#random() < cancelShare) {
      const target = this.#any();
      this.ended(target);
      return { t: 'cancel', id, target };
    }
    if (this.#replaceShare > 0 && this.#open.length > 0 && this.#random() < this.#replaceShare)
      return { t: 'replace', id, target: this.#any(), ...this.#change() };
    return { t: 'new', id, ...this.#terms() };
  }

  /** Acknowledged: may be cancelled from now on. */
  opened(id: string, total: number, filled = 0): void {
    if (this.#openAt.has(id)) return;
    this.#lots.set(id, { total, filled });
    this.#openAt.set(id, this.#open.length);
    this.#open.push(id);
  }

  filled(id: string, qty: number): void {
    const lots = this.#lots.get(id);
    if (lots === undefined) return;
    lots.filled += qty;
    if (lots.filled >= lots.total) this.ended(id);
  }

  /** Has a new total, what is filled included. */
  replaced(id: string, total: number): void {
    const lots = this.#lots.get(id);
    if (lots !== undefined) lots.total = total;
  }

  /** Filled, cancelled or being cancelled: no longer a target. */
  ended(id: string): void {
    const at = this.#openAt.get(id);
    if (at === undefined) return;
    this.#openAt.delete(id);
    this.#lots.delete(id);
    const last = this.#open.pop()!;
    if (last === id) return;
    this.#open[at] = last;
    this.#openAt.set(last, at);
  }

  #any(): string {
    return this.#open[between(this.#random, 0, this.#open.length - 1)]!;
  }

  /** Nearly as before, or far from it: some of them are below what is filled by now, some beyond what is allowed. */
  #change() {
    const price = startPrice + between(this.#random, -10, 10);
    return { price, qty: between(this.#random, 1, 50) };
  }

  #terms() {
    const symbol = this.#symbols[between(this.#random, 0, this.#symbols.length - 1)]!;
    const mid = Math.max(100, (this.#mid.get(symbol) ?? startPrice) + between(this.#random, -1, 1));
    this.#mid.set(symbol, mid);
    const side = this.#random() < 0.5 ? ('B' as const) : ('S' as const);
    return { symbol, side, price: mid + between(this.#random, -5, 5), qty: between(this.#random, 1, 50) };
  }
}

const startPrice = 10_000;
const maxOpenOrders = 500;
