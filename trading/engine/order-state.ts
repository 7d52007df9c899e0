import { FIX_RECORD_KIND } from '../fix/session-entry.ts';
import { BytesTable, spread } from './bytes-table.ts';
import { GTC_BIT, RECORD, RECORD_KIND, readCount, SIDE_NUMBER } from './entry.ts';
import { changingHash, lastingHash, mixWide } from './item-hash.ts';
import { ordersAfter, viewOf } from './item-view.ts';
import { OpenOrders } from './open-orders.ts';
import { emptyList, ITEM_KIND, ITEM_STATE, type ItemList, OrderPool } from './order-pool.ts';
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

/** Where the texts of a record begin, by kind. */
const { price: PRICE_AT, qty: QTY_AT, number: NUMBER_AT, texts: TEXTS_AT, textsAfterPrice: TEXTS_AFTER_PRICE } = RECORD;
const KEY_SCRATCH_BYTES = 1024;

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

  /** Equal for equal content, in every process; different with all but one chance in four thousand millions for another. */
  get hash(): string {
    return hashText(this.#contentHash, this.#counterHash());
  }

  /** The same computed from the items themselves: differs from `hash` when memory was altered. */
  recomputedHash(): string {
    let content = 0;
    for (let item = 0; item < this.items.count; item++)
      content = (content + changingHash(this, item, lastingHash(this, item))) | 0;
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
    return item !== -1 && this.items.kind(item) === ITEM_KIND.order;
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
    const kind = bytes[offset + RECORD.kind]!;
    switch (kind) {
      case RECORD_KIND.order:
        this.#addOrder(seq, epoch, bytes, view, offset);
        break;
      case RECORD_KIND.cancel:
        this.#addRequest(seq, epoch, bytes, offset, offset + TEXTS_AT);
        break;
      case RECORD_KIND.replace: {
        const item = this.#addRequest(seq, epoch, bytes, offset, offset + TEXTS_AFTER_PRICE);
        if (item !== -1) this.#setTerms(item, view, offset);
        break;
      }
      case RECORD_KIND.epoch:
      case RECORD_KIND.test:
        break;
      case RECORD_KIND.withdrawn:
        this.#reject(bytes, offset, 1);
        break;
      case RECORD_KIND.refused:
        this.#refuse(bytes, offset);
        break;
      case RECORD_KIND.venue:
        if (
          !this.venues.give(
            bytes[offset + RECORD.venue]!,
            bytes,
            offset + TEXTS_AT,
            bytes[offset + RECORD.firstLength]!,
          )
        )
          this.#breaks += 1;
        break;
      case FIX_RECORD_KIND['fix-sent']:
      case FIX_RECORD_KIND['fix-numbers']:
      case FIX_RECORD_KIND['fix-received']:
      case FIX_RECORD_KIND['fix-reset']:
        break;
      default:
        this.venues.note(bytes[offset + RECORD.venue]!, readCount(view, offset + NUMBER_AT));
        this.#applyReport(kind, bytes, view, offset);
    }
    if (this.hashes.due(seq)) this.hashes.note(seq, this.#contentHash, this.#counterHash());
  }

  #addOrder(seq: number, epoch: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const idLength = bytes[offset + RECORD.firstLength]!;
    const clientLength = bytes[offset + RECORD.secondLength]!;
    const texts = offset + TEXTS_AFTER_PRICE;
    if (!this.#addId(bytes, texts, idLength)) return;
    const { items } = this;
    const item = items.add();
    const client = this.texts.put(bytes, texts + idLength, clientLength);
    items.setKind(item, ITEM_KIND.order);
    items.setSide(item, bytes[offset + RECORD.side]! & ~GTC_BIT);
    if ((bytes[offset + RECORD.side]! & GTC_BIT) !== 0) items.setGtc(item);
    items.setVenue(item, bytes[offset + RECORD.venue]!);
    items.setState(item, ITEM_STATE.pending);
    items.setClient(item, client);
    items.setAbout(item, this.texts.put(bytes, texts + idLength + clientLength, bytes[offset + RECORD.thirdLength]!));
    items.setSequence(item, seq);
    items.setEpoch(item, epoch);
    items.setPrice(item, readCount(view, offset + PRICE_AT));
    items.setQuantity(item, readCount(view, offset + QTY_AT));
    this.#begin(item);
    items.append(this.#pendingOrders, item);
    this.#orders += 1;
    this.#active += 1;
    this.#open.began(client);
  }

  /** Adds a cancel or replace; −1 when its id was there. */
  #addRequest(seq: number, epoch: number, bytes: Uint8Array, offset: number, texts: number): number {
    const idLength = bytes[offset + RECORD.firstLength]!;
    const clientLength = bytes[offset + RECORD.secondLength]!;
    const targetLength = bytes[offset + RECORD.thirdLength]!;
    const targetAt = texts + idLength + clientLength;
    if (!this.#addId(bytes, texts, idLength)) return -1;
    const { items } = this;
    const item = items.add();
    const target = this.ids.find(bytes, targetAt, targetLength);
    items.setKind(item, bytes[offset + RECORD.kind] === RECORD_KIND.cancel ? ITEM_KIND.cancel : ITEM_KIND.replace);
    items.setState(item, ITEM_STATE.pending);
    items.setClient(item, this.texts.put(bytes, texts + idLength, clientLength));
    items.setAbout(item, target);
    if (target === -1) items.setTargetText(item, this.texts.put(bytes, targetAt, targetLength));
    else items.setVenue(item, items.venue(target));
    items.setSequence(item, seq);
    items.setEpoch(item, epoch);
    this.#begin(item);
    items.append(this.#pendingRequests, item);
    return item;
  }

  #setTerms(item: number, view: DataView, offset: number): void {
    this.items.setPrice(item, readCount(view, offset + PRICE_AT));
    this.items.setQuantity(item, readCount(view, offset + QTY_AT));
    this.#begin(item);
  }

  /** False, and a break, when the id is taken: the checks before the journal let no such entry in. */
  #addId(bytes: Uint8Array, offset: number, length: number): boolean {
    const item = this.items.count;
    if (this.ids.put(bytes, offset, length) === item) return true;
    this.#breaks += 1;
    return false;
  }

  /** An order that ends before anything happened: refused by the venue, or taken back by the engine. */
  #reject(bytes: Uint8Array, offset: number, withdrawn: number): void {
    const idLength = bytes[offset + RECORD.firstLength]!;
    const texts = offset + TEXTS_AT;
    const item = this.ids.find(bytes, texts, idLength);
    if (!this.isOrder(item)) {
      this.#breaks += 1;
      return;
    }
    this.items.setCode(item, this.texts.put(bytes, texts + idLength, bytes[offset + RECORD.secondLength]!) + 1);
    if (withdrawn === 1) this.items.setWithdrawn(item, 1);
    this.#finish(item, ITEM_STATE.rejected);
  }

  /** The session at the venue would not take it: an order ends, a request had no effect. */
  #refuse(bytes: Uint8Array, offset: number): void {
    const idLength = bytes[offset + RECORD.firstLength]!;
    const texts = offset + TEXTS_AT;
    const item = this.ids.find(bytes, texts, idLength);
    if (this.isOrder(item)) return this.#reject(bytes, offset, 0);
    const code = this.texts.put(bytes, texts + idLength, bytes[offset + RECORD.secondLength]!) + 1;
    if (item === -1) this.#breaks += 1;
    else this.#settle(item, ITEM_STATE.rejected, code);
  }

  #applyReport(kind: number, bytes: Uint8Array, view: DataView, offset: number): void {
    const firstLength = bytes[offset + RECORD.firstLength]!;
    const secondLength = bytes[offset + RECORD.secondLength]!;
    switch (kind) {
      case RECORD_KIND.accepted:
        this.#confirm(this.ids.find(bytes, offset + TEXTS_AT, firstLength));
        return;
      case RECORD_KIND.rejected:
        this.#reject(bytes, offset, 0);
        return;
      case RECORD_KIND.fill:
        this.#fill(this.ids.find(bytes, offset + TEXTS_AFTER_PRICE, firstLength), readCount(view, offset + QTY_AT));
        return;
      case RECORD_KIND.cancelled: {
        const texts = offset + TEXTS_AT;
        const order = this.ids.find(bytes, texts + firstLength, secondLength);
        this.#settle(this.ids.find(bytes, texts, firstLength), ITEM_STATE.done, 0);
        if (this.isOrder(order)) this.#finish(order, ITEM_STATE.cancelled);
        else this.#breaks += 1;
        return;
      }
      case RECORD_KIND.replaced:
        this.#replace(bytes, view, offset);
        return;
      case RECORD_KIND['cancel-rejected']:
      case RECORD_KIND['replace-rejected']: {
        const texts = offset + TEXTS_AT;
        const codeAt = texts + firstLength + secondLength;
        const code = this.texts.put(bytes, codeAt, bytes[offset + RECORD.thirdLength]!) + 1;
        this.#settle(this.ids.find(bytes, texts, firstLength), ITEM_STATE.rejected, code);
        return;
      }
      default:
        throw new Error(`a journal entry of unknown kind ${kind}: written by a newer version?`);
    }
  }

  /** An order has the terms of a replace from here on; what does not fit the request or the order is a break. */
  #replace(bytes: Uint8Array, view: DataView, offset: number): void {
    const { items } = this;
    const texts = offset + TEXTS_AFTER_PRICE;
    const firstLength = bytes[offset + RECORD.firstLength]!;
    const request = this.ids.find(bytes, texts, firstLength);
    const order = this.ids.find(bytes, texts + firstLength, bytes[offset + RECORD.secondLength]!);
    const known = request !== -1 && items.kind(request) === ITEM_KIND.replace;
    if (known) this.#settle(request, ITEM_STATE.done, 0);
    const fits =
      known &&
      this.isOrder(order) &&
      items.about(request) === order &&
      items.price(request) === readCount(view, offset + PRICE_AT) &&
      items.quantity(request) === readCount(view, offset + QTY_AT) &&
      items.state(order) <= ITEM_STATE.open &&
      items.filled(order) < items.quantity(request);
    if (!fits) {
      this.#breaks += 1;
      return;
    }
    items.setReplacedBy(order, request + 1);
    this.#rehash(order);
  }

  #fill(item: number, quantity: number): void {
    const { items } = this;
    if (!this.isOrder(item) || items.filled(item) + quantity > this.quantityOf(item)) {
      this.#breaks += 1;
      return;
    }
    this.#fills += 1;
    const filled = items.filled(item) + quantity;
    items.setFilled(item, filled);
    this.traded.add(items.about(item), items.side(item) === SIDE_NUMBER.B, quantity);
    if (filled === this.quantityOf(item)) this.#finish(item, ITEM_STATE.filled);
    else this.#rehash(item);
  }

  #confirm(item: number): void {
    const { items } = this;
    if (!this.isOrder(item)) {
      this.#breaks += 1;
      return;
    }
    if (items.state(item) !== ITEM_STATE.pending) return;
    items.setState(item, ITEM_STATE.open);
    items.remove(this.#pendingOrders, item);
    this.#rehash(item);
  }

  /** An order that already ended is a break; what came with this news is noted all the same. */
  #finish(item: number, state: number): void {
    const { items } = this;
    const before = items.state(item);
    if (before === ITEM_STATE.pending || before === ITEM_STATE.open) {
      items.setState(item, state);
      if (before === ITEM_STATE.pending) items.remove(this.#pendingOrders, item);
      this.#active -= 1;
      this.#open.ended(items.client(item));
    } else this.#breaks += 1;
    this.#rehash(item);
  }

  #settle(item: number, state: number, code: number): void {
    const { items } = this;
    if (item === -1 || items.kind(item) === ITEM_KIND.order) return;
    if (items.state(item) === ITEM_STATE.pending) items.remove(this.#pendingRequests, item);
    items.setState(item, state);
    items.setCode(item, code);
    this.#rehash(item);
  }

  /** An item of a restored state: into the list it waits in, into the counts, into the hash. */
  #takeUp(item: number, textCount: number): void {
    const { items } = this;
    const isOrder = items.kind(item) === ITEM_KIND.order;
    const client = items.client(item);
    const numbers = [client, items.code(item) - 1, isOrder ? items.about(item) : items.targetText(item)];
    if (numbers.some((text) => text >= textCount)) throw new Error(`item ${item} names a text that is not there`);
    const other = isOrder ? items.replacedBy(item) - 1 : items.about(item);
    if (other >= items.count) throw new Error(`item ${item} is about one that is not there`);
    const state = items.state(item);
    if (state === ITEM_STATE.pending) items.append(isOrder ? this.#pendingOrders : this.#pendingRequests, item);
    if (isOrder && state <= ITEM_STATE.open) this.#open.began(client);
    if (isOrder) this.traded.add(items.about(item), items.side(item) === SIDE_NUMBER.B, items.filled(item));
    items.setHash(item, 0);
    this.#begin(item);
  }

  #begin(item: number): void {
    this.items.setBaseHash(item, lastingHash(this, item));
    this.#rehash(item);
  }

  /** After each change of an item. */
  #rehash(item: number): void {
    const { items } = this;
    const hash = changingHash(this, item, items.baseHash(item));
    this.#contentHash = (this.#contentHash + hash - items.hash(item)) | 0;
    items.setHash(item, hash);
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

const hashText = (content: number, counters: number): string =>
  (content >>> 0).toString(16).padStart(8, '0') + (counters >>> 0).toString(16).padStart(8, '0');
