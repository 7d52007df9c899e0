import { writeU64 } from '../base/u64.ts';
import { readCount } from './entry.ts';

/**
 * The binary messages of the orders port: one size for each kind, little-endian, no length in front.
 * `docs/reference/engine-binary.md` describes them to clients.
 */
export const BINARY_VERSION = 1;
export const BINARY_ID_BYTES = 64;
export const BINARY_SYMBOL_BYTES = 32;

/** First byte of each message. */
export const MESSAGE = {
  logon: 1,
  new: 2,
  cancel: 3,
  query: 4,
  replace: 5,
  logonOk: 17,
  ack: 18,
  reject: 19,
  fill: 20,
  cancelled: 21,
  order: 22,
  replaced: 23,
} as const;

/** Highest first byte of what a client sends. */
export const LAST_SENT: number = MESSAGE.replace;

/** Bytes of each message by its first byte; 0 = no such message. */
export const MESSAGE_BYTES: Uint8Array = (() => {
  const bytes = new Uint8Array(256);
  bytes[MESSAGE.logon] = 72;
  bytes[MESSAGE.new] = 120;
  bytes[MESSAGE.cancel] = 136;
  bytes[MESSAGE.query] = 72;
  bytes[MESSAGE.logonOk] = 80;
  bytes[MESSAGE.ack] = 88;
  bytes[MESSAGE.reject] = 120;
  bytes[MESSAGE.fill] = 168;
  bytes[MESSAGE.cancelled] = 152;
  bytes[MESSAGE.order] = 144;
  bytes[MESSAGE.replace] = 152;
  bytes[MESSAGE.replaced] = 168;
  return bytes;
})();

/** What a client sends: offsets. The second byte of a new order is its side, the fifth 1 when it lasts until it is cancelled. */
export const SENT = {
  version: 1,
  side: 1,
  idLength: 2,
  /** Of the symbol or the target. */
  otherLength: 3,
  gtc: 4,
  clientLength: 2,
  client: 8,
  price: 8,
  qty: 16,
  newId: 24,
  symbol: 88,
  cancelId: 8,
  target: 72,
  replaceId: 24,
  replaceTarget: 88,
  queryId: 8,
} as const;

/** What a client gets: offsets. */
export const RECEIVED = {
  side: 1,
  idLength: 2,
  otherLength: 3,
  state: 4,
  sequence: 8,
  epoch: 16,
  ackId: 24,
  code: 88,
  price: 24,
  qty: 32,
  fillId: 40,
  execution: 104,
  replacedTarget: 104,
  target: 88,
  filled: 40,
  orderId: 48,
  orderSymbol: 112,
  instance: 16,
} as const;

const ALLOWED: Uint8Array = (() => {
  const allowed = new Uint8Array(256);
  for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-')
    allowed[char.charCodeAt(0)] = 1;
  return allowed;
})();

/** Whether these bytes are an id: 1 to `most` of `A–Z a–z 0–9 . _ : -`. */
export const isId = (bytes: Uint8Array, offset: number, length: number, most: number): boolean => {
  if (length < 1 || length > most) return false;
  for (let at = offset; at < offset + length; at++) if (ALLOWED[bytes[at]!] === 0) return false;
  return true;
};

export const copyBytes = (from: Uint8Array, start: number, length: number, to: Uint8Array, offset: number): void => {
  for (let at = 0; at < length; at++) to[offset + at] = from[start + at]!;
};

/** Copies by words of four bytes: up to three more than asked for are read and written. */
export const copyWords = (from: DataView, start: number, length: number, to: DataView, offset: number): void => {
  for (let at = 0; at < length; at += 4) to.setInt32(offset + at, from.getInt32(start + at, true), true);
};

/** The same for an id of at most 64 bytes; false when these bytes are none, and what was written then means nothing. */
export const copyId = (from: DataView, start: number, length: number, to: DataView, offset: number): boolean => {
  if (length < 1 || length > BINARY_ID_BYTES) return false;
  const whole = length & ~3;
  for (let at = 0; at < whole; at += 4) {
    const word = from.getInt32(start + at, true);
    to.setInt32(offset + at, word, true);
    const first = ALLOWED[word & 0xff]! & ALLOWED[(word >>> 8) & 0xff]!;
    if ((first & ALLOWED[(word >>> 16) & 0xff]! & ALLOWED[word >>> 24]!) === 0) return false;
  }
  if (whole === length) return true;
  to.setInt32(offset + whole, from.getInt32(start + whole, true), true);
  for (let at = whole; at < length; at++) if (ALLOWED[from.getUint8(start + at)] === 0) return false;
  return true;
};

