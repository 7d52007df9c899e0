import type { RecordBatch } from '../journal/record-batch.ts';
import {
  BINARY_ID_BYTES,
  BINARY_SYMBOL_BYTES,
  BINARY_VERSION,
  beginAnswer,
  copyBytes,
  isId,
  MESSAGE,
  MESSAGE_BYTES,
  RECEIVED,
  SENT,
  writeField,
} from './binary-protocol.ts';
import type { BinarySession } from './binary-session.ts';
import { closeRecord, type Entry, RECORD, RECORD_KIND, readCount, writeCount } from './entry.ts';
import { ITEM_KIND, ITEM_STATE } from './order-pool.ts';
import type { OrderState } from './order-state.ts';
import { type Limits, numberBreach, type Permissions } from './pre-trade.ts';
import type { ByteSink, ReleaseQueue } from './release-queue.ts';
import type { RiskGate } from './risk-gate.ts';

export interface BinaryDeskOptions {
  readonly instance: string;
  readonly epoch: number;
  readonly state: OrderState;
  readonly limits: Limits;
  readonly allowed: Permissions;
  readonly batch: RecordBatch;
  readonly queue: ReleaseQueue;
  /** Takes the record that was written at this offset of the batch, applies it, and returns its sequence. */
  readonly commit: (recordBytes: number, offset: number) => number;
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

  constructor(options: BinaryDeskOptions) {
    this.#options = options;
  }

