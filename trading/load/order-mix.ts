import type { OrderRequest } from './order-session.ts';
import { between, type Random } from './random.ts';

/**
 * Decides the next request of one client: mostly new orders around a slowly wandering price, so that many cross and fill, and
 * cancels of orders that are believed to be open. The number of open orders stays bounded.
 */
export class OrderMix {
  readonly #random: Random;
  readonly #symbols: readonly string[];
  readonly #prefix: string;
  readonly #mid = new Map<string, number>();
  readonly #open: string[] = [];
  readonly #openAt = new Map<string, number>();
  readonly #remaining = new Map<string, number>();
  #next = 1;

  constructor(options: { random: Random; symbols: readonly string[]; prefix: string }) {
    this.#random = options.random;
    this.#symbols = options.symbols;
    this.#prefix = options.prefix;
  }

  next(): OrderRequest {
    const id = `${this.#prefix}-${this.#next}`;
    this.#next += 1;
    const cancelShare = this.#open.length > maxOpenOrders ? 0.7 : 0.2;
    if (this.#open.length > 0 && this.#random() < cancelShare) {
      const target = this.#open[between(this.#random, 0, this.#open.length - 1)]!;
      this.ended(target);
      return { t: 'cancel', id, target };
    }
    return { t: 'new', id, ...this.#terms() };
  }

  /** Acknowledged: may be cancelled from now on. */
  opened(id: string, qty: number): void {
    if (this.#openAt.has(id)) return;
    this.#remaining.set(id, qty);
    this.#openAt.set(id, this.#open.length);
    this.#open.push(id);
  }

  filled(id: string, qty: number): void {
    const remaining = (this.#remaining.get(id) ?? 0) - qty;
    if (remaining <= 0) this.ended(id);
    else this.#remaining.set(id, remaining);
  }

  /** Filled, cancelled or being cancelled: no longer a target. */
  ended(id: string): void {
    const at = this.#openAt.get(id);
    if (at === undefined) return;
    this.#openAt.delete(id);
    this.#remaining.delete(id);
    const last = this.#open.pop()!;
    if (last === id) return;
    this.#open[at] = last;
    this.#openAt.set(last, at);
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
