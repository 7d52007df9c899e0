import { FIX_RECORD_KIND } from '../fix/session-entry.ts';
import { BytesTable, spread } from './bytes-table.ts';
import { GTC_BIT, RECORD, RECORD_KIND, readCount, SIDE_NUMBER } from './entry.ts';
import { changingHash, lastingHash, mixWide } from './item-hash.ts';
import { ordersAfter, viewOf } from './item-view.ts';
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
  type ItemList,
  type ItemPage,
  OrderPool,
  placeInPage,
} from './order-pool.ts';
import type { ChangeRequest, Order } from './order-view.ts';
import { StateHashes } from './state-hashes.ts';
import { TradedLots } from './traded-lots.ts';
import { VenueNumbers } from './venue-numbers.ts';

/** What a state counts beside its orders. */
export interface StateCounters {
  readonly applied: number;
  readonly orders: number;
  readonly active: number;
  readonly breaks: number;
  readonly fills: number;
}

/** What a state consists of; everything else is computed from it. */
export interface StateParts {
  readonly ids: BytesTable;
  readonly texts: BytesTable;
  readonly items: OrderPool;
  readonly venues: VenueNumbers;
}

// What is imported is looked up anew at each use; these are constants of the machine code below.
const [WORDS, NUMBERS] = [ITEM_WORDS, ITEM_NUMBERS];
const { head: HEAD, client: CLIENT, about: ABOUT, code: CODE, baseHash: BASE_HASH, link: LINK, hash: HASH } = ITEM_WORD;
const { quantity: QUANTITY, filled: FILLED } = ITEM_NUMBER;
const { side: SIDE_BITS, state: STATE_BITS, withdrawn: WITHDRAWN_BITS } = HEAD_BITS;
const { order: ORDER, cancel: CANCEL, replace: REPLACE } = ITEM_KIND;
const {
  pending: PENDING,
  open: OPEN,
  filled: ALL_FILLED,
  cancelled: CANCELLED,
  rejected: REJECTED,
  done: DONE,
} = ITEM_STATE;
const BUY = SIDE_NUMBER.B;
const GTC = GTC_BIT;
const [placeOf, countAt, hashOfItem] = [placeInPage, readCount, changingHash];
/** Where everything is in a record; where its texts begin depends on the kind. */
const { kind: KIND_AT, side: SIDE_AT, venue: VENUE_AT, number: NUMBER_AT, price: PRICE_AT, qty: QTY_AT } = RECORD;
const { firstLength: FIRST_AT, secondLength: SECOND_AT, thirdLength: THIRD_AT } = RECORD;
const { texts: TEXTS_AT, textsAfterPrice: TEXTS_AFTER_PRICE } = RECORD;
/** Kinds that journals are full of. */
const {
  order: NEW_ORDER,
  accepted: ACCEPTED,
  fill: FILL,
  cancel: NEW_CANCEL,
  cancelled: CANCELLED_BY_VENUE,
} = RECORD_KIND;
const KEY_SCRATCH_BYTES = 1024;
const RESERVED_ID_BYTES = 24;
const BYTE = 0xff;
const STATE_MASK = BYTE << STATE_BITS;

/**
 * All orders, and the cancels and replaces that were asked for: a deterministic fold over journal records, with integers only; no
 * clock, no randomness. Orders and requests are *items*, numbered from 0 in the order of their sequences. Applying a record makes no object.
 */
export class OrderState {
  readonly ids: BytesTable;
  /** Clients, symbols, codes. */
  readonly texts: BytesTable;
  readonly items: OrderPool;
  readonly venues: VenueNumbers;
  readonly traded = new TradedLots();
  readonly hashes = new StateHashes();
  readonly #pendingOrders = emptyList();
  readonly #pendingRequests = emptyList();
  readonly #scratch = Buffer.alloc(KEY_SCRATCH_BYTES);
  readonly #names: string[] = [];
  readonly #open = new OpenOrders();
  #contentHash = 0;
  #applied = 0;
  #active = 0;
  #orders = 0;
  #breaks = 0;
  #fills = 0;

  constructor(parts: StateParts | null = null) {
    this.ids = parts?.ids ?? new BytesTable();
    this.texts = parts?.texts ?? new BytesTable();
    this.items = parts?.items ?? new OrderPool();
    this.venues = parts?.venues ?? new VenueNumbers();
  }