  /** Handles the whole message at `session.at`. */
  handle(session: BinarySession): void {
    const { input, at } = session;
    const kind = input[at]!;
    if (kind === MESSAGE.logon) return this.#logon(session, input, at);
    if (kind === MESSAGE.query) return this.#query(session, input, at);
    if (kind === MESSAGE.new) return this.#new(session, input, at);
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
        writeCount(queue.view, at + RECEIVED.price, entry.price);
        writeCount(queue.view, at + RECEIVED.qty, entry.qty);
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
      case 'rejected':
      case 'withdrawn':
      case 'cancel-rejected': {
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
    if (input[at + SENT.version] !== BINARY_VERSION || !isId(input, at + SENT.client, length, BINARY_ID_BYTES))
      return this.#reject(session, input, 0, 0, 'bad-message');
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
    const idLength = input[at + SENT.idLength]!;
    const symbolLength = input[at + SENT.otherLength]!;
    const side = input[at + SENT.side]!;
    const idAt = at + SENT.newId;
    if (
      session.client === null ||
      (side !== 1 && side !== 2) ||
      !isId(input, idAt, idLength, BINARY_ID_BYTES) ||
      !isId(input, at + SENT.symbol, symbolLength, BINARY_SYMBOL_BYTES)
    )
      return this.#reject(session, input, idAt, idLength, 'bad-message');
    const offset = batch.reserve();
    const { bytes, view } = batch;
    copyBytes(input, at + SENT.price, 16, bytes, offset + RECORD.price);
    const price = readCount(view, offset + RECORD.price);
    const qty = readCount(view, offset + RECORD.qty);
    const item = state.find(input, idAt, idLength);
    const client = this.#clientOf(session);
    const symbol = state.texts.find(input, at + SENT.symbol, symbolLength);
    if (item !== -1) {
      const { items } = state;
      const same =
        items.kind(item) === ITEM_KIND.order &&
        items.side(item) === side &&
        items.price(item) === price &&
        items.quantity(item) === qty &&
        items.client(item) === client &&
        items.about(item) === symbol;
      return same ? this.#repeat(session, item) : this.#reject(session, input, idAt, idLength, 'altered-duplicate');
    }
    const refusal =
      refusalOf(allowed) ??
      this.#symbolBreach(symbol, input, at + SENT.symbol, symbolLength) ??
      numberBreach(price, qty, limits) ??
      (state.openOf(client) >= limits.maxOpenOrdersPerClient ? 'limit-open-orders' : null) ??
      (allowed.risk === null ? null : this.#gateRefusal(allowed.risk, session, at, symbol, price, qty));
    if (refusal !== null) return this.#reject(session, input, idAt, idLength, refusal);
    bytes[offset + RECORD.kind] = RECORD_KIND.order;
    bytes[offset + RECORD.side] = side;
    writeCount(view, offset + RECORD.number, Date.now());
    this.#finish(session, at, offset);
  }

  #cancel(session: BinarySession, input: Buffer, at: number): void {
    const { state, batch } = this.#options;
    const { items } = state;
    const idLength = input[at + SENT.idLength]!;
    const targetLength = input[at + SENT.otherLength]!;
    const idAt = at + SENT.cancelId;
    const targetAt = at + SENT.target;
    if (
      session.client === null ||
      !isId(input, idAt, idLength, BINARY_ID_BYTES) ||
      !isId(input, targetAt, targetLength, BINARY_ID_BYTES)
    )
      return this.#reject(session, input, idAt, idLength, 'bad-message');
    const item = state.find(input, idAt, idLength);
    const client = this.#clientOf(session);
    const target = state.find(input, targetAt, targetLength);
    if (item !== -1) {
      const same =
        items.kind(item) === ITEM_KIND.cancel &&
        items.client(item) === client &&
        target !== -1 &&
        items.about(item) === target;
      return same ? this.#repeat(session, item) : this.#reject(session, input, idAt, idLength, 'altered-duplicate');
    }
    if (!state.isOrder(target) || items.client(target) !== client)
      return this.#reject(session, input, idAt, idLength, 'unknown-order');
    if (items.state(target) > ITEM_STATE.open) return this.#reject(session, input, idAt, idLength, 'too-late');
    const offset = batch.reserve();
    const { bytes, view } = batch;
    bytes[offset + RECORD.kind] = RECORD_KIND.cancel;
    bytes[offset + RECORD.side] = 0;
    writeCount(view, offset + RECORD.number, Date.now());
    this.#finish(session, at, offset);
  }

  /** Completes the order or cancel at this offset of the batch, applies it, and queues its acknowledgement. */
  #finish(session: BinarySession, at: number, offset: number): void {
    const { batch, state, commit, accepted, queue, epoch } = this.#options;
    const { bytes, view } = batch;
    const { input, clientBytes, clientLength } = session;
    const isOrder = bytes[offset + RECORD.kind] === RECORD_KIND.order;
    const idLength = input[at + SENT.idLength]!;
    const otherLength = input[at + SENT.otherLength]!;
    const idAt = at + (isOrder ? SENT.newId : SENT.cancelId);
    const otherAt = at + (isOrder ? SENT.symbol : SENT.target);
    const texts = offset + (isOrder ? RECORD.textsAfterPrice : RECORD.texts);
    bytes[offset + RECORD.firstLength] = idLength;
    bytes[offset + RECORD.secondLength] = clientLength;
    bytes[offset + RECORD.thirdLength] = otherLength;
    bytes[offset + RECORD.thirdLength + 1] = 0;
    copyBytes(input, idAt, idLength, bytes, texts);
    copyBytes(clientBytes, 0, clientLength, bytes, texts + idLength);
    copyBytes(input, otherAt, otherLength, bytes, texts + idLength + clientLength);
    const length = closeRecord(bytes, view, offset, texts + idLength + clientLength + otherLength);
    const sequence = commit(length, offset);
    const item = state.items.count - 1;
    accepted(item, sequence);
    const ack = this.#begin(MESSAGE.ack, sequence, epoch);
    queue.bytes[ack + RECEIVED.idLength] = idLength;
    copyBytes(input, idAt, idLength, queue.bytes, ack + RECEIVED.ackId);
    queue.addBytes(sequence, session, MESSAGE_BYTES[MESSAGE.ack]!, isOrder ? item : -1);
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
    if (!isId(input, at + SENT.queryId, idLength, BINARY_ID_BYTES))
      return this.#reject(session, input, 0, 0, 'bad-message');
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
      writeCount(view, answer + RECEIVED.price, items.price(item));
      writeCount(view, answer + RECEIVED.qty, items.quantity(item));
      writeCount(view, answer + RECEIVED.filled, items.filled(item));
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

  #reject(session: BinarySession, input: Buffer, idAt: number, idLength: number, code: string): void {
    const { queue, epoch } = this.#options;
    const at = this.#begin(MESSAGE.reject, 0, epoch);
    if (isId(input, idAt, idLength, BINARY_ID_BYTES)) {
      queue.bytes[at + RECEIVED.idLength] = idLength;
      copyBytes(input, idAt, idLength, queue.bytes, at + RECEIVED.ackId);
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

  #symbolBreach(symbol: number, input: Buffer, at: number, length: number): string | null {
    const { limits, state } = this.#options;
    if (limits.symbols.size === 0) return null;
    const name = symbol === -1 ? input.toString('latin1', at, at + length) : state.name(symbol);
    return limits.symbols.has(name) ? null : 'unknown-symbol';
  }

  #gateRefusal(
    risk: RiskGate,
    session: BinarySession,
    at: number,
    symbol: number,
    price: number,
    qty: number,
  ): string | null {
    const { input } = session;
    const { asked } = risk;
    asked.client = session.clientNumber;
    asked.clientName = session.client!;
    asked.symbol = symbol;
    const symbolAt = at + SENT.symbol;
    asked.symbolName =
      symbol === -1
        ? input.toString('latin1', symbolAt, symbolAt + input[at + SENT.otherLength]!)
        : this.#options.state.name(symbol);
    asked.side = input[at + SENT.side]!;
    asked.price = price;
    asked.qty = qty;
    return risk.refusal();
  }

  #begin(kind: number, sequence: number, epoch: number): number {
    const { queue } = this.#options;
    const at = queue.reserve(MESSAGE_BYTES[kind]!);
    beginAnswer(queue.bytes, queue.view, at, { kind, sequence, epoch });
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

const refusalOf = (allowed: Permissions): string | null => {
  if (allowed.draining) return 'draining';
  if (!allowed.tradingEnabled) return 'trading-disabled';
  if (allowed.halted) return 'halted';
  return allowed.venueReady ? null : 'venue-unavailable';
};

/** The message that turns a binary client away from an instance that is not primary, or that ends a broken stream. */
export const lastReject = (code: string, epoch: number): Buffer => {
  const bytes = Buffer.alloc(MESSAGE_BYTES[MESSAGE.reject]!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  beginAnswer(bytes, view, 0, { kind: MESSAGE.reject, sequence: 0, epoch });
  writeField(bytes, { text: code, at: RECEIVED.code, most: BINARY_SYMBOL_BYTES, lengthAt: RECEIVED.otherLength });
  return bytes;
};