/** Writes an acknowledgement of the id that lies in its field of 64 bytes at `idAt`. */
export const writeAck = (
  to: DataView,
  at: number,
  known: { readonly from: DataView; readonly idAt: number; readonly idLength: number },
  sequence: number,
  epoch: number,
): void => {
  const { from, idAt, idLength } = known;
  to.setInt32(at, MESSAGE.ack | (idLength << 16), true);
  to.setInt32(at + 4, 0, true);
  writeU64(to, at + RECEIVED.sequence, sequence);
  writeU64(to, at + RECEIVED.epoch, epoch);
  const field = at + RECEIVED.ackId;
  let word = 0;
  for (const whole = idLength & ~3; word < whole; word += 4)
    to.setInt32(field + word, from.getInt32(idAt + word, true), true);
  if (word < idLength) {
    const bits = 8 * (idLength - word);
    to.setInt32(field + word, from.getInt32(idAt + word, true) & ((1 << bits) - 1), true);
    word += 4;
  }
  if ((word & 4) !== 0) {
    to.setInt32(field + word, 0, true);
    word += 4;
  }
  for (; word < BINARY_ID_BYTES; word += 8) to.setFloat64(field + word, 0);
};

/** Begins an answer: its kind, and everything behind that zero. */
export const beginAnswer = (bytes: Buffer, view: DataView, offset: number, kind: number): void => {
  const end = offset + MESSAGE_BYTES[kind]!;
  // Whole words: for so few bytes quicker than asking the runtime.
  for (let at = offset; at < end; at += 8) view.setFloat64(at, 0);
  bytes[offset] = kind;
};

/** Writes a text into its field, as much of it as fits, and its length where that is. */
export const writeField = (
  bytes: Buffer,
  options: { readonly text: string; readonly at: number; readonly most: number; readonly lengthAt: number },
): void => {
  bytes[options.lengthAt] = bytes.write(options.text, options.at, options.most);
};

export type BinaryAnswer =
  | { readonly t: 'logon-ok'; readonly instance: string; readonly epoch: number }
  | { readonly t: 'ack'; readonly id: string; readonly seq: number; readonly epoch: number }
  | { readonly t: 'reject'; readonly id: string; readonly code: string; readonly seq: number; readonly epoch: number }
  | {
      readonly t: 'fill';
      readonly id: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
      readonly seq: number;
      readonly epoch: number;
    }
  | {
      readonly t: 'cancelled';
      readonly id: string;
      readonly target: string;
      readonly seq: number;
      readonly epoch: number;
    }
  | {
      readonly t: 'replaced';
      readonly id: string;
      readonly target: string;
      readonly price: number;
      readonly qty: number;
      readonly seq: number;
      readonly epoch: number;
    }
  | {
      readonly t: 'order';
      readonly id: string;
      readonly state: number;
      readonly side: number;
      readonly symbol: string;
      readonly price: number;
      readonly qty: number;
      readonly filled: number;
      readonly seq: number;
      readonly epoch: number;
    };

