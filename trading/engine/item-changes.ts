import type { BytesTable } from './bytes-table.ts';
import { SIDE_NUMBER } from './entry.ts';
import { changingHash, lastingHash } from './item-hash.ts';
import { OpenOrders } from './open-orders.ts';
import {
  emptyList,
  HEAD_BITS,
  ITEM_KIND,
  ITEM_NUMBER,
  ITEM_NUMBERS,
  ITEM_STATE,
  ITEM_WORD,
  ITEM_WORDS,
  type ItemPage,
  type OrderPool,
  placeInPage,
} from './order-pool.ts';
import { TradedLots } from './traded-lots.ts';

// What is imported is looked up anew at each use; these are constants of the machine code below.
const [WORDS, NUMBERS] = [ITEM_WORDS, ITEM_NUMBERS];
const { head: HEAD, client: CLIENT, about: ABOUT, code: CODE, baseHash: BASE_HASH, link: LINK, hash: HASH } = ITEM_WORD;
const { quantity: QUANTITY, filled: FILLED } = ITEM_NUMBER;
const { side: SIDE_BITS, state: STATE_BITS, withdrawn: WITHDRAWN_BITS } = HEAD_BITS;
const { order: ORDER, replace: REPLACE } = ITEM_KIND;
const { pending: PENDING, open: OPEN, filled: ALL_FILLED, rejected: REJECTED, done: DONE } = ITEM_STATE;
const BUY = SIDE_NUMBER.B;
const [placeOf, hashOfLasting, hashOfItem] = [placeInPage, lastingHash, changingHash];
const BYTE = 0xff;
const STATE_MASK = BYTE << STATE_BITS;

/**
 * What may happen to the orders and requests of a state, and what follows from it: the lists they wait in, what clients have open, lots
 * traded, counts, and the hash of all of them. What does not fit is counted as a break.
 */
export class ItemChanges {
  readonly ids: BytesTable;
  readonly texts: BytesTable;
  readonly items: OrderPool;
  readonly traded = new TradedLots();
  readonly open = new OpenOrders();
  readonly pendingOrders = emptyList();
  readonly pendingRequests = emptyList();
  /** Orders that are neither filled, cancelled nor rejected. */
  active = 0;
  fills = 0;
  breaks = 0;
  /** Of all items, as a signed word: the sum of theirs. */
  contentHash = 0;

  constructor(parts: { readonly ids: BytesTable; readonly texts: BytesTable; readonly items: OrderPool }) {
    this.ids = parts.ids;
    this.texts = parts.texts;
    this.items = parts.items;
  }

  /** `contentHash` computed from the items themselves. */
  recomputed(): number {
    let content = 0;
    for (let item = 0; item < this.items.count; item++)
      content = (content + hashOfItem(this, this.items.pageOf(item), placeOf(item), hashOfLasting(this, item))) | 0;
    return content;
  }

  /** An order was written that waits for its exchange. */
  placed(item: number, client: number): void {
    this.#begin(item);
    this.items.append(this.pendingOrders, item);
    this.active += 1;
    this.open.began(client);
  }

  /** The same for a request. */
  asked(item: number): void {
    this.#begin(item);
    this.items.append(this.pendingRequests, item);
  }

  /** An order ends with this code, number + 1 among the texts, before anything happened to it. */
  reject(order: number, code: number, withdrawn: 0 | 1): void {
    const { words } = this.items.pageOf(order);
    const word = placeOf(order) * WORDS;
    words[word + CODE] = code;
    words[word + HEAD]! |= withdrawn << WITHDRAWN_BITS;
    this.finish(order, REJECTED);
  }

  /** An order has the terms of a replace from here on; what does not fit the request or the order is a break. */
  replace(request: number, order: number, price: number, quantity: number): void {
    const { items } = this;
    const known = request !== -1 && items.kind(request) === REPLACE;
    if (known) this.settle(request, DONE, 0);
    const fits =
      known &&
      this.#isOrder(order) &&
      items.about(request) === order &&
      items.price(request) === price &&
      items.quantity(request) === quantity &&
      items.state(order) <= OPEN &&
      items.filled(order) < items.quantity(request);
    if (!fits) {
      this.breaks += 1;
      return;
    }
    items.setReplacedBy(order, request + 1);
    this.#rehash(items.pageOf(order), placeOf(order));
  }

