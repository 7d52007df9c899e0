import { writeU64 } from '../base/u64.ts';
import { MAX_KEY_BYTES } from './bytes-table.ts';

/**
 * What the engine journals: state is a fold over these and nothing else. `Entry` is an entry for people and tools; in the
 * journal and on the order path it is a record of bytes (`docs/reference/journal-format.md`). Its sequence and epoch are those
 * of its place in the journal; `n` is the venue's report number.
 */
export type Side = 'B' | 'S';
/** How long an order lasts: for the day, or until it is cancelled. */
export type TimeInForce = 'day' | 'gtc';

/** `venue` is the number of an exchange in this journal (see the kind `venue`); left out = 0. */
export type Entry =
  | { readonly kind: 'epoch'; readonly instance: string }
  | {
      readonly kind: 'order';
      readonly id: string;
      readonly client: string;
      readonly symbol: string;
      readonly side: Side;
      readonly price: number;
      readonly qty: number;
      /** Left out = day. */
      readonly tif?: 'gtc';
      /** Where its symbol is traded. */
      readonly venue?: number;
      /** Sequencer's wall clock, for people. */
      readonly at: number;
    }
  | {
      readonly kind: 'cancel';
      readonly id: string;
      readonly client: string;
      readonly target: string;
      readonly at: number;
    }
  /** Price and total quantity that an order shall have; `id` is the request's. */
  | {
      readonly kind: 'replace';
      readonly id: string;
      readonly client: string;
      readonly target: string;
      readonly price: number;
      readonly qty: number;
      readonly at: number;
    }
  | (Reported & { readonly kind: 'accepted'; readonly id: string })
  | (Reported & { readonly kind: 'rejected'; readonly id: string; readonly code: string })
  | (Reported & {
      readonly kind: 'fill';
      readonly id: string;
      readonly exec: string;
      readonly price: number;
      readonly qty: number;
    })
  /** `id` is the cancel's; empty when the venue did it unasked. */
  | (Reported & { readonly kind: 'cancelled'; readonly id: string; readonly target: string })
  | (Reported & {
      readonly kind: 'cancel-rejected';
      readonly id: string;
      readonly target: string;
      readonly code: string;
    })
  /** The order has the price and the total quantity of this request. */
  | (Reported & {
      readonly kind: 'replaced';
      readonly id: string;
      readonly target: string;
      readonly price: number;
      readonly qty: number;
    })
  | (Reported & {
      readonly kind: 'replace-rejected';
      readonly id: string;
      readonly target: string;
      readonly code: string;
    })
  /** The engine itself takes back an order that nobody was told of. */
  | { readonly kind: 'withdrawn'; readonly id: string; readonly code: string }
  /** The session at the venue would not take an order or request: it never came to be there, and no report tells of it. */
  | { readonly kind: 'refused'; readonly id: string; readonly of: 'order' | 'request'; readonly code: string }
  /** From here on this number means this exchange. Numbers are given in order, from 0. */
  | { readonly kind: 'venue'; readonly name: string; readonly venue: number }
  /** A dry-run order: proves the path, changes nothing. */
  | { readonly kind: 'test'; readonly id: string };

/** What a report of an exchange has: its number there, and which exchange it is. */
interface Reported {
  readonly n: number;
  readonly venue?: number;
}

/** Entries that carry something from the venue. */
export type VenueEntry = Extract<Entry, { n: number }>;

/** The number of each kind in a record. Never given to another kind. */
export const RECORD_KIND = {
  epoch: 1,
  order: 2,
  cancel: 3,
  accepted: 4,
  rejected: 5,
  fill: 6,
  cancelled: 7,
  'cancel-rejected': 8,
  withdrawn: 9,
  test: 10,
  replace: 11,
  replaced: 12,
  'replace-rejected': 13,
  refused: 14,
  venue: 15,
} as const satisfies Record<Entry['kind'], number>;

