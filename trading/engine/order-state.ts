import { BytesTable, spread } from './bytes-table.ts';
import { RECORD, RECORD_KIND, readCount, SIDE_NUMBER } from './entry.ts';
import { changingHash, lastingHash, mixWide } from './item-hash.ts';
import { emptyList, ITEM_KIND, ITEM_STATE, type ItemList, OrderPool, STATE_NAMES } from './order-pool.ts';
import type { CancelRequest, Order } from './order-view.ts';
import { StateHashes } from './state-hashes.ts';

/** What a state counts beside its orders. */
export interface StateCounters {
  readonly applied: number;
  readonly venueSequence: number;
  readonly orders: number;
  readonly active: number;
  readonly breaks: number;
  readonly fills: number;
}

/** Where the texts of a record begin, by kind. */
const { price: PRICE_AT, qty: QTY_AT, number: NUMBER_AT, texts: TEXTS_AT, textsAfterPrice: TEXTS_AFTER_PRICE } = RECORD;
const KEY_SCRATCH_BYTES = 1024;

/**
 * All orders and cancels: a deterministic fold over journal records, with integers only; no clock, no randomness. Orders and
 * cancels are *items*, numbered from 0 in the order of their sequences. Applying a record makes no object.
 */
export class OrderState {
  readonly ids: BytesTable;
  /** Clients, symbols, codes. */
  readonly texts: BytesTable;
  readonly items: OrderPool;
  readonly hashes = new StateHashes();
  readonly #pendingOrders = emptyList();
  readonly #pendingCancels = emptyList();
  readonly #scratch = Buffer.alloc(KEY_SCRATCH_BYTES);
  readonly #names: string[] = [];
  /** Orders of each client, by the client's number among the texts, that are neither filled, cancelled nor rejected. */
  #open = new Int32Array(64);
  #contentHash = 0;
  #applied = 0;
  #venueSequence = 0;
  #active = 0;
  #orders = 0;
  #breaks = 0;
  #fills = 0;

  constructor(
    parts: { readonly ids: BytesTable; readonly texts: BytesTable; readonly items: OrderPool } | null = null,
  ) {
    this.ids = parts?.ids ?? new BytesTable();
    this.texts = parts?.texts ?? new BytesTable();
    this.items = parts?.items ?? new OrderPool();
  }

  /** The state with this content; lists, counts of open orders and hashes are computed from it. */
  static restored(parts: {
    readonly counters: StateCounters;
    readonly ids: BytesTable;
    readonly texts: BytesTable;
    readonly items: OrderPool;
  }): OrderState {
    const state = new OrderState(parts);
    const { counters, items, ids, texts } = parts;
    if (ids.count !== items.count) throw new Error(`${ids.count} ids for ${items.count} orders and cancels`);
    for (let item = 0; item < items.count; item++) state.#takeUp(item, texts.count);
    state.#applied = counters.applied;
    state.#venueSequence = counters.venueSequence;
    state.#orders = counters.orders;
    state.#active = counters.active;
    state.#breaks = counters.breaks;
    state.#fills = counters.fills;
    return state;
  }

