import type { IdView } from '../base/id-view.ts';
import { writeU64 } from '../base/u64.ts';
import { SYMBOL_BYTES } from './layout.ts';
import { readText, readU64, writeText } from './wire-fields.ts';

/**
 * A datagram of market data: header, then messages of one fixed size. Header: magic (u32), version (u8), feed (u8, `A` or `B`), count of
 * messages (u16), run (u64: another number after each start of the exchange), sequence of the first message (u64). Without messages it
 * is a heartbeat, and the sequence is that of the next message to come.
 */
export const PACKET_HEADER_BYTES = 24;
export const FEED_MESSAGE_BYTES = 56;
/** A packet stays below the size that an Ethernet frame carries. */
export const MOST_MESSAGES = 24;
export const LONGEST_PACKET = PACKET_HEADER_BYTES + MOST_MESSAGES * FEED_MESSAGE_BYTES;
const MAGIC = 0x444d_4648;
const FEED_VERSION = 1;

/** What a subscriber sends to a feed's port to get it, and again before `JOIN_LASTS_MS` have passed. */
export const JOIN = Buffer.from('HFJOIN1\0', 'latin1');
export const JOIN_LASTS_MS = 10_000;

/** The place is the number. `level`: what rests at a price now (0 = nothing). */
export const FEED_KINDS = ['level', 'trade', 'phase'] as const;
export type FeedKind = (typeof FEED_KINDS)[number];
/** The place is the number. */
export const FEED_PHASES = [
  'closed',
  'pre-open',
  'opening-auction',
  'continuous',
  'closing-auction',
  'halted',
] as const;

/** One message, filled in again for the next. */
export class FeedMessage {
  kind: FeedKind = 'level';
  /** 0 buy, 1 sell; of a trade: who took; 255 = an auction. */
  side = 0;
  phase: (typeof FEED_PHASES)[number] = 'closed';
  /** That rest at the level. */
  orders = 0;
  readonly symbol: IdView = { bytes: new Uint8Array(0), at: 0, length: 0 };
  price = 0;
  /** Lots at the level, or of the trade. */
  volume = 0;
  trade = 0;
  atMs = 0;
}

export const writeFeedMessage = (bytes: Uint8Array, view: DataView, at: number, message: FeedMessage): void => {
  bytes[at] = FEED_KINDS.indexOf(message.kind);
  bytes[at + 1] = message.side;
  bytes[at + 2] = FEED_PHASES.indexOf(message.phase);
  bytes[at + 3] = 0;
  view.setUint32(at + 4, message.orders, true);
  writeText(bytes, at + 8, SYMBOL_BYTES, message.symbol);
  writeU64(view, at + 24, message.price);
  writeU64(view, at + 32, message.volume);
  writeU64(view, at + 40, message.trade);
  writeU64(view, at + 48, message.atMs);
};

/** False when it is no message of this version. */
export const readFeedMessage = (bytes: Uint8Array, view: DataView, at: number, into: FeedMessage): boolean => {
  const kind = FEED_KINDS[bytes[at]!];
  const phase = FEED_PHASES[bytes[at + 2]!];
  if (kind === undefined || phase === undefined) return false;
  into.kind = kind;
  into.phase = phase;
  into.side = bytes[at + 1]!;
  into.orders = view.getUint32(at + 4, true);
  into.price = readU64(view, at + 24);
  into.volume = readU64(view, at + 32);
  into.trade = readU64(view, at + 40);
  into.atMs = readU64(view, at + 48);
  return readText(bytes, at + 8, SYMBOL_BYTES, into.symbol);
};

export interface PacketHeader {
  readonly feed: 'A' | 'B';
  readonly count: number;
  readonly run: number;
  readonly first: number;
}

export const writePacketHeader = (bytes: Uint8Array, view: DataView, header: PacketHeader): void => {
  view.setUint32(0, MAGIC, true);
  bytes[4] = FEED_VERSION;
  bytes[5] = header.feed.charCodeAt(0);
  view.setUint16(6, header.count, true);
  writeU64(view, 8, header.run);
  writeU64(view, 16, header.first);
};

/** Null when it is no packet of this version, or not as long as it says. */
export const readPacketHeader = (bytes: Uint8Array, view: DataView): PacketHeader | null => {
  if (bytes.length < PACKET_HEADER_BYTES || view.getUint32(0, true) !== MAGIC || bytes[4] !== FEED_VERSION) return null;
  const feed = String.fromCharCode(bytes[5]!);
  const count = view.getUint16(6, true);
  if (feed !== 'A' && feed !== 'B') return null;
  if (bytes.length !== PACKET_HEADER_BYTES + count * FEED_MESSAGE_BYTES) return null;
  return { feed, count, run: readU64(view, 8), first: readU64(view, 16) };
};