/** Offsets within a record. Texts follow the numbers, one directly after the other. */
export const RECORD = {
  bytes: 0,
  kind: 2,
  side: 3,
  firstLength: 4,
  secondLength: 5,
  thirdLength: 6,
  /** Number of the exchange, in orders and in what exchanges report. */
  venue: 7,
  /** Wall clock of orders and cancels, number of a venue report. */
  number: 8,
  /** Only in orders, fills, replaces and what was replaced. */
  price: 16,
  qty: 24,
  texts: 16,
  textsAfterPrice: 32,
} as const;

/** Beside the side of an order that lasts until it is cancelled. */
export const GTC_BIT = 16;

export const SIDE_NUMBER = { B: 1, S: 2 } as const satisfies Record<Side, number>;

const HIGH = 0x1_0000_0000;

export const readCount = (view: DataView, offset: number): number =>
  view.getUint32(offset, true) + view.getUint32(offset + 4, true) * HIGH;

export const hasPrice = (kind: number): boolean =>
  kind === RECORD_KIND.order ||
  kind === RECORD_KIND.fill ||
  kind === RECORD_KIND.replace ||
  kind === RECORD_KIND.replaced;

export const textsAt = (kind: number): number => (hasPrice(kind) ? RECORD.textsAfterPrice : RECORD.texts);

/** Finishes a record whose kind, numbers and texts are written: pads it, and writes and returns its length. */
export const closeRecord = (bytes: Uint8Array, view: DataView, offset: number, textEnd: number): number => {
  const length = (textEnd - offset + 7) & ~7;
  for (let at = textEnd; at < offset + length; at++) bytes[at] = 0;
  view.setUint16(offset + RECORD.bytes, length, true);
  return length;
};

/** Writes an entry at an offset with room for it; returns the record's length. Texts are at most 255 bytes long. */
export const writeEntry = (bytes: Buffer, view: DataView, offset: number, entry: Entry): number => {
  const kind = RECORD_KIND[entry.kind];
  bytes.fill(0, offset, offset + RECORD.textsAfterPrice);
  bytes[offset + RECORD.kind] = kind;
  let second = '';
  let third = '';
  if ('n' in entry) writeU64(view, offset + RECORD.number, entry.n);
  if ('at' in entry) writeU64(view, offset + RECORD.number, entry.at);
  if ('venue' in entry) bytes[offset + RECORD.venue] = entry.venue ?? 0;
  if ('price' in entry) {
    writeU64(view, offset + RECORD.price, entry.price);
    writeU64(view, offset + RECORD.qty, entry.qty);
  }
  switch (entry.kind) {
    case 'order':
      bytes[offset + RECORD.side] = SIDE_NUMBER[entry.side] | (entry.tif === 'gtc' ? GTC_BIT : 0);
      second = entry.client;
      third = entry.symbol;
      break;
    case 'cancel':
    case 'replace':
      second = entry.client;
      third = entry.target;
      break;
    case 'fill':
      second = entry.exec;
      break;
    case 'refused':
      bytes[offset + RECORD.side] = entry.of === 'order' ? 0 : 1;
      second = entry.code;
      break;
    case 'rejected':
    case 'withdrawn':
      second = entry.code;
      break;
    case 'cancelled':
    case 'replaced':
      second = entry.target;
      break;
    case 'cancel-rejected':
    case 'replace-rejected':
      second = entry.target;
      third = entry.code;
      break;
    case 'accepted':
    case 'epoch':
    case 'venue':
    case 'test':
      break;
  }
  let at = offset + textsAt(kind);
  const first = entry.kind === 'epoch' ? entry.instance : entry.kind === 'venue' ? entry.name : entry.id;
  at = writeText(bytes, offset + RECORD.firstLength, at, first);
  at = writeText(bytes, offset + RECORD.secondLength, at, second);
  at = writeText(bytes, offset + RECORD.thirdLength, at, third);
  return closeRecord(bytes, view, offset, at);
};

