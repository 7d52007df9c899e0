import { FIX_RECORD_KIND } from '../fix/session-entry.ts';
import { BytesTable, spread } from './bytes-table.ts';
import { GTC_BIT, RECORD, RECORD_KIND, readCount } from './entry.ts';
import { ItemChanges } from './item-changes.ts';
import { mixWide } from './item-hash.ts';
import { ordersAfter, viewOf } from './item-view.ts';
import { KnownTexts } from './known-texts.ts';
import { ITEM_KIND, ITEM_STATE, type ItemList, OrderPool } from './order-pool.ts';
import type { ChangeRequest, Order } from './order-view.ts';
import { StateHashes } from './state-hashes.ts';
import type { TradedLots } from './traded-lots.ts';
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
const { order: ORDER, cancel: CANCEL, replace: REPLACE } = ITEM_KIND;
const { cancelled: CANCELLED, rejected: REJECTED, done: DONE } = ITEM_STATE;
const GTC = GTC_BIT;
const countAt = readCount;
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
  readonly hashes = new StateHashes();
  readonly #changes: ItemChanges;
  readonly #known = new KnownTexts();
  readonly #scratch = Buffer.alloc(KEY_SCRATCH_BYTES);
  readonly #names: string[] = [];
  #applied = 0;
  #orders = 0;

  constructor(parts: StateParts | null = null) {
    this.ids = parts?.ids ?? new BytesTable();
    this.texts = parts?.texts ?? new BytesTable();
    this.items = parts?.items ?? new OrderPool();
    this.venues = parts?.venues ?? new VenueNumbers();
    this.#changes = new ItemChanges(this);
  }

  /** The state with this content; lists, counts of open orders and hashes are computed from it. */
  static restored(parts: StateParts & { readonly counters: StateCounters }): OrderState {
    const state = new OrderState(parts);
    const { counters, items, ids, texts } = parts;
    if (ids.count !== items.count) throw new Error(`${ids.count} ids for ${items.count} orders and cancels`);
    for (let item = 0; item < items.count; item++) state.#changes.takeUp(item, texts.count);
    state.#applied = counters.applied;
    state.#orders = counters.orders;
    state.#changes.active = counters.active;
    state.#changes.breaks = counters.breaks;
    state.#changes.fills = counters.fills;
    return state;
  }

  get counters(): StateCounters {
    return {
      applied: this.#applied,
      orders: this.#orders,
      active: this.active,
      breaks: this.breaks,
      fills: this.fillCount,
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
    return this.#changes.active;
  }
  get orderCount(): number {
    return this.#orders;
  }
  get fillCount(): number {
    return this.#changes.fills;
  }
  /** What does not fit this state: reports about orders not known here or for more than was ordered, an id given twice. */
  get breaks(): number {
    return this.#changes.breaks;
  }
  /** Journalled and not confirmed by the venue. */
  get pendingOrders(): Readonly<ItemList> {
    return this.#changes.pendingOrders;
  }
  get pendingRequests(): Readonly<ItemList> {
    return this.#changes.pendingRequests;
  }

  /** Takes the memory of so many more orders and cancels now, so that none of them has to wait for it. */
  reserve(orders: number): void {
    this.ids.reserve(orders, RESERVED_ID_BYTES);
    this.items.reserve(orders);
  }

  /** Equal for equal content, in every process; different with all but one chance in four thousand millions for another. */
  get hash(): string {
    return hashText(this.#changes.contentHash, this.#counterHash());
  }

  /** The same computed from the items themselves: differs from `hash` when memory was altered. */
  recomputedHash(): string {
    return hashText(this.#changes.recomputed(), this.#counterHash());
  }

  /** Item with this id; −1 when there is none. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.ids.find(bytes, offset, length);
  }

  /** `find` of the id that a new order is to have: `applyNewOrder` follows if there is none, while the bytes are as they are. */
  lookForId(view: DataView, offset: number, length: number): number {
    return this.ids.lookFor(view, offset, length);
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

  /** What was bought and sold of each symbol. */
  get traded(): TradedLots {
    return this.#changes.traded;
  }

  /** Open orders of a client by its number among the texts. */
  openOf(client: number): number {
    return this.#changes.open.of(client);
  }

  /** Orders after a sequence, oldest first. */
  ordersAfter(sequence: number, limit: number): Order[] {
    return ordersAfter(this, sequence, limit);
  }

  /** `apply` of a new order, which the record must be, of which `lookForId` has just said that its id, in this record, is not known. */
  applyNewOrder(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    this.#countEntry(seq);
    const number = this.ids.addMissing(view, offset + TEXTS_AFTER_PRICE, view.getUint8(offset + FIRST_AT));
    if (number === this.items.count) this.#addOrder(seq, epoch, bytes, view, offset);
    else this.#changes.breaks += 1;
    if (this.hashes.due(seq)) this.hashes.note(seq, this.#changes.contentHash, this.#counterHash());
  }

  #countEntry(seq: number): void {
    if (seq !== this.#applied + 1) throw new Error(`entry ${seq} applied after ${this.#applied}`);
    this.#applied = seq;
  }

  /** Applies the record of the next entry; entries come in sequence, each once. */
  apply(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    this.#countEntry(seq);
    switch (view.getUint8(offset + KIND_AT)) {
      case NEW_ORDER:
        if (this.#addId(view, offset + TEXTS_AFTER_PRICE, view.getUint8(offset + FIRST_AT)))
          this.#addOrder(seq, epoch, bytes, view, offset);
        break;
      case ACCEPTED:
        this.#noteReport(view, offset);
        this.#changes.confirm(this.#named(view, offset));
        break;
      case FILL:
        this.#noteReport(view, offset);
        this.#changes.fill(
          this.ids.findIn(view, offset + TEXTS_AFTER_PRICE, view.getUint8(offset + FIRST_AT)),
          countAt(view, offset + QTY_AT),
        );
        break;
      case NEW_CANCEL:
        this.#addRequest(CANCEL, seq, epoch, bytes, view, offset);
        break;
      case CANCELLED_BY_VENUE:
        this.#noteReport(view, offset);
        this.#cancelled(view, offset);
        break;
      default:
        this.#applyRare(seq, epoch, bytes, view, offset);
    }
    if (this.hashes.due(seq)) this.hashes.note(seq, this.#changes.contentHash, this.#counterHash());
  }

  /** Apart from the kinds that journals are full of, so that these stay together in one piece of machine code. */
  #applyRare(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const kind = view.getUint8(offset + KIND_AT);
    switch (kind) {
      case RECORD_KIND.replace:
        this.#addRequest(REPLACE, seq, epoch, bytes, view, offset);
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
        if (!this.venues.give(number, bytes, offset + TEXTS_AT, length)) this.#changes.breaks += 1;
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
        this.#changes.settle(this.#named(view, offset), REJECTED, this.#codeOf(view, offset, 2));
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

  /** An order whose id was just added. */
  #addOrder(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const idLength = view.getUint8(offset + FIRST_AT);
    const clientLength = view.getUint8(offset + SECOND_AT);
    const clientAt = offset + TEXTS_AFTER_PRICE + idLength;
    const { items } = this;
    const client = this.#text(bytes, view, clientAt, clientLength);
    const symbol = this.#text(bytes, view, clientAt + clientLength, view.getUint8(offset + THIRD_AT));
    const side = view.getUint8(offset + SIDE_AT);
    const item = items.addPending(ORDER, side & ~GTC, client, symbol, seq, epoch);
    items.setVenue(item, view.getUint8(offset + VENUE_AT), (side & GTC) !== 0);
    items.setPrice(item, countAt(view, offset + PRICE_AT));
    items.setQuantity(item, countAt(view, offset + QTY_AT));
    this.#changes.placed(item, client);
    this.#orders += 1;
  }

  /** Number of a client or symbol, which is added if it is not known here. */
  #text(bytes: Uint8Array, view: DataView, at: number, length: number): number {
    // Whole words are compared; the record that ends the memory may end within one.
    if (at + length + 3 > bytes.length) return this.texts.putIn(view, at, length);
    const known = this.#known.numberOf(view, at, length);
    if (known !== -1) return known;
    const number = this.texts.putIn(view, at, length);
    this.#known.remember(view, at, length, number);
    return number;
  }

  /** Adds a cancel or replace, unless its id was there. */
  #addRequest(kind: number, seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const texts = offset + (kind === CANCEL ? TEXTS_AT : TEXTS_AFTER_PRICE);
    const idLength = view.getUint8(offset + FIRST_AT);
    const clientLength = view.getUint8(offset + SECOND_AT);
    const targetLength = view.getUint8(offset + THIRD_AT);
    const targetAt = texts + idLength + clientLength;
    if (!this.#addId(view, texts, idLength)) return;
    const { items } = this;
    const target = this.ids.findIn(view, targetAt, targetLength);
    const client = this.#text(bytes, view, texts + idLength, clientLength);
    const item = items.addPending(kind, 0, client, target, seq, epoch);
    if (target === -1) items.setTargetText(item, this.texts.putIn(view, targetAt, targetLength));
    else items.setVenue(item, items.venue(target), false);
    if (kind === REPLACE) {
      items.setPrice(item, countAt(view, offset + PRICE_AT));
      items.setQuantity(item, countAt(view, offset + QTY_AT));
    }
    this.#changes.asked(item);
  }

  /** False, and a break, when the id is taken: the checks before the journal let no such entry in. */
  #addId(view: DataView, offset: number, length: number): boolean {
    const item = this.items.count;
    if (this.ids.putIn(view, offset, length) === item) return true;
    this.#changes.breaks += 1;
    return false;
  }

  /** An order that ends before anything happened: refused by the venue, or taken back by the engine. */
  #reject(view: DataView, offset: number, withdrawn: 0 | 1): void {
    const item = this.#named(view, offset);
    if (!this.isOrder(item)) {
      this.#changes.breaks += 1;
      return;
    }
    this.#changes.reject(item, this.#codeOf(view, offset, 1), withdrawn);
  }

  /** The session at the venue would not take it: an order ends, a request had no effect. */
  #refuse(view: DataView, offset: number): void {
    const item = this.#named(view, offset);
    if (this.isOrder(item)) return this.#reject(view, offset, 0);
    const code = this.#codeOf(view, offset, 1);
    if (item === -1) this.#changes.breaks += 1;
    else this.#changes.settle(item, REJECTED, code);
  }

  #cancelled(view: DataView, offset: number): void {
    const firstLength = view.getUint8(offset + FIRST_AT);
    const targetAt = offset + TEXTS_AT + firstLength;
    const order = this.ids.findIn(view, targetAt, view.getUint8(offset + SECOND_AT));
    this.#changes.settle(this.ids.findIn(view, offset + TEXTS_AT, firstLength), DONE, 0);
    if (this.isOrder(order)) this.#changes.finish(order, CANCELLED);
    else this.#changes.breaks += 1;
  }

  #replace(view: DataView, offset: number): void {
    const texts = offset + TEXTS_AFTER_PRICE;
    const firstLength = view.getUint8(offset + FIRST_AT);
    const request = this.ids.findIn(view, texts, firstLength);
    const order = this.ids.findIn(view, texts + firstLength, view.getUint8(offset + SECOND_AT));
    this.#changes.replace(request, order, countAt(view, offset + PRICE_AT), countAt(view, offset + QTY_AT));
  }

  #counterHash(): number {
    let hash = mixWide(this.#orders, this.#applied);
    for (let venue = 0; venue < Math.max(1, this.venues.count); venue++)
      hash = mixWide(hash, this.venues.lastReport(venue));
    hash = mixWide(hash, this.active);
    hash = mixWide(hash, this.fillCount);
    hash = mixWide(hash, this.breaks);
    return spread(mixWide(mixWide(hash, this.pendingOrders.size), this.pendingRequests.size));
  }
}

const hashText = (content: number, counters: number): string =>
  (content >>> 0).toString(16).padStart(8, '0') + (counters >>> 0).toString(16).padStart(8, '0');
