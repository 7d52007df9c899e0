import { type Entry, encodeEntry, writeEntry } from '../engine/entry.ts';
import type { OrderState } from '../engine/order-state.ts';
import { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';

/** Applies entries to a state, in epoch 1. */
export const applyEntries = (state: OrderState, entries: readonly Entry[]): void => {
  for (const entry of entries) {
    const record = encodeEntry(entry);
    state.apply(state.applied + 1, 1, record, new DataView(record.buffer, record.byteOffset, record.length), 0);
  }
};

/** Writes entries into a journal of small segments, in blocks of a few, in epoch 1. */
export const journalEntries = async (directory: string, entries: readonly Entry[]): Promise<void> => {
  const onFailure = (error: Error): never => {
    throw error;
  };
  const options = { directory, sync: 'none', segmentBytes: 8192, onDurable: () => {}, onFailure } as const;
  const journal = await Journal.open(options, () => {});
  const batch = new RecordBatch();
  for (const [at, entry] of entries.entries()) {
    const offset = batch.reserve();
    batch.commit(writeEntry(batch.bytes, batch.view, offset, entry));
    if (batch.count < 1 + (at % 7)) continue;
    journal.append({ epoch: 1, batch });
    journal.sync();
  }
  if (batch.count > 0) journal.append({ epoch: 1, batch });
  journal.sync();
  journal.close();
};
