import { grown } from './id-index.ts';
import { NONE, type OrderTable } from './order-table.ts';
import { BUY, type Side } from './terms.ts';

/** Told of every change of a price level: what rests there now. */
export type LevelListener = (side: Side, price: number, volume: number, orders: number) => void;

/** One side of one symbol: price levels with the best one last, in each a queue in time order linked through the order table. */
export class BookSide {
  readonly side: Side;
  readonly #orders: OrderTable;
  readonly #onLevel: LevelListener;
  /** Level numbers, worst price first. */
  #ladder = new Int32Array(START);
  #depth = 0;
  #levels = 0;
  #free = NONE;
  #price = new Float64Array(START);
  #volume = new Float64Array(START);
  #size = new Int32Array(START);
  #head = new Int32Array(START);
  #tail = new Int32Array(START);
  /** Orders that rest here, all and by firm. */
  #resting = 0;
  #restingOf = new Int32Array(START);

  constructor(options: { readonly side: Side; readonly orders: OrderTable; readonly onLevel: LevelListener }) {
    this.side = options.side;
    this.#orders = options.orders;
    this.#onLevel = options.onLevel;
  }

  /** How many price levels there are. */
  get depth(): number {
    return this.#depth;
  }

  /** The level at a rank, 0 = best. */
  priceAt(rank: number): number {
    return this.#price[this.#ladder[this.#depth - 1 - rank]!]!;
  }

  volumeAt(rank: number): number {
    return this.#volume[this.#ladder[this.#depth - 1 - rank]!]!;
  }

  ordersAt(rank: number): number {
    return this.#size[this.#ladder[this.#depth - 1 - rank]!]!;
  }

  /** First in time at a rank; go on with the order table's `next`. */
  firstAt(rank: number): number {
    return this.#head[this.#ladder[this.#depth - 1 - rank]!]!;
  }

  /** True when nothing rests here but what is this firm's own. */
  onlyOf(firm: number): boolean {
    return this.#resting === (this.#restingOf[firm] ?? 0);
  }

  /** Queues an order last at its price. */
  add(order: number): void {
    const orders = this.#orders;
    const price = orders.price[order]!;
    const at = this.#find(price);
    let level = at < this.#depth ? this.#ladder[at]! : NONE;
    if (level === NONE || this.#price[level] !== price) level = this.#insert(at, price);
    const tail = this.#tail[level]!;
    orders.previous[order] = tail;
    orders.next[order] = NONE;
    orders.level[order] = level;
    if (tail === NONE) this.#head[level] = order;
    else orders.next[tail] = order;
    this.#tail[level] = order;
    this.#size[level]! += 1;
    this.#count(orders.firm[order]!, 1);
    this.#changed(level, orders.open[order]!);
  }

  /** Takes an order out of its queue; what is open of it must not have changed since it was told. */
  remove(order: number): void {
    const orders = this.#orders;
    const level = orders.level[order]!;
    const previous = orders.previous[order]!;
    const next = orders.next[order]!;
    if (previous === NONE) this.#head[level] = next;
    else orders.next[previous] = next;
    if (next === NONE) this.#tail[level] = previous;
    else orders.previous[next] = previous;
    orders.level[order] = NONE;
    this.#size[level]! -= 1;
    this.#count(orders.firm[order]!, -1);
    this.#changed(level, -orders.open[order]!);
    if (this.#size[level] === 0) this.#drop(level);
  }

  /** Makes what is open of a resting order smaller; its place stays. */
  reduce(order: number, by: number): void {
    this.#orders.open[order]! -= by;
    this.#changed(this.#orders.level[order]!, -by);
  }

  /** True when an order of this price on the other side would trade with this level. */
  crosses(rank: number, price: number): boolean {
    return this.side === BUY ? this.priceAt(rank) >= price : this.priceAt(rank) <= price;
  }

  #count(firm: number, by: number): void {
    while (firm >= this.#restingOf.length) this.#restingOf = grown(this.#restingOf);
    this.#restingOf[firm]! += by;
    this.#resting += by;
  }

  #changed(level: number, by: number): void {
    this.#volume[level]! += by;
    this.#onLevel(this.side, this.#price[level]!, this.#volume[level]!, this.#size[level]!);
  }

  /** Place of a price in the ladder, or where it would go. */
  #find(price: number): number {
    let low = 0;
    let high = this.#depth;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#price[this.#ladder[middle]!]!;
      if (this.side === BUY ? other < price : other > price) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(at: number, price: number): number {
    if (this.#depth === this.#ladder.length) this.#ladder = grown(this.#ladder);
    this.#ladder.copyWithin(at + 1, at, this.#depth);
    let level = this.#free;
    if (level === NONE) {
      level = this.#levels;
      if (level === this.#price.length) this.#grow();
      this.#levels += 1;
    } else this.#free = this.#head[level]!;
    this.#ladder[at] = level;
    this.#depth += 1;
    this.#price[level] = price;
    this.#volume[level] = 0;
    this.#size[level] = 0;
    this.#head[level] = NONE;
    this.#tail[level] = NONE;
    return level;
  }

  #drop(level: number): void {
    const at = this.#find(this.#price[level]!);
    this.#ladder.copyWithin(at, at + 1, this.#depth);
    this.#depth -= 1;
    this.#head[level] = this.#free;
    this.#free = level;
  }

  #grow(): void {
    this.#price = grown(this.#price);
    this.#volume = grown(this.#volume);
    this.#size = grown(this.#size);
    this.#head = grown(this.#head);
    this.#tail = grown(this.#tail);
  }
}

const START = 64;
