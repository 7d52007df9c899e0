import { writeU64 } from '../base/u64.ts';
import type { RecordBatch } from '../journal/record-batch.ts';
import {
  BINARY_ID_BYTES,
  BINARY_SYMBOL_BYTES,
  BINARY_VERSION,
  beginAnswer,
  copyBytes,
  copyId,
  copyWords,
  isId,
  MESSAGE,
  MESSAGE_BYTES,
  RECEIVED,
  SENT,
  writeAck,
  writeField,
} from './binary-protocol.ts';
import type { BinarySession } from './binary-session.ts';
import { type Entry, GTC_BIT, RECORD, RECORD_KIND, readCount, textsAt } from './entry.ts';
import { KnownTexts } from './known-texts.ts';
import { ITEM_KIND, ITEM_STATE } from './order-pool.ts';
import type { OrderState } from './order-state.ts';
import { type Limits, numberBreach, type Permissions, replaceRefusal, riskRefusal } from './pre-trade.ts';
import type { ByteSink, ReleaseQueue } from './release-queue.ts';
import type { RiskGate } from './risk-gate.ts';

/** What is in the field of a symbol is none. */
const NOT_A_SYMBOL = -2;

export interface BinaryDeskOptions {
  readonly instance: string;
  readonly epoch: number;
  readonly state: OrderState;
  readonly limits: Limits;
  readonly allowed: Permissions;
  readonly batch: RecordBatch;
  readonly queue: ReleaseQueue;
  /**
   * Takes the record that was written at this offset of the batch, applies it, and returns its sequence. `isNewOrder`: it is that of an
   * order whose id, in this record, the state has just been asked for.
   */
  readonly commit: (recordBytes: number, offset: number, isNewOrder: boolean) => number;
  /** An order or cancel was journalled: to be sent to the venue, and counted. */
  readonly accepted: (item: number, sequence: number) => void;
  /** Something was queued that no record brings out. */
  readonly answered: () => void;
  readonly loggedOn: (client: string, session: BinarySession) => void;
}

/**
 * The order path for binary clients: message → checks → record in the journal's block → state → answer in the release queue, as
 * plain function calls that make no object for each order. It answers as the text protocol does.
 */
export class BinaryDesk {
  readonly #options: BinaryDeskOptions;
  readonly #symbols = new KnownTexts();
  #nowMs = 0;
  /** Why no new risk is taken in this turn, or null; and who has a say beside that. */
  #noRisk: string | null = null;
  #risk: RiskGate | null = null;
  /** Where the id of the message that is handled is, and what it names beside it: a symbol, or the id of its target. */
  #idAt = 0;
  #idLength = 0;
  #otherAt = 0;
  #otherLength = 0;

  constructor(options: BinaryDeskOptions) {
    this.#options = options;
  }

  /** What is handled from here on came at this moment: clock and permissions, which change between turns only, are not asked for each order. */
  beginTurn(): void {
    const { allowed } = this.#options;
    this.#nowMs = Date.now();
    this.#noRisk = riskRefusal(allowed);
    this.#risk = allowed.risk;
  }

  /** Handles the whole message at `session.at`. */
  handle(session: BinarySession): void {
    const { input, at } = session;
    const kind = input[at]!;
    if (kind === MESSAGE.logon) return this.#logon(session, input, at);
    if (kind === MESSAGE.query) return this.#query(session, input, at);
    if (kind === MESSAGE.new) return this.#new(session, input, at);
    if (kind === MESSAGE.replace) return this.#replace(session, input, at);
    return this.#cancel(session, input, at);
  }

