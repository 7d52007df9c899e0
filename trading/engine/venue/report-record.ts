import type { IdView } from '../../base/id-view.ts';
import { writeU64 } from '../../base/u64.ts';
import type { WireReport } from '../../venue-protocol/answers.ts';
import { copyBytes } from '../binary-protocol.ts';
import { closeRecord, hasPrice, RECORD, RECORD_KIND, textsAt } from '../entry.ts';

/** The journal record of a report of an exchange, written without an object or text of its own; returns its length. */
export const writeReport = (
  bytes: Buffer,
  view: DataView,
  offset: number,
  venue: { readonly number: number; readonly firm: string },
  report: WireReport,
): number => {
  const kind = RECORD_KIND[report.kind];
  bytes.fill(0, offset, offset + RECORD.textsAfterPrice);
  bytes[offset + RECORD.kind] = kind;
  bytes[offset + RECORD.venue] = venue.number;
  writeU64(view, offset + RECORD.number, report.n);
  if (hasPrice(kind)) {
    writeU64(view, offset + RECORD.price, report.price);
    writeU64(view, offset + RECORD.qty, report.quantity);
  }
  let at = writeId(bytes, offset + RECORD.firstLength, offset + textsAt(kind), report.id);
  switch (report.kind) {
    case 'accepted':
      break;
    case 'rejected':
      at = writeWord(bytes, offset + RECORD.secondLength, at, report.reason);
      break;
    case 'fill':
      at = writeWord(bytes, offset + RECORD.secondLength, at, `${venue.firm}-${report.n}`);
      break;
    case 'cancelled':
    case 'replaced':
      at = writeId(bytes, offset + RECORD.secondLength, at, report.target);
      break;
    case 'cancel-rejected':
    case 'replace-rejected':
      at = writeId(bytes, offset + RECORD.secondLength, at, report.target);
      at = writeWord(bytes, offset + RECORD.thirdLength, at, report.reason);
  }
  return closeRecord(bytes, view, offset, at);
};

const writeId = (bytes: Buffer, lengthAt: number, at: number, id: IdView): number => {
  bytes[lengthAt] = id.length;
  copyBytes(id.bytes, id.at, id.length, bytes, at);
  return at + id.length;
};

const writeWord = (bytes: Buffer, lengthAt: number, at: number, word: string): number => {
  const length = bytes.write(word, at, 'latin1');
  bytes[lengthAt] = length;
  return at + length;
};
