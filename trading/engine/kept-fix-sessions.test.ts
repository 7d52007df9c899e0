import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FixEntry, fixRecordBytes, writeFixEntry } from '../fix/session-entry.ts';
import type { Block } from '../journal/block.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { writeEntry } from './entry.ts';
import { ReplayedState } from './replayed-state.ts';

const sent = (session: string, seq: number): FixEntry => ({
  kind: 'fix-sent',
  session,
  seq,
  msgType: 'D',
  sendingMs: 7,
  possResend: false,
  fields: Buffer.from(`11=o${seq}\u0001`),
});

/** Blocks as a primary writes them: its own entries among those of sessions. */
const journal = (blocks: readonly (readonly (FixEntry | 'test')[])[]): Block[] => {
  let previous = { sequence: 0, epoch: 0, crc: 0 };
  return blocks.map((entries) => {
    const batch = new RecordBatch();
    for (const entry of entries) {
      const offset = entry === 'test' ? batch.reserve() : batch.reserve(fixRecordBytes(entry));
      if (entry === 'test') batch.commit(writeEntry(batch.bytes, batch.view, offset, { kind: 'test', id: 't' }));
      else batch.commit(writeFixEntry(batch.bytes, offset, entry));
    }
    const block = batch.seal({ previous, epoch: 1, committed: 0 });
    previous = { sequence: previous.sequence + entries.length, epoch: 1, crc: block.header.crc };
    return block;
  });
};

test('a standby knows each session as it stands, with its messages and their places', () => {
  const replayed = new ReplayedState(null, ['one', 'two']);
  const blocks = journal([
    ['test', { kind: 'fix-numbers', session: 'one', next: 65 }, 'test'],
    [sent('two', 1), sent('one', 65), { kind: 'fix-received', session: 'one', next: 9 }],
    ['test', sent('one', 66), sent('elsewhere', 3)],
  ]);
  for (const block of blocks) replayed.apply(block);
  assert.deepEqual(replayed.fix.of('one').numbers, { nextOut: 67, nextIn: 9 });
  assert.deepEqual(replayed.fix.of('two').numbers, { nextOut: 2, nextIn: 1 });
  assert.equal(Buffer.from(replayed.fix.of('one').get(66)!.fields).toString(), '11=o66\u0001');
  assert.equal(replayed.fix.of('one').get(2), null);
  assert.equal(replayed.state.applied, 9);
  assert.throws(() => replayed.fix.of('elsewhere'), /no FIX session elsewhere/);
});