  /** Queues what an entry of the venue, or a withdrawal, means to its client. */
  event(sink: ByteSink, sequence: number, entry: Entry): void {
    const { epoch, queue } = this.#options;
    switch (entry.kind) {
      case 'fill': {
        const at = this.#begin(MESSAGE.fill, sequence, epoch);
        this.#text(at, RECEIVED.fillId, RECEIVED.idLength, entry.id);
        this.#text(at, RECEIVED.execution, RECEIVED.otherLength, entry.exec);
        writeU64(queue.view, at + RECEIVED.price, entry.price);
        writeU64(queue.view, at + RECEIVED.qty, entry.qty);
        queue.addBytes(sequence, sink, MESSAGE_BYTES[MESSAGE.fill]!);
        return;
      }
      case 'cancelled': {
        const at = this.#begin(MESSAGE.cancelled, sequence, epoch);
        this.#text(at, RECEIVED.ackId, RECEIVED.idLength, entry.id);
        this.#text(at, RECEIVED.target, RECEIVED.otherLength, entry.target);
        queue.addBytes(sequence, sink, MESSAGE_BYTES[MESSAGE.cancelled]!);
        return;
      }
      case 'replaced': {
        const at = this.#begin(MESSAGE.replaced, sequence, epoch);
        this.#text(at, RECEIVED.fillId, RECEIVED.idLength, entry.id);
        this.#text(at, RECEIVED.replacedTarget, RECEIVED.otherLength, entry.target);
        writeU64(queue.view, at + RECEIVED.price, entry.price);
        writeU64(queue.view, at + RECEIVED.qty, entry.qty);
        queue.addBytes(sequence, sink, MESSAGE_BYTES[MESSAGE.replaced]!);
        return;
      }
      case 'rejected':
      case 'withdrawn':
      case 'refused':
      case 'cancel-rejected':
      case 'replace-rejected': {
        const at = this.#begin(MESSAGE.reject, sequence, epoch);
        this.#text(at, RECEIVED.ackId, RECEIVED.idLength, entry.id);
        this.#code(at, entry.code);
        queue.addBytes(sequence, sink, MESSAGE_BYTES[MESSAGE.reject]!);
      }
    }
  }

