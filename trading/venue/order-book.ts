/** An order resting at the venue. */
export interface RestingOrder {
  readonly side: 'B' | 'S';
  readonly price: number;
  /** Lots still open; 0 when filled or cancelled. */
  open: number;
}

interface Level<Resting extends RestingOrder> {
  readonly price: number;
  queue: Resting[];
  head: number;
}

/** One symbol's resting orders in price-time order. Pure. */
export class OrderBook<Resting extends RestingOrder> {
  /** Best price last, so that taking it is cheap. */
  readonly #levels: Record<'B' | 'S', Level<Resting>[]> = { B: [], S: [] };

  add(order: Resting): void {
    const levels = this.#levels[order.side];
    const at = this.#indexOf(order.side, order.price);
    const level = levels[at];
    if (level?.price === order.price) level.queue.push(order);
    else levels.splice(at, 0, { price: order.price, queue: [order], head: 0 });
  }

  /** First in price-time order that is still open. Orders closed from outside (`open = 0`) are dropped on the way. */
  best(side: 'B' | 'S'): Resting | null {
    const levels = this.#levels[side];
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      for (; level.head < level.queue.length; level.head++) {
        const order = level.queue[level.head]!;
        if (order.open > 0) return order;
      }
      levels.pop();
    }
    return null;
  }

  #indexOf(side: 'B' | 'S', price: number): number {
    const levels = this.#levels[side];
    const worse = (other: number) => (side === 'B' ? other < price : other > price);
    let low = 0;
    let high = levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (worse(levels[middle]!.price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
