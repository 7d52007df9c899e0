import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FixEntry, fixRecordBytes, writeFixEntry } from '../fix/session-entry.ts';
import { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { FixEntryReader } from './fix-entry-reader.ts';

const ENTRIES = 60;

const sent = (seq: number): FixEntry => ({
  kind: 'fix-sent',
  session: 'exchange',
  seq,
  msgType: 'D',
  sendingMs: seq,
  possResend: false,
  fields: Buffer.from(`11=o${seq}\u0001`),
});

test('what was removed is gone, and one damage makes the rest gone that would have to be read, said once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast reader é-'));
  const onFailure = (error: Error) => assert.fail(error);
  const options = { directory, sync: 'none', segmentBytes: 500, onDurable: () => {}, onFailure } as const;
  try {
    const written = await Journal.open(options, () => {});
    const batch = new RecordBatch();
    for (let seq = 1; seq <= ENTRIES; seq++) {
      const entry = sent(seq);
      const offset = batch.reserve(fixRecordBytes(entry));
      batch.commit(writeFixEntry(batch.bytes, offset, entry));
      written.append({ epoch: 1, batch });
    }
    written.sync();
    const { end } = written;
    written.close();
    const segments = readdirSync(directory)
      .filter((name) => name.startsWith('segment-'))
      .sort();
    const firstIn = (at: number): number => Number(/\d{16}/.exec(segments[at]!)![0]);
    // As an engine opens it that starts from a checkpoint: the segments in front of it are not read.
    const journal = await Journal.open({ ...options, base: end }, () => {});
    const warnings: string[] = [];
    const reader = new FixEntryReader({ journal, onWarning: (text) => void warnings.push(text) });
    assert.deepEqual(reader.read(1), sent(1));
    journal.removeUpTo(firstIn(1) - 1);
    assert.equal(reader.read(1), 'gone');
    assert.deepEqual(reader.read(firstIn(1)), sent(firstIn(1)));

    const path = join(directory, segments[3]!);
    const bytes = readFileSync(path);
    bytes[60]! ^= 1;
    writeFileSync(path, bytes);
    assert.equal(reader.read(firstIn(3)), 'gone');
    assert.equal(reader.read(firstIn(3) + 1), 'gone');
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /cannot be sent again: HF-7201/);
    journal.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
