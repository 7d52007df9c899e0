/** Items in one page: growing takes another page and never copies. */
const PAGE_BITS = 13;
const PAGE_ITEMS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ITEMS - 1;

/** An item is 80 bytes: 8 words of 32 bits, 5 numbers of 64 bits, 2 words of 32 bits. */
const ITEM_BYTES = 80;
const PAGE_BYTES = PAGE_ITEMS * ITEM_BYTES;

/** How many of each an item has in the arrays of its page. */
export const ITEM_WORDS = ITEM_BYTES / 4;
export const ITEM_NUMBERS = ITEM_BYTES / 8;

/** Where the words of an item are among its words. */
export const ITEM_WORD = {
  /** Kind, side, state and whether it was withdrawn, a byte each, the lowest first. */
  head: 0,
  client: 1,
  about: 2,
  code: 3,
  next: 4,
  previous: 5,
  baseHash: 6,
  /** Of an order what replaced it, of a request its target. */
  link: 7,
  hash: 18,
  /** Exchange, and in the byte above it whether the order lasts until it is cancelled. */
  venue: 19,
} as const;

/** Where the numbers of an item are among its numbers. */
export const ITEM_NUMBER = { sequence: 4, epoch: 5, price: 6, quantity: 7, filled: 8 } as const;

/** Offsets of the bytes of a head, in bits. */
export const HEAD_BITS = { side: 8, state: 16, withdrawn: 24 } as const;
const BYTE = 0xff;
const GTC_BITS = 1 << 8;

export const ITEM_KIND = { order: 1, cancel: 2, replace: 3 } as const;

/** States in which something may still happen come first. */
export const ITEM_STATE = { pending: 1, open: 2, filled: 3, cancelled: 4, rejected: 5, done: 6 } as const;
export const STATE_NAMES = ['', 'pending', 'open', 'filled', 'cancelled', 'rejected', 'done'] as const;

/** Items whose numbers differ in their lowest bits only, all fields of each side by side. */
export interface ItemPage {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
}

/** Place of an item in its page. */
export const placeInPage = (item: number): number => item & PAGE_MASK;

// What a module exports is looked up anew at each use, inside it too; these are constants of the machine code below.
const [WORDS, NUMBERS] = [ITEM_WORDS, ITEM_NUMBERS];
const { head: HEAD, client: CLIENT, about: ABOUT, code: CODE, next: NEXT, previous: PREVIOUS } = ITEM_WORD;
const { baseHash: BASE_HASH, link: LINK, venue: VENUE } = ITEM_WORD;
const { sequence: SEQUENCE, epoch: EPOCH, price: PRICE, quantity: QUANTITY, filled: FILLED } = ITEM_NUMBER;
const { side: SIDE_BITS, state: STATE_BITS, withdrawn: WITHDRAWN_BITS } = HEAD_BITS;
const PENDING = ITEM_STATE.pending;

/** Items that wait for something, in the order in which they began to. The links are in the items. */
export interface ItemList {
  first: number;
  last: number;
  size: number;
}

export const emptyList = (): ItemList => ({ first: -1, last: -1, size: 0 });

/**
 * The fields of all orders and cancels, by number, in typed arrays: no object and no allocation for each. Who reads or writes several
 * fields of one item takes its page once (`pageOf`).
 */