  /** The state with this content; lists, counts of open orders and hashes are computed from it. */
  static restored(parts: StateParts & { readonly counters: StateCounters }): OrderState {
    const state = new OrderState(parts);
    const { counters, items, ids, texts } = parts;
    if (ids.count !== items.count) throw new Error(`${ids.count} ids for ${items.count} orders and cancels`);
    for (let item = 0; item < items.count; item++) state.#takeUp(item, texts.count);
    state.#applied = counters.applied;
    state.#orders = counters.orders;
    state.#active = counters.active;
    state.#breaks = counters.breaks;
    state.#fills = counters.fills;
    return state;
  }

  get counters(): StateCounters {
    return {
      applied: this.#applied,
      orders: this.#orders,
      active: this.#active,
      breaks: this.#breaks,
      fills: this.#fills,
    };
  }

  /** Sequence of the last entry applied. */
  get applied(): number {
    return this.#applied;
  }
  /** Numbers of the last reports of all exchanges, added up. */
  get venueReports(): number {
    return this.venues.total;
  }
  /** Orders that are neither filled, cancelled nor rejected. */
  get active(): number {
    return this.#active;
  }
  get orderCount(): number {
    return this.#orders;
  }
  get fillCount(): number {
    return this.#fills;
  }
  /** What does not fit this state: reports about orders not known here or for more than was ordered, an id given twice. */
  get breaks(): number {
    return this.#breaks;
  }
  /** Journalled and not confirmed by the venue. */
  get pendingOrders(): Readonly<ItemList> {
    return this.#pendingOrders;
  }
  get pendingRequests(): Readonly<ItemList> {
    return this.#pendingRequests;
  }

  /** Takes the memory of so many more orders and cancels now, so that none of them has to wait for it. */
  reserve(orders: number): void {
    this.ids.reserve(orders, RESERVED_ID_BYTES);
    this.items.reserve(orders);
  }