  #logon(session: BinarySession, input: Buffer, at: number): void {
    const { instance, epoch, loggedOn } = this.#options;
    const length = input[at + SENT.clientLength]!;
    this.#idLength = 0;
    if (input[at + SENT.version] !== BINARY_VERSION || !isId(input, at + SENT.client, length, BINARY_ID_BYTES))
      return this.#reject(session, 'bad-message');
    copyBytes(input, at + SENT.client, length, session.clientBytes, 0);
    session.clientLength = length;
    session.clientNumber = -1;
    session.client = session.clientBytes.toString('latin1', 0, length);
    loggedOn(session.client, session);
    const answer = this.#begin(MESSAGE.logonOk, epoch, 0);
    this.#text(answer, RECEIVED.instance, RECEIVED.idLength, instance);
    this.#queueNow(session, MESSAGE.logonOk, -1);
  }

  #new(session: BinarySession, input: Buffer, at: number): void {
    const { state, limits, allowed, batch } = this.#options;
    const side = input[at + SENT.side]!;
    const gtc = input[at + SENT.gtc]!;
    const offset = batch.reserve();
    const texts = offset + RECORD.textsAfterPrice;
    const named = this.#takeId(session, at, at + SENT.newId, at + SENT.symbol, texts);
    if (!named || (side !== 1 && side !== 2) || gtc > 1) return this.#reject(session, 'bad-message');
    const idLength = this.#idLength;
    const symbolLength = this.#otherLength;
    const symbol = this.#symbolOf(session);
    if (symbol === NOT_A_SYMBOL) return this.#reject(session, 'bad-message');
    const { view } = batch;
    copyWords(session.view, at + SENT.price, 16, view, offset + RECORD.price);
    const price = readCount(view, offset + RECORD.price);
    const qty = readCount(view, offset + RECORD.qty);
    const item = state.lookForId(view, texts, idLength);
    const client = this.#clientOf(session);
    if (item !== -1) {
      const { items } = state;
      const same =
        items.kind(item) === ITEM_KIND.order &&
        items.side(item) === side &&
        items.isGtc(item) === (gtc === 1) &&
        items.price(item) === price &&
        items.quantity(item) === qty &&
        items.client(item) === client &&
        items.about(item) === symbol;
      return same ? this.#repeat(session, item) : this.#reject(session, 'altered-duplicate');
    }
    const { market } = allowed;
    const venue = symbol === -1 ? market.venueOfName(this.#symbolName(-1, input)) : market.venueOf(symbol);
    const refusal =
      this.#noRisk ??
      (venue === -1 || symbolLength > market.symbolBytes(venue) ? 'unknown-symbol' : null) ??
      (idLength > market.idBytes(venue) ? 'id-too-long' : null) ??
      market.refusal(venue, symbol) ??
      this.#symbolBreach(symbol, input) ??
      numberBreach(price, qty, limits) ??
      (state.openOf(client) >= limits.maxOpenOrdersPerClient ? 'limit-open-orders' : null) ??
      (this.#risk === null ? null : this.#gateRefusal(this.#risk, session, side, symbol, price, qty));
    if (refusal !== null) return this.#reject(session, refusal);
    this.#finish(session, offset, RECORD_KIND.order, gtc === 1 ? side | GTC_BIT : side, venue);
  }

  #replace(session: BinarySession, input: Buffer, at: number): void {
    const { state, limits, allowed, batch } = this.#options;
    const { items } = state;
    const offset = batch.reserve();
    const texts = offset + RECORD.textsAfterPrice;
    if (!this.#takeNames(session, at, at + SENT.replaceId, at + SENT.replaceTarget, texts))
      return this.#reject(session, 'bad-message');
    const idLength = this.#idLength;
    const { view } = batch;
    copyWords(session.view, at + SENT.price, 16, view, offset + RECORD.price);
    const price = readCount(view, offset + RECORD.price);
    const qty = readCount(view, offset + RECORD.qty);
    const item = state.find(input, this.#idAt, idLength);
    const client = this.#clientOf(session);
    const target = state.find(input, this.#otherAt, this.#otherLength);
    if (item !== -1) {
      const same =
        items.kind(item) === ITEM_KIND.replace &&
        items.client(item) === client &&
        target !== -1 &&
        items.about(item) === target &&
        items.price(item) === price &&
        items.quantity(item) === qty;
      return same ? this.#repeat(session, item) : this.#reject(session, 'altered-duplicate');
    }
    if (!state.isOrder(target) || items.client(target) !== client) return this.#reject(session, 'unknown-order');
    const refusal = replaceRefusal(state, { limits, allowed }, { target, idLength, price, qty });
    if (refusal !== null) return this.#reject(session, refusal);
    this.#finish(session, offset, RECORD_KIND.replace, 0, 0);
  }

  #cancel(session: BinarySession, input: Buffer, at: number): void {
    const { state, batch } = this.#options;
    const { items } = state;
    const offset = batch.reserve();
    if (!this.#takeNames(session, at, at + SENT.cancelId, at + SENT.target, offset + RECORD.texts))
      return this.#reject(session, 'bad-message');
    const idLength = this.#idLength;
    const item = state.find(input, this.#idAt, idLength);
    const client = this.#clientOf(session);
    const target = state.find(input, this.#otherAt, this.#otherLength);
    if (item !== -1) {
      const same =
        items.kind(item) === ITEM_KIND.cancel &&
        items.client(item) === client &&
        target !== -1 &&
        items.about(item) === target;
      return same ? this.#repeat(session, item) : this.#reject(session, 'altered-duplicate');
    }
    if (!state.isOrder(target) || items.client(target) !== client) return this.#reject(session, 'unknown-order');
    if (items.state(target) > ITEM_STATE.open) return this.#reject(session, 'too-late');
    if (idLength > this.#options.allowed.market.idBytes(items.venue(target)))
      return this.#reject(session, 'id-too-long');
    this.#finish(session, offset, RECORD_KIND.cancel, 0, 0);
  }

  /** Notes where the names of a message are, and puts its id where the record has it; false when it is none, or nobody has logged on. */
  #takeId(session: BinarySession, at: number, idAt: number, otherAt: number, texts: number): boolean {
    const { input } = session;
    const idLength = input[at + SENT.idLength]!;
    this.#idAt = idAt;
    this.#idLength = idLength;
    this.#otherAt = otherAt;
    this.#otherLength = input[at + SENT.otherLength]!;
    return session.client !== null && copyId(session.view, idAt, idLength, this.#options.batch.view, texts);
  }

  /** The same; false also when the id of the target is none. */
  #takeNames(session: BinarySession, at: number, idAt: number, otherAt: number, texts: number): boolean {
    return (
      this.#takeId(session, at, idAt, otherAt, texts) &&
      isId(session.input, otherAt, this.#otherLength, BINARY_ID_BYTES)
    );
  }

  /** Number of the symbol that the message names; −1 when the state does not know it. */
  #symbolOf({ input, view }: BinarySession): number {
    const at = this.#otherAt;
    const length = this.#otherLength;
    const remembered = this.#symbols.numberOf(view, at, length);
    if (remembered !== -1) return remembered;
    if (!isId(input, at, length, BINARY_SYMBOL_BYTES)) return NOT_A_SYMBOL;
    const number = this.#options.state.texts.find(input, at, length);
    if (number !== -1) this.#symbols.remember(view, at, length, number);
    return number;
  }

  /**
   * Completes the order or request at this offset of the batch, whose prices and id are there, applies it, and queues its
   * acknowledgement. It writes up to eight bytes more than the record has, where nothing is yet.
   */
  #finish(session: BinarySession, offset: number, kind: number, side: number, venue: number): void {
    const { batch, state, commit, accepted, queue, epoch } = this.#options;
    const { view } = batch;
    const { view: input, clientView, clientLength } = session;
    const idLength = this.#idLength;
    const otherLength = this.#otherLength;
    const client = offset + textsAt(kind) + idLength;
    const end = client + clientLength + otherLength;
    copyWords(clientView, 0, clientLength, view, client);
    copyWords(input, this.#otherAt, otherLength, view, client + clientLength);
    view.setInt32(end, 0, true);
    view.setInt32(end + 4, 0, true);
    const length = (end - offset + 7) & ~7;
    view.setInt32(offset, length | (kind << 16) | (side << 24), true);
    view.setInt32(
      offset + RECORD.firstLength,
      idLength | (clientLength << 8) | (otherLength << 16) | (venue << 24),
      true,
    );
    writeU64(view, offset + RECORD.number, this.#nowMs);
    const sequence = commit(length, offset, kind === RECORD_KIND.order);
    const item = state.items.count - 1;
    accepted(item, sequence);
    const ack = queue.reserve(MESSAGE_BYTES[MESSAGE.ack]!);
    writeAck(queue.view, ack, { from: input, idAt: this.#idAt, idLength }, sequence, epoch);
    queue.addBytes(sequence, session, MESSAGE_BYTES[MESSAGE.ack]!, kind === RECORD_KIND.order ? item : -1);
  }

  /** The same answer as the first time: the acknowledgement, and the refusal that came after it if one did. */
  #repeat(session: BinarySession, item: number): void {
    const { state, queue } = this.#options;
    const { items, ids } = state;
    const epoch = items.epoch(item);
    const sequence = items.sequence(item);
    if (items.withdrawn(item) === 0) {
      const ack = this.#begin(MESSAGE.ack, sequence, epoch);
      queue.bytes[ack + RECEIVED.idLength] = ids.copy(item, queue.bytes, ack + RECEIVED.ackId);
      this.#queueNow(session, MESSAGE.ack, item);
    }
    if (items.state(item) !== ITEM_STATE.rejected) return;
    const reject = this.#begin(MESSAGE.reject, sequence, epoch);
    const code = items.code(item);
    queue.bytes[reject + RECEIVED.idLength] = ids.copy(item, queue.bytes, reject + RECEIVED.ackId);
    this.#code(reject, code === 0 ? 'refused' : state.name(code - 1));
    this.#queueNow(session, MESSAGE.reject, -1);
  }

  #query(session: BinarySession, input: Buffer, at: number): void {
    const { state, queue } = this.#options;
    const idLength = input[at + SENT.idLength]!;
    this.#idLength = 0;
    if (!isId(input, at + SENT.queryId, idLength, BINARY_ID_BYTES)) return this.#reject(session, 'bad-message');
    const item = state.find(input, at + SENT.queryId, idLength);
    const { items } = state;
    const known = state.isOrder(item);
    const answer = this.#begin(MESSAGE.order, known ? items.sequence(item) : 0, known ? items.epoch(item) : 0);
    const { bytes, view } = queue;
    bytes[answer + RECEIVED.idLength] = idLength;
    copyBytes(input, at + SENT.queryId, idLength, bytes, answer + RECEIVED.orderId);
    if (known) {
      bytes[answer + RECEIVED.side] = items.side(item);
      bytes[answer + RECEIVED.state] = items.state(item);
      writeU64(view, answer + RECEIVED.price, state.priceOf(item));
      writeU64(view, answer + RECEIVED.qty, state.quantityOf(item));
      writeU64(view, answer + RECEIVED.filled, items.filled(item));
      this.#text(
        answer,
        RECEIVED.orderSymbol,
        RECEIVED.otherLength,
        state.name(items.about(item)),
        BINARY_SYMBOL_BYTES,
      );
    }
    this.#queueNow(session, MESSAGE.order, -1);
  }

  /** Names the id that was read, if it is one. */
  #reject(session: BinarySession, code: string): void {
    const { queue, epoch } = this.#options;
    const { input } = session;
    const at = this.#begin(MESSAGE.reject, 0, epoch);
    if (isId(input, this.#idAt, this.#idLength, BINARY_ID_BYTES)) {
      queue.bytes[at + RECEIVED.idLength] = this.#idLength;
      copyBytes(input, this.#idAt, this.#idLength, queue.bytes, at + RECEIVED.ackId);
    }
    this.#code(at, code);
    this.#queueNow(session, MESSAGE.reject, -1);
  }

  /** Looked up until it is known: a number never changes. */
  #clientOf(session: BinarySession): number {
    if (session.clientNumber === -1)
      session.clientNumber = this.#options.state.texts.find(session.clientBytes, 0, session.clientLength);
    return session.clientNumber;
  }

  #symbolBreach(symbol: number, input: Buffer): string | null {
    const { limits } = this.#options;
    return limits.symbols.size === 0 || limits.symbols.has(this.#symbolName(symbol, input)) ? null : 'unknown-symbol';
  }

  #symbolName(symbol: number, input: Buffer): string {
    if (symbol !== -1) return this.#options.state.name(symbol);
    return input.toString('latin1', this.#otherAt, this.#otherAt + this.#otherLength);
  }

  #gateRefusal(
    risk: RiskGate,
    session: BinarySession,
    side: number,
    symbol: number,
    price: number,
    qty: number,
  ): string | null {
    const { asked } = risk;
    asked.client = session.clientNumber;
    asked.clientName = session.client!;
    asked.symbol = symbol;
    asked.symbolName = this.#symbolName(symbol, session.input);
    asked.side = side;
    asked.price = price;
    asked.qty = qty;
    return risk.refusal();
  }

  #begin(kind: number, sequence: number, epoch: number): number {
    const { queue } = this.#options;
    const at = queue.reserve(MESSAGE_BYTES[kind]!);
    beginAnswer(queue.bytes, queue.view, at, kind);
    writeU64(queue.view, at + RECEIVED.sequence, sequence);
    writeU64(queue.view, at + RECEIVED.epoch, epoch);
    return at;
  }

  /** Answers wait until all that they were computed from is released. */
  #queueNow(session: BinarySession, kind: number, order: number): void {
    const { queue, state, answered } = this.#options;
    queue.addBytes(state.applied, session, MESSAGE_BYTES[kind]!, order);
    answered();
  }

  #text(at: number, field: number, lengthAt: number, text: string, most = BINARY_ID_BYTES): void {
    writeField(this.#options.queue.bytes, { text, at: at + field, most, lengthAt: at + lengthAt });
  }

  #code(at: number, code: string): void {
    this.#text(at, RECEIVED.code, RECEIVED.otherLength, code, BINARY_SYMBOL_BYTES);
  }
}

/** The message that turns a binary client away from an instance that is not primary, or that ends a broken stream. */
export const lastReject = (code: string, epoch: number): Buffer => {
  const bytes = Buffer.alloc(MESSAGE_BYTES[MESSAGE.reject]!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  beginAnswer(bytes, view, 0, MESSAGE.reject);
  writeU64(view, RECEIVED.epoch, epoch);
  writeField(bytes, { text: code, at: RECEIVED.code, most: BINARY_SYMBOL_BYTES, lengthAt: RECEIVED.otherLength });
  return bytes;
};
