import { type Entry, writeEntry } from '../trading/engine/entry.ts';
import type { Journal } from '../trading/journal/journal.ts';
import { MAX_RECORD_BYTES, RecordBatch } from '../trading/journal/record-batch.ts';

/** Records that each order amounts to: itself, its acceptance, its fills, and what becomes of the rest. */
export const RECORDS_PER_ORDER = 10;
const FILLS = 6;
/** So many orders live at the same time; what happens to them is interleaved. */
const INTERLEAVED = 512;

/** The entries of a day at the exchange, always the same: orders in waves, with fills and cancels among one another. */
export function* workload(orders: number): Generator<Entry> {
  let n = 0;
  for (let first = 0; first < orders; first += INTERLEAVED) {
    const wave = Math.min(INTERLEAVED, orders - first);
    const id = (at: number) => `20261121-${String(first + at).padStart(9, '0')}`;
    for (let at = 0; at < wave; at++) {
      const number = first + at;
      yield {
        kind: 'order',
        id: id(at),
        client: `client-${number % 40}`,
        symbol: `SYM${number % 200}`,
        side: number % 2 === 0 ? 'B' : 'S',
        price: 10_000 + (number % 997),
        qty: 100,
        at: 1_795_000_000_000 + number,
      };
      yield { kind: 'accepted', n: ++n, id: id(at) };
    }
    for (let fill = 0; fill < FILLS; fill++)
      for (let at = 0; at < wave; at++)
        yield { kind: 'fill', n: ++n, id: id(at), exec: `x${n}`, price: 10_000, qty: 10 };
    for (let at = 0; at < wave; at++) {
      yield { kind: 'cancel', id: `c-${id(at)}`, client: `client-${(first + at) % 40}`, target: id(at), at: n };
      yield { kind: 'cancelled', n: ++n, id: `c-${id(at)}`, target: id(at) };
    }
  }
}

/** The same as records, one directly after the other, in pieces. */
export const encodedWorkload = (orders: number): Buffer[] => {
  const pieceBytes = 4 * 1024 * 1024;
  const pieces: Buffer[] = [];
  let bytes = Buffer.alloc(0);
  let view = new DataView(bytes.buffer);
  let end = 0;
  for (const entry of workload(orders)) {
    if (end + MAX_RECORD_BYTES > bytes.length) {
      if (end > 0) pieces.push(bytes.subarray(0, end));
      bytes = Buffer.allocUnsafeSlow(pieceBytes);
      view = new DataView(bytes.buffer);
      end = 0;
    }
    end += writeEntry(bytes, view, end, entry);
  }
  pieces.push(bytes.subarray(0, end));
  return pieces;
};

/** Journals it in blocks of so many records. */
export const writeWorkload = (journal: Journal, orders: number, recordsPerBlock: number): void => {
  const batch = new RecordBatch();
  const flush = () => {
    if (batch.count === 0) return;
    journal.append({ epoch: 1, batch });
    journal.sync();
  };
  for (const entry of workload(orders)) {
    const offset = batch.reserve();
    batch.commit(writeEntry(batch.bytes, batch.view, offset, entry));
    if (batch.count >= recordsPerBlock) flush();
  }
  flush();
};