  /** Equal for equal content, in every process; different with all but one chance in four thousand millions for another. */
  get hash(): string {
    return hashText(this.#contentHash, this.#counterHash());
  }

  /** The same computed from the items themselves: differs from `hash` when memory was altered. */
  recomputedHash(): string {
    let content = 0;
    for (let item = 0; item < this.items.count; item++)
      content = (content + hashOfItem(this, this.items.pageOf(item), placeOf(item), lastingHash(this, item))) | 0;
    return hashText(content, this.#counterHash());
  }

  /** Item with this id; −1 when there is none. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.ids.find(bytes, offset, length);
  }

  findId(id: string): number {
    const length = this.#scratch.write(id);
    return this.ids.find(this.#scratch, 0, length);
  }

  /** Number of a client, symbol or code; −1 when it is not known here. */
  findText(text: string): number {
    const length = this.#scratch.write(text);
    return this.texts.find(this.#scratch, 0, length);
  }

  isOrder(item: number): boolean {
    return item !== -1 && this.items.kind(item) === ORDER;
  }

  /** Price of an order as it is now. */
  priceOf(order: number): number {
    const replacedBy = this.items.replacedBy(order);
    return this.items.price(replacedBy === 0 ? order : replacedBy - 1);
  }

  /** Total quantity of an order as it is now. */
  quantityOf(order: number): number {
    const replacedBy = this.items.replacedBy(order);
    return this.items.quantity(replacedBy === 0 ? order : replacedBy - 1);
  }

  /** The order or request as it is now, for text protocols. */
  view(item: number): Order | ChangeRequest {
    return viewOf(this, item);
  }

  /** The view of the item with this id, if there is one. */
  known(id: string): Order | ChangeRequest | null {
    const item = this.findId(id);
    return item === -1 ? null : this.view(item);
  }

  /** A client, symbol or code by its number. */
  name(text: number): string {
    const known = this.#names[text];
    if (known !== undefined) return known;
    const name = this.texts.text(text);
    this.#names[text] = name;
    return name;
  }

  /** Id of the order that a request is about. */
  targetOf(request: number): string {
    const target = this.items.about(request);
    return target === -1 ? this.name(this.items.targetText(request)) : this.ids.text(target);
  }

  /** Open orders of a client by its number among the texts. */
  openOf(client: number): number {
    return this.#open.of(client);
  }

  /** Orders after a sequence, oldest first. */
  ordersAfter(sequence: number, limit: number): Order[] {
    return ordersAfter(this, sequence, limit);
  }

  /** Applies the record of the next entry; entries come in sequence, each once. */
  apply(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    if (seq !== this.#applied + 1) throw new Error(`entry ${seq} applied after ${this.#applied}`);
    this.#applied = seq;
    switch (view.getUint8(offset + KIND_AT)) {
      case NEW_ORDER:
        this.#addOrder(seq, epoch, view, offset);
        break;
      case ACCEPTED:
        this.#noteReport(view, offset);
        this.#confirm(this.#named(view, offset));
        break;
      case FILL:
        this.#noteReport(view, offset);
        this.#fill(view, offset);
        break;
      case NEW_CANCEL:
        this.#addRequest(CANCEL, seq, epoch, view, offset);
        break;
      case CANCELLED_BY_VENUE:
        this.#noteReport(view, offset);
        this.#cancelled(view, offset);
        break;
      default:
        this.#applyRare(seq, epoch, bytes, view, offset);
    }
    if (this.hashes.due(seq)) this.hashes.note(seq, this.#contentHash, this.#counterHash());
  }

  /** Apart from the kinds that journals are full of, so that these stay together in one piece of machine code. */
  #applyRare(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const kind = view.getUint8(offset + KIND_AT);
    switch (kind) {
      case RECORD_KIND.replace:
        this.#addRequest(REPLACE, seq, epoch, view, offset);
        return;
      case RECORD_KIND.epoch:
      case RECORD_KIND.test:
        return;
      case RECORD_KIND.withdrawn:
        this.#reject(view, offset, 1);
        return;
      case RECORD_KIND.refused:
        this.#refuse(view, offset);
        return;
      case RECORD_KIND.venue: {
        const number = view.getUint8(offset + VENUE_AT);
        const length = view.getUint8(offset + FIRST_AT);
        if (!this.venues.give(number, bytes, offset + TEXTS_AT, length)) this.#breaks += 1;
        return;
      }
      case FIX_RECORD_KIND['fix-sent']:
      case FIX_RECORD_KIND['fix-numbers']:
      case FIX_RECORD_KIND['fix-received']:
      case FIX_RECORD_KIND['fix-reset']:
        return;
      case RECORD_KIND.rejected:
        this.#noteReport(view, offset);
        this.#reject(view, offset, 0);
        return;
      case RECORD_KIND.replaced:
        this.#noteReport(view, offset);
        this.#replace(view, offset);
        return;
      case RECORD_KIND['cancel-rejected']:
      case RECORD_KIND['replace-rejected']:
        this.#noteReport(view, offset);
        this.#settle(this.#named(view, offset), REJECTED, this.#codeOf(view, offset, 2));
        return;
      default:
        throw new Error(`a journal entry of unknown kind ${kind}: written by a newer version?`);
    }
  }

  #noteReport(view: DataView, offset: number): void {
    this.venues.note(view.getUint8(offset + VENUE_AT), countAt(view, offset + NUMBER_AT));
  }

  /** The item that a record without a price names first; −1 when it is not known here. */
  #named(view: DataView, offset: number): number {
    return this.ids.findIn(view, offset + TEXTS_AT, view.getUint8(offset + FIRST_AT));
  }

  /** Number + 1 of the code that a record without a price ends with, behind so many ids. */
  #codeOf(view: DataView, offset: number, ids: 1 | 2): number {
    const firstLength = view.getUint8(offset + FIRST_AT);
    const secondLength = view.getUint8(offset + SECOND_AT);
    const at = offset + TEXTS_AT + firstLength;
    if (ids === 1) return this.texts.putIn(view, at, secondLength) + 1;
    return this.texts.putIn(view, at + secondLength, view.getUint8(offset + THIRD_AT)) + 1;
  }

  #addOrder(seq: number, epoch: number, view: DataView, offset: number): void {
    const idLength = view.getUint8(offset + FIRST_AT);
    const clientLength = view.getUint8(offset + SECOND_AT);
    const clientAt = offset + TEXTS_AFTER_PRICE + idLength;
    if (!this.#addId(view, offset + TEXTS_AFTER_PRICE, idLength)) return;
    const { items } = this;
    const client = this.texts.putIn(view, clientAt, clientLength);
    const symbol = this.texts.putIn(view, clientAt + clientLength, view.getUint8(offset + THIRD_AT));
    const side = view.getUint8(offset + SIDE_AT);
    const item = items.addPending(ORDER, side & ~GTC, client, symbol, seq, epoch);
    items.setVenue(item, view.getUint8(offset + VENUE_AT), (side & GTC) !== 0);
    items.setPrice(item, countAt(view, offset + PRICE_AT));
    items.setQuantity(item, countAt(view, offset + QTY_AT));
    this.#begin(item);
    items.append(this.#pendingOrders, item);
    this.#orders += 1;
    this.#active += 1;
    this.#open.began(client);
  }

  /** Adds a cancel or replace, unless its id was there. */
  #addRequest(kind: number, seq: number, epoch: number, view: DataView, offset: number): void {
    const texts = offset + (kind === CANCEL ? TEXTS_AT : TEXTS_AFTER_PRICE);
    const idLength = view.getUint8(offset + FIRST_AT);
    const clientLength = view.getUint8(offset + SECOND_AT);
    const targetLength = view.getUint8(offset + THIRD_AT);
    const targetAt = texts + idLength + clientLength;
    if (!this.#addId(view, texts, idLength)) return;
    const { items } = this;
    const target = this.ids.findIn(view, targetAt, targetLength);
    const client = this.texts.putIn(view, texts + idLength, clientLength);
    const item = items.addPending(kind, 0, client, target, seq, epoch);
    if (target === -1) items.setTargetText(item, this.texts.putIn(view, targetAt, targetLength));
    else items.setVenue(item, items.venue(target), false);
    if (kind === REPLACE) {
      items.setPrice(item, countAt(view, offset + PRICE_AT));
      items.setQuantity(item, countAt(view, offset + QTY_AT));
    }
    this.#begin(item);
    items.append(this.#pendingRequests, item);
  }

  /** False, and a break, when the id is taken: the checks before the journal let no such entry in. */
  #addId(view: DataView, offset: number, length: number): boolean {
    const item = this.items.count;
    if (this.ids.putIn(view, offset, length) === item) return true;
    this.#breaks += 1;
    return false;
  }

  /** An order that ends before anything happened: refused by the venue, or taken back by the engine. */
  #reject(view: DataView, offset: number, withdrawn: 0 | 1): void {
    const item = this.#named(view, offset);
    if (!this.isOrder(item)) {
      this.#breaks += 1;
      return;
    }
    const { words } = this.items.pageOf(item);
    const word = placeOf(item) * WORDS;
    words[word + CODE] = this.#codeOf(view, offset, 1);
    words[word + HEAD]! |= withdrawn << WITHDRAWN_BITS;
    this.#finish(item, REJECTED);
  }

  /** The session at the venue would not take it: an order ends, a request had no effect. */
  #refuse(view: DataView, offset: number): void {
    const item = this.#named(view, offset);
    if (this.isOrder(item)) return this.#reject(view, offset, 0);
    const code = this.#codeOf(view, offset, 1);
    if (item === -1) this.#breaks += 1;
    else this.#settle(item, REJECTED, code);
  }

