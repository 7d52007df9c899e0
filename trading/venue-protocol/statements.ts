import type { IdView } from '../base/id-view.ts';
import { writeU64 } from '../base/u64.ts';
import { offsetsOf, POSITION, POSITIONS_END, SESSIONS, SYMBOL_BYTES } from './layout.ts';
import type { WireBuffer } from './wire-buffer.ts';
import { writeText } from './wire-fields.ts';

/** What the exchange states about a firm as a whole. */
export interface WireSessions {
  readonly others: number;
  readonly ending: number;
  readonly epoch: number;
}

const SESSIONS_AT = offsetsOf(SESSIONS);
export const encodeSessions = (into: WireBuffer, sessions: WireSessions): void => {
  const at = into.begin(SESSIONS);
  into.view.setUint32(at + SESSIONS_AT.others, sessions.others, true);
  into.view.setUint32(at + SESSIONS_AT.ending, sessions.ending, true);
  writeU64(into.view, at + SESSIONS_AT.epoch, sessions.epoch);
};

const POSITION_AT = offsetsOf(POSITION);
export const encodePosition = (into: WireBuffer, symbol: IdView, bought: number, sold: number): void => {
  const at = into.begin(POSITION);
  writeText(into.bytes, at + POSITION_AT.symbol, SYMBOL_BYTES, symbol);
  writeU64(into.view, at + POSITION_AT.bought, bought);
  writeU64(into.view, at + POSITION_AT.sold, sold);
};

const END_AT = offsetsOf(POSITIONS_END);
export const encodePositionsEnd = (into: WireBuffer, last: number, count: number): void => {
  const at = into.begin(POSITIONS_END);
  writeU64(into.view, at + END_AT.last, last);
  into.view.setUint32(at + END_AT.count, count, true);
};
