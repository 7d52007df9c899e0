import { grown } from './id-index.ts';
import { NONE } from './order-table.ts';

/**
 * The open orders of each firm in order of entry: what a firm asks about its own costs as much as it has, however much rests for others.
 */
export class OpenOrders {
  /** First and last by firm; neighbours by order. One more than the number that is meant, so that what was never set is none. */
  #first = new Int32Array(START);
  #last = new Int32Array(START);
  #next = new Int32Array(START);
  #previous = new Int32Array(START);

  /** Adds an order, younger than all that its firm has here. */
  add(firm: number, order: number): void {
    while (firm >= this.#first.length) {
      this.#first = grown(this.#first);
      this.#last = grown(this.#last);
    }
    while (order >= this.#next.length) {
      this.#next = grown(this.#next);
      this.#previous = grown(this.#previous);
    }
    const last = this.#last[firm]!;
    this.#previous[order] = last;
    if (last === 0) this.#first[firm] = order + 1;
    else this.#next[last - 1] = order + 1;
    this.#last[firm] = order + 1;
  }

  /** Takes out an order that is here. */
  remove(firm: number, order: number): void {
    const next = this.#next[order]!;
    const previous = this.#previous[order]!;
    if (previous === 0) this.#first[firm] = next;
    else this.#next[previous - 1] = next;
    if (next === 0) this.#last[firm] = previous;
    else this.#previous[next - 1] = previous;
  }

  /** A firm's oldest open order, or NONE. */
  first(firm: number): number {
    return (this.#first[firm] ?? 0) - 1;
  }

  /** The next younger one of the same firm, or NONE. */
  after(order: number): number {
    return this.#next[order]! - 1;
  }

  /** Those of a firm that fit, in order of entry. Allocates. */
  of(firm: number, fits: (order: number) => boolean = () => true): number[] {
    const found: number[] = [];
    for (let order = this.first(firm); order !== NONE; order = this.after(order)) if (fits(order)) found.push(order);
    return found;
  }
}

const START = 64;