  #cancelled(view: DataView, offset: number): void {
    const firstLength = view.getUint8(offset + FIRST_AT);
    const targetAt = offset + TEXTS_AT + firstLength;
    const order = this.ids.findIn(view, targetAt, view.getUint8(offset + SECOND_AT));
    this.#settle(this.ids.findIn(view, offset + TEXTS_AT, firstLength), DONE, 0);
    if (this.isOrder(order)) this.#finish(order, CANCELLED);
    else this.#breaks += 1;
  }

  /** An order has the terms of a replace from here on; what does not fit the request or the order is a break. */
  #replace(view: DataView, offset: number): void {
    const { items } = this;
    const texts = offset + TEXTS_AFTER_PRICE;
    const firstLength = view.getUint8(offset + FIRST_AT);
    const request = this.ids.findIn(view, texts, firstLength);
    const order = this.ids.findIn(view, texts + firstLength, view.getUint8(offset + SECOND_AT));
    const known = request !== -1 && items.kind(request) === REPLACE;
    if (known) this.#settle(request, DONE, 0);
    const fits =
      known &&
      this.isOrder(order) &&
      items.about(request) === order &&
      items.price(request) === countAt(view, offset + PRICE_AT) &&
      items.quantity(request) === countAt(view, offset + QTY_AT) &&
      items.state(order) <= OPEN &&
      items.filled(order) < items.quantity(request);
    if (!fits) {
      this.#breaks += 1;
      return;
    }
    items.setReplacedBy(order, request + 1);
    this.#rehash(items.pageOf(order), placeOf(order));
  }

  #fill(view: DataView, offset: number): void {
    const { items } = this;
    const idLength = view.getUint8(offset + FIRST_AT);
    const item = this.ids.findIn(view, offset + TEXTS_AFTER_PRICE, idLength);
    if (!this.isOrder(item)) {
      this.#breaks += 1;
      return;
    }
    const page = items.pageOf(item);
    const { words, numbers } = page;
    const word = placeOf(item) * WORDS;
    const number = placeOf(item) * NUMBERS;
    const replacedBy = words[word + LINK]!;
    const ordered = replacedBy === 0 ? numbers[number + QUANTITY]! : items.quantity(replacedBy - 1);
    const quantity = countAt(view, offset + QTY_AT);
    const filled = numbers[number + FILLED]! + quantity;
    if (filled > ordered) {
      this.#breaks += 1;
      return;
    }
    this.#fills += 1;
    numbers[number + FILLED] = filled;
    const side = (words[word + HEAD]! >>> SIDE_BITS) & BYTE;
    this.traded.add(words[word + ABOUT]!, side === BUY, quantity);
    if (filled === ordered) this.#finish(item, ALL_FILLED);
    else this.#rehash(page, placeOf(item));
  }

  #confirm(item: number): void {
    if (!this.isOrder(item)) {
      this.#breaks += 1;
      return;
    }
    const page = this.items.pageOf(item);
    if (!become(page, placeOf(item), PENDING, OPEN)) return;
    this.items.remove(this.#pendingOrders, item);
    this.#rehash(page, placeOf(item));
  }

  /** An order that already ended is a break; what came with this news is noted all the same. */
  #finish(item: number, state: number): void {
    const page = this.items.pageOf(item);
    const place = placeOf(item);
    if (become(page, place, OPEN, state)) this.#ended(page, place);
    else if (become(page, place, PENDING, state)) {
      this.items.remove(this.#pendingOrders, item);
      this.#ended(page, place);
    } else this.#breaks += 1;
    this.#rehash(page, place);
  }

  #ended({ words }: ItemPage, place: number): void {
    this.#active -= 1;
    this.#open.ended(words[place * WORDS + CLIENT]!);
  }

  #settle(item: number, state: number, code: number): void {
    const { items } = this;
    if (item === -1 || items.kind(item) === ORDER) return;
    const page = items.pageOf(item);
    const word = placeOf(item) * WORDS;
    const head = page.words[word + HEAD]!;
    if (((head >>> STATE_BITS) & BYTE) === PENDING) items.remove(this.#pendingRequests, item);
    page.words[word + HEAD] = (head & ~STATE_MASK) | (state << STATE_BITS);
    page.words[word + CODE] = code;
    this.#rehash(page, placeOf(item));
  }

  /** An item of a restored state: into the list it waits in, into the counts, into the hash. */
  #takeUp(item: number, textCount: number): void {
    const { items } = this;
    const isOrder = items.kind(item) === ORDER;
    const client = items.client(item);
    const numbers = [client, items.code(item) - 1, isOrder ? items.about(item) : items.targetText(item)];
    if (numbers.some((text) => text >= textCount)) throw new Error(`item ${item} names a text that is not there`);
    const other = isOrder ? items.replacedBy(item) - 1 : items.about(item);
    if (other >= items.count) throw new Error(`item ${item} is about one that is not there`);
    const state = items.state(item);
    if (state === PENDING) items.append(isOrder ? this.#pendingOrders : this.#pendingRequests, item);
    if (isOrder && state <= OPEN) this.#open.began(client);
    if (isOrder) this.traded.add(items.about(item), items.side(item) === BUY, items.filled(item));
    items.pageOf(item).words[placeOf(item) * WORDS + HASH] = 0;
    this.#begin(item);
  }

  #begin(item: number): void {
    const page = this.items.pageOf(item);
    page.words[placeOf(item) * WORDS + BASE_HASH] = lastingHash(this, item);
    this.#rehash(page, placeOf(item));
  }

  /** After each change of an item. */
  #rehash(page: ItemPage, place: number): void {
    const { words } = page;
    const word = place * WORDS;
    const hash = hashOfItem(this, page, place, words[word + BASE_HASH]!);
    this.#contentHash = (this.#contentHash + hash - words[word + HASH]!) | 0;
    words[word + HASH] = hash;
  }

  #counterHash(): number {
    let hash = mixWide(this.#orders, this.#applied);
    for (let venue = 0; venue < Math.max(1, this.venues.count); venue++)
      hash = mixWide(hash, this.venues.lastReport(venue));
    hash = mixWide(hash, this.#active);
    hash = mixWide(hash, this.#fills);
    hash = mixWide(hash, this.#breaks);
    return spread(mixWide(mixWide(hash, this.#pendingOrders.size), this.#pendingRequests.size));
  }
}

/** Changes the state of the item at this place; false when it is not in the one it is to leave. */
const become = ({ words }: ItemPage, place: number, from: number, to: number): boolean => {
  const head = words[place * WORDS + HEAD]!;
  if (((head >>> STATE_BITS) & BYTE) !== from) return false;
  words[place * WORDS + HEAD] = (head & ~STATE_MASK) | (to << STATE_BITS);
  return true;
};

const hashText = (content: number, counters: number): string =>
  (content >>> 0).toString(16).padStart(8, '0') + (counters >>> 0).toString(16).padStart(8, '0');
