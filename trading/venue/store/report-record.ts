import { LONGEST_ID } from '../../base/id-view.ts';
import { REPORT_KINDS, type Report } from '../core/report.ts';
import { REASONS } from '../core/terms.ts';

/** Bytes of one report in a firm's ledger. */
export const REPORT_RECORD_BYTES = 216;
const SYMBOL_AT = 68;
const SYMBOL_BYTES = 16;
const ID_AT = 88;
const TARGET_AT = ID_AT + LONGEST_ID;

/** Writes a report as a record of fixed size. The symbol goes by its name, because numbers differ from run to run. */
export const writeReportRecord = (
  report: Report,
  symbol: { readonly bytes: Uint8Array; readonly at: number; readonly length: number },
  into: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number },
): void => {
  const { bytes, view, at } = into;
  bytes.fill(0, at, at + REPORT_RECORD_BYTES);
  view.setFloat64(at, report.n, true);
  view.setFloat64(at + 8, report.atMs, true);
  view.setFloat64(at + 16, report.price, true);
  view.setFloat64(at + 24, report.quantity, true);
  view.setFloat64(at + 32, report.open, true);
  view.setFloat64(at + 40, report.trade, true);
  view.setFloat64(at + 48, report.epoch, true);
  bytes[at + 56] = REPORT_KINDS.indexOf(report.kind);
  bytes[at + 57] = report.side;
  bytes[at + 58] = report.type;
  bytes[at + 59] = report.timeInForce;
  bytes[at + 60] = report.maker ? 1 : 0;
  bytes[at + 61] = REASONS.indexOf(report.reason);
  bytes[at + 62] = report.id.length;
  bytes[at + 63] = report.target.length;
  bytes[at + 64] = symbol.length;
  copy(symbol, bytes, at + SYMBOL_AT);
  copy(report.id, bytes, at + ID_AT);
  copy(report.target, bytes, at + TARGET_AT);
};

/**
 * Reads a record into a report; ids point into the record's bytes. Firm, session and symbol are not in it as numbers: `symbol` is
 * given the place of the symbol's name.
 */
export const readReportRecord = (
  from: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number },
  report: Report,
  symbol: { bytes: Uint8Array; at: number; length: number },
): void => {
  const { bytes, view, at } = from;
  report.n = view.getFloat64(at, true);
  report.atMs = view.getFloat64(at + 8, true);
  report.price = view.getFloat64(at + 16, true);
  report.quantity = view.getFloat64(at + 24, true);
  report.open = view.getFloat64(at + 32, true);
  report.trade = view.getFloat64(at + 40, true);
  report.epoch = view.getFloat64(at + 48, true);
  report.kind = REPORT_KINDS[bytes[at + 56]!] ?? 'rejected';
  report.side = bytes[at + 57] as Report['side'];
  report.type = bytes[at + 58] as Report['type'];
  report.timeInForce = bytes[at + 59] as Report['timeInForce'];
  report.maker = bytes[at + 60] === 1;
  report.reason = REASONS[bytes[at + 61]!] ?? '';
  point(report.id, bytes, at + ID_AT, bytes[at + 62]!);
  point(report.target, bytes, at + TARGET_AT, bytes[at + 63]!);
  point(symbol, bytes, at + SYMBOL_AT, Math.min(SYMBOL_BYTES, bytes[at + 64]!));
};

const copy = (
  from: { readonly bytes: Uint8Array; readonly at: number; readonly length: number },
  bytes: Uint8Array,
  at: number,
): void => {
  for (let index = 0; index < from.length; index++) bytes[at + index] = from.bytes[from.at + index]!;
};

const point = (
  view: { bytes: Uint8Array; at: number; length: number },
  bytes: Uint8Array,
  at: number,
  length: number,
): void => {
  view.bytes = bytes;
  view.at = at;
  view.length = length;
};
