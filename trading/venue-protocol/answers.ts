import { emptyIdView, type IdView } from '../base/id-view.ts';
import { writeU64 } from '../base/u64.ts';
import {
  CUT,
  DRY_RESULT,
  DUPLICATE,
  FENCE_DONE,
  ID_BYTES,
  LOGON_ACCEPTED,
  MASS_CANCEL_DONE,
  offsetsOf,
  REJECT,
  REJECT_CODES,
  REPLAY_END,
  REPORT,
  type RejectCode,
  STATUS,
  STATUS_END,
  SYMBOL_BYTES,
  WIRE_REASONS,
  WIRE_REPORT_KINDS,
} from './layout.ts';
import type { WireBuffer } from './wire-buffer.ts';
import { readText, readU64, writeText } from './wire-fields.ts';

/** A report as it is on the wire. */
export interface WireReport {
  kind: (typeof WIRE_REPORT_KINDS)[number];
  n: number;
  atMs: number;
  readonly id: IdView;
  readonly target: IdView;
  side: number;
  type: number;
  timeInForce: number;
  price: number;
  quantity: number;
  open: number;
  trade: number;
  maker: boolean;
  reason: (typeof WIRE_REASONS)[number];
  epoch: number;
}

/** What a member reads a report into; used again for the next one. */
export class ReportMessage implements WireReport {
  kind: WireReport['kind'] = 'accepted';
  n = 0;
  atMs = 0;
  readonly id: IdView = emptyIdView();
  readonly target: IdView = emptyIdView();
  readonly symbol: IdView = emptyIdView();
  side = 0;
  type = 0;
  timeInForce = 0;
  price = 0;
  quantity = 0;
  open = 0;
  trade = 0;
  maker = false;
  reason: WireReport['reason'] = '';
  epoch = 0;
  /** An id was longer than there is room for. */
  cut = false;
}

const REPORT_AT = offsetsOf(REPORT);
const ACCEPTED_AT = offsetsOf(LOGON_ACCEPTED);
const REJECT_AT = offsetsOf(REJECT);
const STATUS_AT = offsetsOf(STATUS);

export const encodeReport = (into: WireBuffer, report: WireReport, symbol: IdView): void => {
  const at = into.begin(REPORT);
  const { bytes, view } = into;
  writeU64(view, at + REPORT_AT.n, report.n);
  writeU64(view, at + REPORT_AT.atMs, report.atMs);
  const wholeId = writeText(bytes, at + REPORT_AT.id, ID_BYTES, report.id);
  const wholeTarget = writeText(bytes, at + REPORT_AT.target, ID_BYTES, report.target);
  writeText(bytes, at + REPORT_AT.symbol, SYMBOL_BYTES, symbol);
  writeU64(view, at + REPORT_AT.price, report.price);
  writeU64(view, at + REPORT_AT.quantity, report.quantity);
  writeU64(view, at + REPORT_AT.open, report.open);
  writeU64(view, at + REPORT_AT.trade, report.trade);
  writeU64(view, at + REPORT_AT.epoch, report.epoch);
  bytes[at + REPORT_AT.kind] = WIRE_REPORT_KINDS.indexOf(report.kind);
  bytes[at + REPORT_AT.side] = report.side;
  bytes[at + REPORT_AT.type] = report.type;
  bytes[at + REPORT_AT.timeInForce] = report.timeInForce;
  bytes[at + REPORT_AT.maker] = report.maker ? 1 : 0;
  bytes[at + REPORT_AT.reason] = WIRE_REASONS.indexOf(report.reason);
  bytes[at + REPORT_AT.cut] = (wholeId ? 0 : 1) + (wholeTarget ? 0 : 2);
};

/** False when it is not a report that an exchange of this version sends. */
export const decodeReport = (bytes: Uint8Array, view: DataView, at: number, into: ReportMessage): boolean => {
  const kind = WIRE_REPORT_KINDS[bytes[at + REPORT_AT.kind]!];
  const reason = WIRE_REASONS[bytes[at + REPORT_AT.reason]!];
  if (kind === undefined || reason === undefined) return false;
  into.kind = kind;
  into.reason = reason;
  into.n = readU64(view, at + REPORT_AT.n);
  into.atMs = readU64(view, at + REPORT_AT.atMs);
  into.price = readU64(view, at + REPORT_AT.price);
  into.quantity = readU64(view, at + REPORT_AT.quantity);
  into.open = readU64(view, at + REPORT_AT.open);
  into.trade = readU64(view, at + REPORT_AT.trade);
  into.epoch = readU64(view, at + REPORT_AT.epoch);
  into.side = bytes[at + REPORT_AT.side]!;
  into.type = bytes[at + REPORT_AT.type]!;
  into.timeInForce = bytes[at + REPORT_AT.timeInForce]!;
  into.maker = bytes[at + REPORT_AT.maker] === 1;
  into.cut = bytes[at + REPORT_AT.cut] !== 0;
  return (
    readText(bytes, at + REPORT_AT.id, ID_BYTES, into.id) &&
    readText(bytes, at + REPORT_AT.target, ID_BYTES, into.target) &&
    readText(bytes, at + REPORT_AT.symbol, SYMBOL_BYTES, into.symbol)
  );
};