/** Reads an answer, for clients and tests; null when it is none. */
export const readAnswer = (message: Buffer): BinaryAnswer | null => {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const text = (at: number, lengthAt: number) => message.toString('utf8', at, at + message[lengthAt]!);
  const count = (at: number) => readCount(view, at);
  const seq = count(RECEIVED.sequence);
  switch (message[0]) {
    case MESSAGE.logonOk:
      return { t: 'logon-ok', instance: text(RECEIVED.instance, RECEIVED.idLength), epoch: seq };
    case MESSAGE.ack:
      return { t: 'ack', id: text(RECEIVED.ackId, RECEIVED.idLength), seq, epoch: count(RECEIVED.epoch) };
    case MESSAGE.reject: {
      const id = text(RECEIVED.ackId, RECEIVED.idLength);
      return { t: 'reject', id, code: text(RECEIVED.code, RECEIVED.otherLength), seq, epoch: count(RECEIVED.epoch) };
    }
    case MESSAGE.fill: {
      const [id, exec] = [text(RECEIVED.fillId, RECEIVED.idLength), text(RECEIVED.execution, RECEIVED.otherLength)];
      const [price, qty] = [count(RECEIVED.price), count(RECEIVED.qty)];
      return { t: 'fill', id, exec, price, qty, seq, epoch: count(RECEIVED.epoch) };
    }
    case MESSAGE.cancelled: {
      const [id, target] = [text(RECEIVED.ackId, RECEIVED.idLength), text(RECEIVED.target, RECEIVED.otherLength)];
      return { t: 'cancelled', id, target, seq, epoch: count(RECEIVED.epoch) };
    }
    case MESSAGE.replaced: {
      const [id, target] = [
        text(RECEIVED.fillId, RECEIVED.idLength),
        text(RECEIVED.replacedTarget, RECEIVED.otherLength),
      ];
      const [price, qty] = [count(RECEIVED.price), count(RECEIVED.qty)];
      return { t: 'replaced', id, target, price, qty, seq, epoch: count(RECEIVED.epoch) };
    }
    case MESSAGE.order:
      return {
        t: 'order',
        id: text(RECEIVED.orderId, RECEIVED.idLength),
        state: message[RECEIVED.state]!,
        side: message[RECEIVED.side]!,
        symbol: text(RECEIVED.orderSymbol, RECEIVED.otherLength),
        price: count(RECEIVED.price),
        qty: count(RECEIVED.qty),
        filled: count(RECEIVED.filled),
        seq,
        epoch: count(RECEIVED.epoch),
      };
    default:
      return null;
  }
};

type Sent =
  | { readonly t: 'logon'; readonly client: string }
  | {
      readonly t: 'new';
      readonly id: string;
      readonly symbol: string;
      readonly side: 'B' | 'S';
      readonly price: number;
      readonly qty: number;
      readonly tif?: 'gtc';
    }
  | {
      readonly t: 'replace';
      readonly id: string;
      readonly target: string;
      readonly price: number;
      readonly qty: number;
    }
  | { readonly t: 'cancel'; readonly id: string; readonly target: string }
  | { readonly t: 'query'; readonly id: string };

/** A message of a client as bytes, for clients and tests. */
export const encodeSent = (message: Sent): Buffer => {
  const kind = MESSAGE[message.t];
  const bytes = Buffer.alloc(MESSAGE_BYTES[kind]!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes[0] = kind;
  const most = BINARY_ID_BYTES;
  switch (message.t) {
    case 'logon':
      bytes[SENT.version] = BINARY_VERSION;
      writeField(bytes, { text: message.client, at: SENT.client, most, lengthAt: SENT.clientLength });
      return bytes;
    case 'new':
      bytes[SENT.side] = message.side === 'B' ? 1 : 2;
      bytes[SENT.gtc] = message.tif === 'gtc' ? 1 : 0;
      writeU64(view, SENT.price, message.price);
      writeU64(view, SENT.qty, message.qty);
      writeField(bytes, { text: message.id, at: SENT.newId, most, lengthAt: SENT.idLength });
      writeField(bytes, {
        text: message.symbol,
        at: SENT.symbol,
        most: BINARY_SYMBOL_BYTES,
        lengthAt: SENT.otherLength,
      });
      return bytes;
    case 'replace':
      writeU64(view, SENT.price, message.price);
      writeU64(view, SENT.qty, message.qty);
      writeField(bytes, { text: message.id, at: SENT.replaceId, most, lengthAt: SENT.idLength });
      writeField(bytes, { text: message.target, at: SENT.replaceTarget, most, lengthAt: SENT.otherLength });
      return bytes;
    case 'cancel':
      writeField(bytes, { text: message.id, at: SENT.cancelId, most, lengthAt: SENT.idLength });
      writeField(bytes, { text: message.target, at: SENT.target, most, lengthAt: SENT.otherLength });
      return bytes;
    case 'query':
      writeField(bytes, { text: message.id, at: SENT.queryId, most, lengthAt: SENT.idLength });
      return bytes;
  }
};