  /** So many more lots of an order were traded. */
  fill(item: number, quantity: number): void {
    const { items } = this;
    if (!this.#isOrder(item)) {
      this.breaks += 1;
      return;
    }
    const page = items.pageOf(item);
    const { words, numbers } = page;
    const word = placeOf(item) * WORDS;
    const number = placeOf(item) * NUMBERS;
    const replacedBy = words[word + LINK]!;
    const ordered = replacedBy === 0 ? numbers[number + QUANTITY]! : items.quantity(replacedBy - 1);
    const filled = numbers[number + FILLED]! + quantity;
    if (filled > ordered) {
      this.breaks += 1;
      return;
    }
    this.fills += 1;
    numbers[number + FILLED] = filled;
    const side = (words[word + HEAD]! >>> SIDE_BITS) & BYTE;
    this.traded.add(words[word + ABOUT]!, side === BUY, quantity);
    if (filled === ordered) this.finish(item, ALL_FILLED);
    else this.#rehash(page, placeOf(item));
  }

  /** The exchange has an order. */
  confirm(item: number): void {
    if (!this.#isOrder(item)) {
      this.breaks += 1;
      return;
    }
    const page = this.items.pageOf(item);
    if (!become(page, placeOf(item), PENDING, OPEN)) return;
    this.items.remove(this.pendingOrders, item);
    this.#rehash(page, placeOf(item));
  }

  /** An order ends. One that already did is a break; what came with this news is noted all the same. */
  finish(item: number, state: number): void {
    const page = this.items.pageOf(item);
    const place = placeOf(item);
    if (become(page, place, OPEN, state)) this.#ended(page, place);
    else if (become(page, place, PENDING, state)) {
      this.items.remove(this.pendingOrders, item);
      this.#ended(page, place);
    } else this.breaks += 1;
    this.#rehash(page, place);
  }

  #ended({ words }: ItemPage, place: number): void {
    this.active -= 1;
    this.open.ended(words[place * WORDS + CLIENT]!);
  }

  /** What became of a request; anything else is left as it is. */
  settle(item: number, state: number, code: number): void {
    const { items } = this;
    if (item === -1 || items.kind(item) === ORDER) return;
    const page = items.pageOf(item);
    const word = placeOf(item) * WORDS;
    const head = page.words[word + HEAD]!;
    if (((head >>> STATE_BITS) & BYTE) === PENDING) items.remove(this.pendingRequests, item);
    page.words[word + HEAD] = (head & ~STATE_MASK) | (state << STATE_BITS);
    page.words[word + CODE] = code;
    this.#rehash(page, placeOf(item));
  }

  /** An item of a restored state: into the list it waits in, into the counts, into the hash. */
  takeUp(item: number, textCount: number): void {
    const { items } = this;
    const isOrder = items.kind(item) === ORDER;
    const client = items.client(item);
    const numbers = [client, items.code(item) - 1, isOrder ? items.about(item) : items.targetText(item)];
    if (numbers.some((text) => text >= textCount)) throw new Error(`item ${item} names a text that is not there`);
    const other = isOrder ? items.replacedBy(item) - 1 : items.about(item);
    if (other >= items.count) throw new Error(`item ${item} is about one that is not there`);
    const state = items.state(item);
    if (state === PENDING) items.append(isOrder ? this.pendingOrders : this.pendingRequests, item);
    if (isOrder && state <= OPEN) this.open.began(client);
    if (isOrder) this.traded.add(items.about(item), items.side(item) === BUY, items.filled(item));
    items.pageOf(item).words[placeOf(item) * WORDS + HASH] = 0;
    this.#begin(item);
  }

  #begin(item: number): void {
    const page = this.items.pageOf(item);
    page.words[placeOf(item) * WORDS + BASE_HASH] = hashOfLasting(this, item);
    this.#rehash(page, placeOf(item));
  }

  /** After each change of an item. */
  #rehash(page: ItemPage, place: number): void {
    const { words } = page;
    const word = place * WORDS;
    const hash = hashOfItem(this, page, place, words[word + BASE_HASH]!);
    this.contentHash = (this.contentHash + hash - words[word + HASH]!) | 0;
    words[word + HASH] = hash;
  }

  #isOrder(item: number): boolean {
    return item !== -1 && this.items.kind(item) === ORDER;
  }
}

/** Changes the state of the item at this place; false when it is not in the one it is to leave. */
const become = ({ words }: ItemPage, place: number, from: number, to: number): boolean => {
  const head = words[place * WORDS + HEAD]!;
  if (((head >>> STATE_BITS) & BYTE) !== from) return false;
  words[place * WORDS + HEAD] = (head & ~STATE_MASK) | (to << STATE_BITS);
  return true;
};
