import { RecordBatch } from '../journal/record-batch.ts';

const TEXT_AT = 8;

/** A record of no kind that the engine knows, holding a text: for whoever looks at the log and not into it. */
export const textRecord = (text: string): Buffer => {
  const length = Buffer.byteLength(text);
  const record = Buffer.alloc((TEXT_AT + length + 7) & ~7);
  record.writeUInt16LE(record.length, 0);
  record.writeUInt32LE(length, 4);
  record.write(text, TEXT_AT);
  return record;
};

export const recordText = (record: Buffer): string =>
  record.toString('utf8', TEXT_AT, TEXT_AT + record.readUInt32LE(4));

/** A batch that holds these texts. */
export const batchOf = (...texts: readonly string[]): RecordBatch => {
  const batch = new RecordBatch();
  for (const text of texts) {
    const record = textRecord(text);
    const offset = batch.reserve();
    record.copy(batch.bytes, offset);
    batch.commit(record.length);
  }
  return batch;
};
