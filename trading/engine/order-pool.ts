/** Items in one page: growing takes another page and never copies. */
const PAGE_BITS = 13;
const PAGE_ITEMS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ITEMS - 1;

/** An item is 80 bytes: 4 single ones, 7 words of 32 bits, 5 numbers of 64 bits, one word of 32 bits, 2 single ones, 2 free bytes. */
const ITEM_BYTES = 80;
const ITEM_WORDS = ITEM_BYTES / 4;
const ITEM_NUMBERS = ITEM_BYTES / 8;
const PAGE_BYTES = PAGE_ITEMS * ITEM_BYTES;

export const ITEM_KIND = { order: 1, cancel: 2, replace: 3 } as const;

/** States in which something may still happen come first. */
export const ITEM_STATE = { pending: 1, open: 2, filled: 3, cancelled: 4, rejected: 5, done: 6 } as const;
export const STATE_NAMES = ['', 'pending', 'open', 'filled', 'cancelled', 'rejected', 'done'] as const;

interface Page {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly numbers: Float64Array;
}

/** Items that wait for something, in the order in which they began to. The links are in the items. */
export interface ItemList {
  first: number;
  last: number;
  size: number;
}

export const emptyList = (): ItemList => ({ first: -1, last: -1, size: 0 });

/** The fields of all orders and cancels, by number, in typed arrays: no object and no allocation for each. */
export class OrderPool {
  readonly #pages: Page[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** All items one after the other, as they lie in memory: an image is for machines of one byte order. */
  get imageBytes(): number {
    return this.#count * ITEM_BYTES;
  }

  writeImage(target: Uint8Array, offset: number): void {
    for (const [at, page] of this.#pages.entries()) {
      const here = Math.max(0, Math.min(PAGE_ITEMS, this.#count - at * PAGE_ITEMS)) * ITEM_BYTES;
      target.set(page.bytes.subarray(0, here), offset + at * PAGE_ITEMS * ITEM_BYTES);
    }
  }

  /** The items of an image; they are in no list. */
  static fromImage(image: Uint8Array, offset: number, count: number): OrderPool {
    if (offset + count * ITEM_BYTES > image.length) throw new Error('the image ends within its items');
    const pool = new OrderPool();
    for (let item = 0; item < count; item++) pool.add();
    for (const [at, page] of pool.#pages.entries()) {
      const start = offset + at * PAGE_ITEMS * ITEM_BYTES;
      const here = Math.min(PAGE_ITEMS, count - at * PAGE_ITEMS) * ITEM_BYTES;
      page.bytes.set(image.subarray(start, start + here));
    }
    return pool;
  }

  /**
   * Takes, and touches, the memory of so many more items: none of it is met for the first time later. In one piece, so that it can be in
   * huge pages.
   */
  reserve(items: number): void {
    const missing = Math.ceil((this.#count + items) / PAGE_ITEMS) - this.#pages.length;
    if (missing <= 0) return;
    const memory = new ArrayBuffer(missing * PAGE_BYTES);
    new Uint8Array(memory).fill(0);
    for (let page = 0; page < missing; page++) this.#addPage(memory, page * PAGE_BYTES);
  }

  /** Takes the next number. Every field of it is zero, and it is in no list. */
  add(): number {
    const item = this.#count++;
    if (item === this.#pages.length * PAGE_ITEMS) this.#addPage();
    return item;
  }

  /** Takes the next number for something that waits for the venue: its fields written at once, the rest zero. */
  addPending(kind: number, side: number, client: number, about: number, sequence: number, epoch: number): number {
    const item = this.add();
    const page = this.#pages[item >>> PAGE_BITS]!;
    const at = item & PAGE_MASK;
    const { bytes, words, numbers } = page;
    bytes[at * ITEM_BYTES] = kind;
    bytes[at * ITEM_BYTES + 1] = side;
    bytes[at * ITEM_BYTES + 2] = ITEM_STATE.pending;
    words[at * ITEM_WORDS + 1] = client;
    words[at * ITEM_WORDS + 2] = about;
    numbers[at * ITEM_NUMBERS + 4] = sequence;
    numbers[at * ITEM_NUMBERS + 5] = epoch;
    return item;
  }

  #addPage(memory = new ArrayBuffer(PAGE_BYTES), offset = 0): void {
    this.#pages.push({
      bytes: new Uint8Array(memory, offset, PAGE_BYTES),
      words: new Int32Array(memory, offset, PAGE_ITEMS * ITEM_WORDS),
      numbers: new Float64Array(memory, offset, PAGE_ITEMS * ITEM_NUMBERS),
    });
  }

  kind(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES]!;
  }
  setKind(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES] = value;
  }