export class OrderPool {
  readonly #pages: ItemPage[] = [];
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
      target.set(bytesOf(page).subarray(0, here), offset + at * PAGE_BYTES);
    }
  }

  /** The items of an image; they are in no list. */
  static fromImage(image: Uint8Array, offset: number, count: number): OrderPool {
    if (offset + count * ITEM_BYTES > image.length) throw new Error('the image ends within its items');
    const pool = new OrderPool();
    for (let item = 0; item < count; item++) pool.add();
    for (const [at, page] of pool.#pages.entries()) {
      const start = offset + at * PAGE_BYTES;
      const here = Math.min(PAGE_ITEMS, count - at * PAGE_ITEMS) * ITEM_BYTES;
      bytesOf(page).set(image.subarray(start, start + here));
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
    const { words, numbers } = this.pageOf(item);
    const word = (item & PAGE_MASK) * WORDS;
    const number = (item & PAGE_MASK) * NUMBERS;
    words[word + HEAD] = kind | (side << SIDE_BITS) | (PENDING << STATE_BITS);
    words[word + CLIENT] = client;
    words[word + ABOUT] = about;
    numbers[number + SEQUENCE] = sequence;
    numbers[number + EPOCH] = epoch;
    return item;
  }

  /** Where the fields of this item are, at `placeInPage`. */
  pageOf(item: number): ItemPage {
    return this.#pages[item >>> PAGE_BITS]!;
  }

  #addPage(memory = new ArrayBuffer(PAGE_BYTES), offset = 0): void {
    this.#pages.push({
      words: new Int32Array(memory, offset, PAGE_ITEMS * WORDS),
      numbers: new Float64Array(memory, offset, PAGE_ITEMS * NUMBERS),
    });
  }

  kind(item: number): number {
    return this.#word(item, HEAD) & BYTE;
  }

  side(item: number): number {
    return (this.#word(item, HEAD) >>> SIDE_BITS) & BYTE;
  }

  /** See `ITEM_STATE`. */
  state(item: number): number {
    return (this.#word(item, HEAD) >>> STATE_BITS) & BYTE;
  }

  /** 1 = taken back by the engine itself before anybody was told of it. */
  withdrawn(item: number): number {
    return this.#word(item, HEAD) >>> WITHDRAWN_BITS;
  }

  /** Number of the exchange that it is for. */
  venue(item: number): number {
    return this.#word(item, VENUE) & BYTE;
  }

  /** The order lasts until it is cancelled, not for the day only. */
  isGtc(item: number): boolean {
    return (this.#word(item, VENUE) & GTC_BITS) !== 0;
  }
  setVenue(item: number, venue: number, isGtc: boolean): void {
    this.#setWord(item, VENUE, isGtc ? venue | GTC_BITS : venue);
  }

  /** Number among the texts. */
  client(item: number): number {
    return this.#word(item, CLIENT);
  }

  /** Of an order its symbol among the texts; of a request the number of its target, or −1. */
  about(item: number): number {
    return this.#word(item, ABOUT);
  }

  /** Number among the texts + 1; 0 = none. */
  code(item: number): number {
    return this.#word(item, CODE);
  }

  /** Hash of what never changes. */
  baseHash(item: number): number {
    return this.#word(item, BASE_HASH);
  }

  /** Of a request: id of a target that is not known here, among the texts. */
  targetText(item: number): number {
    return this.#word(item, LINK);
  }
  setTargetText(item: number, value: number): void {
    this.#setWord(item, LINK, value);
  }

  /** Of an order: number + 1 of the replace whose price and quantity it has; 0 = as it was ordered. */
  replacedBy(item: number): number {
    return this.#word(item, LINK);
  }
  setReplacedBy(item: number, value: number): void {
    this.#setWord(item, LINK, value);
  }

  sequence(item: number): number {
    return this.#number(item, SEQUENCE);
  }

  epoch(item: number): number {
    return this.#number(item, EPOCH);
  }

  /** As it was ordered or asked for. */
  price(item: number): number {
    return this.#number(item, PRICE);
  }
  setPrice(item: number, value: number): void {
    this.pageOf(item).numbers[(item & PAGE_MASK) * NUMBERS + PRICE] = value;
  }

  quantity(item: number): number {
    return this.#number(item, QUANTITY);
  }
  setQuantity(item: number, value: number): void {
    this.pageOf(item).numbers[(item & PAGE_MASK) * NUMBERS + QUANTITY] = value;
  }

  filled(item: number): number {
    return this.#number(item, FILLED);
  }

  /** The item after this one in its list; −1 at the end. */
  next(item: number): number {
    return this.#word(item, NEXT);
  }

  /** Whether one of the list was journalled at this sequence or before. */
  anyUpTo(list: Readonly<ItemList>, sequence: number): boolean {
    for (let item = list.first; item !== -1; item = this.next(item)) if (this.sequence(item) <= sequence) return true;
    return false;
  }

  append(list: ItemList, item: number): void {
    const { last } = list;
    const { words } = this.pageOf(item);
    const word = (item & PAGE_MASK) * WORDS;
    if (last === -1) list.first = item;
    else this.#setWord(last, NEXT, item);
    words[word + NEXT] = -1;
    words[word + PREVIOUS] = last;
    list.last = item;
    list.size += 1;
  }

  /** The item must be in the list. */
  remove(list: ItemList, item: number): void {
    const { words } = this.pageOf(item);
    const word = (item & PAGE_MASK) * WORDS;
    const next = words[word + NEXT]!;
    const previous = words[word + PREVIOUS]!;
    if (previous === -1) list.first = next;
    else this.#setWord(previous, NEXT, next);
    if (next === -1) list.last = previous;
    else this.#setWord(next, PREVIOUS, previous);
    list.size -= 1;
  }

  #word(item: number, at: number): number {
    return this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * WORDS + at]!;
  }

  #setWord(item: number, at: number, value: number): void {
    this.#pages[item >>> PAGE_BITS]!.words[(item & PAGE_MASK) * WORDS + at] = value;
  }

  #number(item: number, at: number): number {
    return this.#pages[item >>> PAGE_BITS]!.numbers[(item & PAGE_MASK) * NUMBERS + at]!;
  }
}

const bytesOf = ({ words }: ItemPage): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, PAGE_BYTES);