export const encodeLogonAccepted = (
  into: WireBuffer,
  accepted: { readonly epoch: number; readonly last: number; readonly next: number; readonly heartbeatMs: number },
): void => {
  const at = into.begin(LOGON_ACCEPTED);
  writeU64(into.view, at + ACCEPTED_AT.epoch, accepted.epoch);
  writeU64(into.view, at + ACCEPTED_AT.last, accepted.last);
  writeU64(into.view, at + ACCEPTED_AT.next, accepted.next);
  into.view.setUint32(at + ACCEPTED_AT.heartbeatMs, accepted.heartbeatMs, true);
};

export const encodeReject = (
  into: WireBuffer,
  reject: { readonly code: RejectCode; readonly of: number; readonly id: IdView; readonly epoch: number },
): void => {
  const at = into.begin(REJECT);
  writeU64(into.view, at + REJECT_AT.epoch, reject.epoch);
  writeText(into.bytes, at + REJECT_AT.id, ID_BYTES, reject.id);
  into.bytes[at + REJECT_AT.code] = REJECT_CODES.indexOf(reject.code);
  into.bytes[at + REJECT_AT.of] = reject.of;
};

const DUPLICATE_AT = offsetsOf(DUPLICATE);
export const encodeDuplicate = (into: WireBuffer, id: IdView, of: number): void => {
  const at = into.begin(DUPLICATE);
  writeText(into.bytes, at + DUPLICATE_AT.id, ID_BYTES, id);
  into.bytes[at + DUPLICATE_AT.of] = of;
};

const DRY_AT = offsetsOf(DRY_RESULT);
export const encodeDryResult = (into: WireBuffer, id: IdView, reason: WireReport['reason']): void => {
  const at = into.begin(DRY_RESULT);
  writeText(into.bytes, at + DRY_AT.id, ID_BYTES, id);
  into.bytes[at + DRY_AT.reason] = WIRE_REASONS.indexOf(reason);
};

const MASS_AT = offsetsOf(MASS_CANCEL_DONE);
export const encodeMassCancelDone = (into: WireBuffer, id: IdView, count: number): void => {
  const at = into.begin(MASS_CANCEL_DONE);
  writeText(into.bytes, at + MASS_AT.id, ID_BYTES, id);
  into.view.setUint32(at + MASS_AT.count, count, true);
};

export interface WireStatus {
  readonly id: IdView;
  readonly symbol: IdView;
  readonly price: number;
  readonly quantity: number;
  readonly open: number;
  readonly epoch: number;
  /** 255 = unknown. */
  readonly state: number;
  readonly side: number;
  readonly type: number;
  readonly timeInForce: number;
}

export const UNKNOWN_STATE = 255;

export const encodeStatus = (into: WireBuffer, status: WireStatus): void => {
  const at = into.begin(STATUS);
  const { bytes, view } = into;
  writeText(bytes, at + STATUS_AT.id, ID_BYTES, status.id);
  writeText(bytes, at + STATUS_AT.symbol, SYMBOL_BYTES, status.symbol);
  writeU64(view, at + STATUS_AT.price, status.price);
  writeU64(view, at + STATUS_AT.quantity, status.quantity);
  writeU64(view, at + STATUS_AT.open, status.open);
  writeU64(view, at + STATUS_AT.epoch, status.epoch);
  bytes[at + STATUS_AT.state] = status.state;
  bytes[at + STATUS_AT.side] = status.side;
  bytes[at + STATUS_AT.type] = status.type;
  bytes[at + STATUS_AT.timeInForce] = status.timeInForce;
};

const END_AT = offsetsOf(STATUS_END);
export const encodeStatusEnd = (into: WireBuffer, count: number): void => {
  const at = into.begin(STATUS_END);
  into.view.setUint32(at + END_AT.count, count, true);
};

const CUT_AT = offsetsOf(CUT);
export const encodeCut = (into: WireBuffer, code: RejectCode, epoch: number): void => {
  const at = into.begin(CUT);
  writeU64(into.view, at + CUT_AT.epoch, epoch);
  into.bytes[at + CUT_AT.code] = REJECT_CODES.indexOf(code);
};

const FENCE_AT = offsetsOf(FENCE_DONE);
export const encodeFenceDone = (into: WireBuffer, epoch: number): void => {
  const at = into.begin(FENCE_DONE);
  writeU64(into.view, at + FENCE_AT.epoch, epoch);
};

const REPLAY_AT = offsetsOf(REPLAY_END);
export const encodeReplayEnd = (into: WireBuffer, last: number): void => {
  const at = into.begin(REPLAY_END);
  writeU64(into.view, at + REPLAY_AT.last, last);
};
