const firstRoom = 16;

/** Price levels of one side of one symbol, best first, in typed arrays. Price 0 stands for market orders, which come before every price. */
export class PriceLevels {
  readonly #descending: boolean;
  #prices = new Float64Array(firstRoom);
  #lots = new Float64Array(firstRoom);
  #orders = new Uint32Array(firstRoom);
  #depth = 0;

  /** `descending`: the highest price is the best. */
  constructor(options: { readonly descending: boolean }) {
    this.#descending = options.descending;
  }

  get depth(): number {
    return this.#depth;
  }

  /** Of the level at a rank below `depth`. */
  priceAt(rank: number): number {
    return this.#prices[rank]!;
  }

  lotsAt(rank: number): number {
    return this.#lots[rank]!;
  }

  ordersAt(rank: number): number {
    return this.#orders[rank]!;
  }

  /** What rests at a price now; 0 lots take the level away. */
  set(price: number, lots: number, orders: number): void {
    const rank = this.#rankOf(price);
    const known = rank < this.#depth && this.#prices[rank] === price;
    if (lots === 0) {
      if (known) this.#remove(rank);
      return;
    }
    if (!known) this.#insert(rank);
    this.#prices[rank] = price;
    this.#lots[rank] = lots;
    this.#orders[rank] = orders;
  }

  clear(): void {
    this.#depth = 0;
  }

  /** Of the first level that is not better than a price. */
  #rankOf(price: number): number {
    let low = 0;
    let high = this.#depth;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#better(this.#prices[middle]!, price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #better(one: number, other: number): boolean {
    if (one === other || other === 0) return false;
    return one === 0 || (this.#descending ? one > other : one < other);
  }

  #insert(rank: number): void {
    if (this.#depth === this.#prices.length) this.#grow();
    this.#prices.copyWithin(rank + 1, rank, this.#depth);
    this.#lots.copyWithin(rank + 1, rank, this.#depth);
    this.#orders.copyWithin(rank + 1, rank, this.#depth);
    this.#depth += 1;
  }

  #remove(rank: number): void {
    this.#prices.copyWithin(rank, rank + 1, this.#depth);
    this.#lots.copyWithin(rank, rank + 1, this.#depth);
    this.#orders.copyWithin(rank, rank + 1, this.#depth);
    this.#depth -= 1;
  }

  #grow(): void {
    const room = this.#prices.length * 2;
    const prices = new Float64Array(room);
    const lots = new Float64Array(room);
    const orders = new Uint32Array(room);
    prices.set(this.#prices);
    lots.set(this.#lots);
    orders.set(this.#orders);
    this.#prices = prices;
    this.#lots = lots;
    this.#orders = orders;
  }
}
