import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textRecord } from '../testing/text-record.ts';
import { blockRecords, EMPTY_LOG } from './block.ts';
import { LONGEST_RECORD_BYTES, RecordBatch } from './record-batch.ts';

test('records of any length that there can be lie in a block as they were written, across slabs', () => {
  const batch = new RecordBatch();
  const records = Array.from({ length: 30 }, (_, at) => [
    textRecord('x'.repeat(at)),
    textRecord('y'.repeat(LONGEST_RECORD_BYTES - 8 - at)),
  ]).flat();
  for (const record of records) {
    const offset = batch.reserve(record.length);
    assert.ok(offset + record.length <= batch.bytes.length && batch.view.byteLength === batch.bytes.length);
    record.copy(batch.bytes, offset);
    batch.commit(record.length);
  }
  const block = batch.seal({ previous: EMPTY_LOG, epoch: 1, committed: 0 });
  assert.deepEqual(blockRecords(block), records);
});

test('a record whose length two bytes cannot say is refused', () => {
  assert.throws(() => new RecordBatch().reserve(LONGEST_RECORD_BYTES + 8), /65536 bytes/);
});

test('the memory of a sealed block is used again; what was gathered before it grew is kept', () => {
  const batch = new RecordBatch();
  const first = batch.reserve();
  const memory = batch.bytes;
  for (const text of ['one', 'two']) {
    const written = textRecord(text);
    written.copy(batch.bytes, batch.reserve());
    batch.commit(written.length);
  }
  const block = batch.seal({ previous: EMPTY_LOG, epoch: 1, committed: 0 });
  assert.deepEqual(blockRecords(block), [textRecord('one'), textRecord('two')]);
  assert.equal(batch.reserve(), first);
  assert.equal(batch.bytes, memory);
});