  get counters(): StateCounters {
    return {
      applied: this.#applied,
      venueSequence: this.#venueSequence,
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
  /** Number of the last venue report applied. */
  get venueSequence(): number {
    return this.#venueSequence;
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
  get pendingCancels(): Readonly<ItemList> {
    return this.#pendingCancels;
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

  /** The order or cancel as it is now, for text protocols. */
  view(item: number): Order | CancelRequest {
    const { items } = this;
    const code = items.code(item);
    const common = {
      id: this.ids.text(item),
      client: this.name(items.client(item)),
      seq: items.sequence(item),
      epoch: items.epoch(item),
      code: code === 0 ? null : this.name(code - 1),
    };
    const state = STATE_NAMES[items.state(item)]!;
    if (items.kind(item) === ITEM_KIND.cancel)
      return { kind: 'cancel', ...common, target: this.targetOf(item), state: state as CancelRequest['state'] };
    return {
      kind: 'order',
      ...common,
      symbol: this.name(items.about(item)),
      side: items.side(item) === SIDE_NUMBER.B ? 'B' : 'S',
      price: items.price(item),
      qty: items.quantity(item),
      state: state as Order['state'],
      filled: items.filled(item),
      withdrawn: items.withdrawn(item) === 1,
    };
  }

  /** The view of the item with this id, if there is one. */
  known(id: string): Order | CancelRequest | null {
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

  /** Id of what a cancel is about. */
  targetOf(cancel: number): string {
    const target = this.items.about(cancel);
    return target === -1 ? this.name(this.items.targetText(cancel)) : this.ids.text(target);
  }

  /** Open orders of a client by its number among the texts. */
  openOf(client: number): number {
    return client === -1 || client >= this.#open.length ? 0 : this.#open[client]!;
  }

  /** The first item after a sequence; as many as there are items when there is none. */
  firstAfter(sequence: number): number {
    const { items } = this;
    let low = 0;
    let high = items.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (items.sequence(middle) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Orders after a sequence, oldest first. */
  ordersAfter(sequence: number, limit: number): Order[] {
    const { items } = this;
    const found: Order[] = [];
    for (let item = this.firstAfter(sequence); item < items.count && found.length < limit; item++)
      if (items.kind(item) === ITEM_KIND.order) found.push(this.view(item) as Order);
    return found;
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
        this.#addCancel(seq, epoch, bytes, offset);
        break;
      case RECORD_KIND.epoch:
      case RECORD_KIND.test:
        break;
      case RECORD_KIND.withdrawn:
        this.#reject(bytes, offset, 1);
        break;
      default:
        this.#venueSequence = readCount(view, offset + NUMBER_AT);
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
    items.setSide(item, bytes[offset + RECORD.side]!);
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
    if (client >= this.#open.length) this.#widenOpen(client);
    this.#open[client]! += 1;
  }

  #addCancel(seq: number, epoch: number, bytes: Uint8Array, offset: number): void {
    const idLength = bytes[offset + RECORD.firstLength]!;
    const clientLength = bytes[offset + RECORD.secondLength]!;
    const targetLength = bytes[offset + RECORD.thirdLength]!;
    const texts = offset + TEXTS_AT;
    const targetAt = texts + idLength + clientLength;
    if (!this.#addId(bytes, texts, idLength)) return;
    const { items } = this;
    const item = items.add();
    const target = this.ids.find(bytes, targetAt, targetLength);
    items.setKind(item, ITEM_KIND.cancel);
    items.setState(item, ITEM_STATE.pending);
    items.setClient(item, this.texts.put(bytes, texts + idLength, clientLength));
    items.setAbout(item, target);
    if (target === -1) items.setTargetText(item, this.texts.put(bytes, targetAt, targetLength));
    items.setSequence(item, seq);
    items.setEpoch(item, epoch);
    this.#begin(item);
    items.append(this.#pendingCancels, item);
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
      case RECORD_KIND['cancel-rejected']: {
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

  #fill(item: number, quantity: number): void {
    const { items } = this;
    if (!this.isOrder(item) || items.filled(item) + quantity > items.quantity(item)) {
      this.#breaks += 1;
      return;
    }
    this.#fills += 1;
    const filled = items.filled(item) + quantity;
    items.setFilled(item, filled);
    if (filled === items.quantity(item)) this.#finish(item, ITEM_STATE.filled);
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
      this.#open[items.client(item)]! -= 1;
    } else this.#breaks += 1;
    this.#rehash(item);
  }

  #settle(item: number, state: number, code: number): void {
    const { items } = this;
    if (item === -1 || items.kind(item) !== ITEM_KIND.cancel) return;
    if (items.state(item) === ITEM_STATE.pending) items.remove(this.#pendingCancels, item);
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
    if (!isOrder && items.about(item) >= items.count) throw new Error(`item ${item} is about one that is not there`);
    const state = items.state(item);
    if (state === ITEM_STATE.pending) items.append(isOrder ? this.#pendingOrders : this.#pendingCancels, item);
    if (isOrder && (state === ITEM_STATE.pending || state === ITEM_STATE.open)) {
      if (client >= this.#open.length) this.#widenOpen(client);
      this.#open[client]! += 1;
    }
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
    hash = mixWide(hash, this.#venueSequence);
    hash = mixWide(hash, this.#active);
    hash = mixWide(hash, this.#fills);
    hash = mixWide(hash, this.#breaks);
    return spread(mixWide(mixWide(hash, this.#pendingOrders.size), this.#pendingCancels.size));
  }

  #widenOpen(client: number): void {
    const wider = new Int32Array(Math.max(client + 1, this.#open.length * 2));
    wider.set(this.#open);
    this.#open = wider;
  }
}

const hashText = (content: number, counters: number): string =>
  (content >>> 0).toString(16).padStart(8, '0') + (counters >>> 0).toString(16).padStart(8, '0');