const writeText = (bytes: Buffer, lengthAt: number, at: number, text: string): number => {
  if (text === '') return at;
  // What does not fit is never written: a long text is a bug of whoever let it in.
  const length = Buffer.byteLength(text);
  if (length > MAX_KEY_BYTES) throw new Error(`a text of ${length} bytes in a journal entry`);
  bytes.write(text, at);
  bytes[lengthAt] = length;
  return at + length;
};

/** An entry as a record of its own. */
export const encodeEntry = (entry: Entry): Buffer => {
  const bytes = Buffer.alloc(1024);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.subarray(0, writeEntry(bytes, view, 0, entry));
};

/** Reads a record. The block's checksum has vouched for it, so a strange one is a bug and throws. */
export const decodeEntry = (record: Buffer): Entry => {
  const kind = record[RECORD.kind]!;
  const texts = textsAt(kind);
  const [first, second, third] = [
    record[RECORD.firstLength]!,
    record[RECORD.secondLength]!,
    record[RECORD.thirdLength]!,
  ];
  const text = (from: number, length: number) => record.toString('utf8', texts + from, texts + from + length);
  const count = (offset: number) => record.readUInt32LE(offset) + record.readUInt32LE(offset + 4) * HIGH;
  const id = text(0, first);
  const n = count(RECORD.number);
  const number = record[RECORD.venue]!;
  const venue = number === 0 ? {} : { venue: number };
  const price = hasPrice(kind) ? count(RECORD.price) : 0;
  const qty = hasPrice(kind) ? count(RECORD.qty) : 0;
  switch (kind) {
    case RECORD_KIND.epoch:
      return { kind: 'epoch', instance: id };
    case RECORD_KIND.order: {
      const sideByte = record[RECORD.side]!;
      const side = (sideByte & ~GTC_BIT) === SIDE_NUMBER.B ? 'B' : 'S';
      const tif = (sideByte & GTC_BIT) === 0 ? {} : { tif: 'gtc' as const };
      const symbol = text(first + second, third);
      return { kind: 'order', id, client: text(first, second), symbol, side, price, qty, ...tif, ...venue, at: n };
    }
    case RECORD_KIND.cancel:
      return { kind: 'cancel', id, client: text(first, second), target: text(first + second, third), at: n };
    case RECORD_KIND.replace: {
      const target = text(first + second, third);
      return { kind: 'replace', id, client: text(first, second), target, price, qty, at: n };
    }
    case RECORD_KIND.accepted:
      return { kind: 'accepted', n, ...venue, id };
    case RECORD_KIND.rejected:
      return { kind: 'rejected', n, ...venue, id, code: text(first, second) };
    case RECORD_KIND.fill:
      return { kind: 'fill', n, ...venue, id, exec: text(first, second), price, qty };
    case RECORD_KIND.cancelled:
      return { kind: 'cancelled', n, ...venue, id, target: text(first, second) };
    case RECORD_KIND.replaced:
      return { kind: 'replaced', n, ...venue, id, target: text(first, second), price, qty };
    case RECORD_KIND['cancel-rejected']:
    case RECORD_KIND['replace-rejected']: {
      const of = kind === RECORD_KIND['cancel-rejected'] ? 'cancel-rejected' : 'replace-rejected';
      return { kind: of, n, ...venue, id, target: text(first, second), code: text(first + second, third) };
    }
    case RECORD_KIND.withdrawn:
      return { kind: 'withdrawn', id, code: text(first, second) };
    case RECORD_KIND.refused:
      return { kind: 'refused', id, of: record[RECORD.side] === 0 ? 'order' : 'request', code: text(first, second) };
    case RECORD_KIND.venue:
      return { kind: 'venue', name: id, venue: number };
    case RECORD_KIND.test:
      return { kind: 'test', id };
    default:
      throw new Error(`a journal entry of unknown kind ${kind}: written by a newer version?`);
  }
};