  side(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 1]!;
  }
  setSide(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 1] = value;
  }

  /** See `ITEM_STATE`. */
  state(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 2]!;
  }
  setState(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 2] = value;
  }

  /** 1 = taken back by the engine itself before anybody was told of it. */
  withdrawn(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 3]!;
  }
  setWithdrawn(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 3] = value;
  }

  /** Number of the exchange that it is for. */
  venue(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 76]!;
  }
  setVenue(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 76] = value;
  }

  /** The order lasts until it is cancelled, not for the day only. */
  isGtc(item: number): boolean {
    return this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 77] === 1;
  }
  setGtc(item: number): void {
    this.#pages[item >>> PAGE_BITS]!.bytes[(item & PAGE_MASK) * ITEM_BYTES + 77] = 1;
  }

  /** Number among the texts. */
  client(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 1]!;
  }
  setClient(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 1] = value;
  }

  /** Of an order its symbol among the texts; of a request the number of its target, or −1. */
  about(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 2]!;
  }
  setAbout(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 2] = value;
  }

  /** Number among the texts + 1; 0 = none. */
  code(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 3]!;
  }
  setCode(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 3] = value;
  }

  /** Hash of what never changes. */
  baseHash(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 6]!;
  }
  setBaseHash(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 6] = value;
  }

  /** Of a request: id of a target that is not known here, among the texts. */
  targetText(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 7]!;
  }
  setTargetText(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 7] = value;
  }

  /** Of an order: number + 1 of the replace whose price and quantity it has; 0 = as it was ordered. */
  replacedBy(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 7]!;
  }
  setReplacedBy(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 7] = value;
  }

  /** Hash of all of it, as last computed. */
  hash(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 18]!;
  }
  setHash(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + 18] = value;
  }

  sequence(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 4]!;
  }
  setSequence(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 4] = value;
  }

  epoch(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 5]!;
  }
  setEpoch(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 5] = value;
  }

  /** As it was ordered or asked for. */
  price(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 6]!;
  }
  setPrice(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 6] = value;
  }

  quantity(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 7]!;
  }
  setQuantity(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 7] = value;
  }

  filled(item: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 8]!;
  }
  setFilled(item: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * ITEM_NUMBERS + 8] = value;
  }

  /** The item after this one in its list; −1 at the end. */
  next(item: number): number {
    return this.#link(item, 4);
  }

  /** Whether one of the list was journalled at this sequence or before. */
  anyUpTo(list: Readonly<ItemList>, sequence: number): boolean {
    for (let item = list.first; item !== -1; item = this.next(item)) if (this.sequence(item) <= sequence) return true;
    return false;
  }

  append(list: ItemList, item: number): void {
    if (list.last === -1) list.first = item;
    else this.#setLink(list.last, 4, item);
    this.#setLink(item, 4, -1);
    this.#setLink(item, 5, list.last);
    list.last = item;
    list.size += 1;
  }

  /** The item must be in the list. */
  remove(list: ItemList, item: number): void {
    const next = this.#link(item, 4);
    const previous = this.#link(item, 5);
    if (previous === -1) list.first = next;
    else this.#setLink(previous, 4, next);
    if (next === -1) list.last = previous;
    else this.#setLink(next, 5, previous);
    list.size -= 1;
  }

  #link(item: number, at: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + at]!;
  }

  #setLink(item: number, at: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * ITEM_WORDS + at] = value;
  }
}
