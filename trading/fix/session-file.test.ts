import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { decodeEntry, encodeEntry, RECORD_KIND } from '../engine/entry.ts';
import { OrderState } from '../engine/order-state.ts';
import { decodeBlock } from '../journal/block.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { openSessionFile } from './file-entry-log.ts';
import { KeptSession } from './kept-session.ts';
import { MemoryEntryLog } from './memory-entry-log.ts';
import { decodeFixEntry, encodeFixEntry, FIX_RECORD_KIND, type FixEntry, MAX_FIELDS_BYTES } from './session-entry.ts';
import { SessionStore } from './session-store.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast fïx-'));
after(() => rmSync(root, { recursive: true, force: true }));
const directoryOf = (name: string) => join(root, name);

const open = (name: string, sync: 'group' | 'none' = 'none') =>
  openSessionFile('s', {
    directory: directoryOf(name),
    sync,
    onFailure: (error) => {
      throw error;
    },
  });

const sent = (seq: number) => ({
  seq,
  msgType: 'D',
  sendingMs: 1_767_603_600_000 + seq,
  possResend: seq % 2 === 0,
  fields: Buffer.from(`11=id-${seq}\u000158=\n"\\ÿ\u0001`, 'latin1'),
});

const segmentOf = (name: string): string => {
  const segment = readdirSync(directoryOf(name)).find((file) => file.endsWith('.log'));
  return join(directoryOf(name), segment!);
};

/** What a file holds up to the zeros behind its last block. */
const written = (file: string): Buffer => {
  const bytes = readFileSync(file);
  let end = 0;
  for (let block = decodeBlock(bytes, 0); block !== null; block = decodeBlock(bytes, end)) end += block.bytes.length;
  return bytes.subarray(0, end);
};

test('an entry is read as it was written, whatever bytes a message holds', () => {
  const entries: FixEntry[] = [
    { kind: 'fix-sent', session: 's', ...sent(7), fields: Buffer.from([...Array(256).keys()]) },
    { kind: 'fix-sent', session: 'vénue', ...sent(8), msgType: 'AF', fields: Buffer.alloc(0) },
    { kind: 'fix-sent', session: 'x'.repeat(255), ...sent(9), fields: Buffer.alloc(MAX_FIELDS_BYTES, 0xff) },
    { kind: 'fix-numbers', session: 's', next: Number.MAX_SAFE_INTEGER },
    { kind: 'fix-received', session: 's', next: 2 ** 32 },
    { kind: 'fix-reset', session: '' },
  ];
  for (const entry of entries) {
    const record = encodeFixEntry(entry);
    assert.equal(record.readUInt16LE(0), record.length);
    assert.equal(record.length % 8, 0);
    assert.deepEqual(decodeFixEntry(record), entry);
  }
});

test('what does not fit a record is never written', () => {
  const sentWith = (more: object): FixEntry => ({ kind: 'fix-sent', session: 's', ...sent(1), ...more });
  assert.throws(() => encodeFixEntry(sentWith({ fields: Buffer.alloc(MAX_FIELDS_BYTES + 1) })), /61441 bytes/);
  assert.throws(() => encodeFixEntry(sentWith({ msgType: 'x'.repeat(256) })), /256 bytes/);
  assert.throws(() => encodeFixEntry(sentWith({ seq: 2 ** 53 })), /the number/);
  assert.throws(() => new KeptSession('x'.repeat(256)), /255 bytes/);
});

test('no record of a session can be taken for one of the engine, nor the other way round', () => {
  for (const kind of Object.values(RECORD_KIND)) {
    const record = encodeEntry({ kind: 'test', id: 'x' });
    record[2] = kind;
    assert.equal(decodeFixEntry(record), null);
  }
  for (const kind of Object.values(FIX_RECORD_KIND)) {
    const record = encodeFixEntry({ kind: 'fix-reset', session: 's' });
    record[2] = kind;
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    assert.throws(() => decodeEntry(record), new RegExp(`unknown kind ${kind}`));
    const state = new OrderState();
    state.apply(1, 1, record, view, 0);
    assert.deepEqual([state.applied, state.items.count, state.breaks], [1, 0, 0]);
  }
});

test('a kind of FIX entry that is not known is a newer version, and said to be', () => {
  const record = encodeFixEntry({ kind: 'fix-reset', session: 's' });
  record[2] = 36;
  assert.throws(() => decodeFixEntry(record), /unknown kind 36/);
});

test('what is kept in one turn may be more than a block holds', async () => {
  const { store, log } = await open('many');
  const fields = (seq: number) => Buffer.alloc(MAX_FIELDS_BYTES, seq);
  for (let seq = 1; seq <= 150; seq++) store.keepSent({ ...sent(seq), fields: fields(seq) });
  store.keepReceived(7);
  store.settle();
  let safe = false;
  store.whenSafe(() => {
    safe = true;
  });
  assert.ok(safe);
  log.close();
  const again = await open('many');
  assert.deepEqual(again.store.numbers, { nextOut: 151, nextIn: 7 });
  for (const seq of [1, 5, 76, 150]) {
    const entry = again.log.read(seq);
    assert.ok(entry?.kind === 'fix-sent' && entry.seq === seq && fields(seq).equals(entry.fields), `message ${seq}`);
  }
  again.log.close();
});

test('a session is as it was left when its files are opened again', async () => {
  const first = await open('again', 'group');
  for (const seq of [2, 3, 5]) first.store.keepSent(sent(seq));
  first.store.keepNumbersBefore(9);
  first.store.keepReceived(4);
  assert.deepEqual(Buffer.from(first.store.get(3)!.fields), sent(3).fields);
  assert.equal(first.store.get(4), null);
  first.store.settle();
  let safe = false;
  first.store.whenSafe(() => {
    safe = true;
  });
  await waitUntil('it is on disk', () => safe);
  first.log.close();
  const { store, log } = await open('again');
  assert.deepEqual(store.numbers, { nextOut: 9, nextIn: 4 });
  for (const seq of [2, 3, 5]) {
    const { seq: number, fields } = store.get(seq)!;
    assert.deepEqual([number, Buffer.from(fields)], [seq, sent(seq).fields]);
  }
  assert.equal(store.get(4), null);
  log.close();
});

test('older messages are read from their place in the log', () => {
  const log = new MemoryEntryLog();
  const store = new SessionStore(log, new KeptSession('s', { inMemory: 2 }));
  for (let seq = 1; seq <= 3000; seq++) {
    store.keepSent(sent(seq));
    if (seq % 7 === 0) store.settle();
  }
  for (const seq of [1, 1500, 2999, 3000]) assert.deepEqual(Buffer.from(store.get(seq)!.fields), sent(seq).fields);
});

test('after a reset nothing of before is there', async () => {
  const { store, log } = await open('reset');
  store.keepSent(sent(1));
  store.settle();
  store.keepReset();
  store.keepReceived(2);
  store.settle();
  assert.deepEqual([store.get(1), store.numbers], [null, { nextOut: 1, nextIn: 2 }]);
  log.close();
  const again = await open('reset');
  assert.deepEqual([again.store.get(1), again.store.numbers], [null, { nextOut: 1, nextIn: 2 }]);
  again.log.close();
});

test('a torn end is cut and the session goes on before it', async () => {
  const { store, log } = await open('torn', 'group');
  store.keepSent(sent(1));
  store.settle();
  log.close();
  const path = segmentOf('torn');
  const sound = written(path);
  writeFileSync(path, Buffer.concat([sound, sound.subarray(0, 60)]));
  const again = await open('torn');
  assert.equal(again.store.numbers.nextOut, 2);
  again.store.keepSent(sent(2));
  again.store.settle();
  again.log.close();
  const last = await open('torn');
  assert.deepEqual([last.store.numbers.nextOut, last.store.get(2)?.seq], [3, 2]);
  last.log.close();
});

test('a changed byte in the middle, wherever it is, never gives other messages: it stops with HF-7201', async () => {
  const { store, log } = await open('damaged');
  for (const seq of [1, 2, 3]) {
    store.keepSent(sent(seq));
    store.settle();
  }
  log.close();
  const path = segmentOf('damaged');
  const sound = written(path);
  const blockBytes = sound.length / 3;
  for (let at = 0; at < blockBytes * 2; at += 3) {
    const changed = Buffer.from(sound);
    changed[at]! ^= 0x10;
    writeFileSync(path, changed);
    await assert.rejects(open('damaged'), /HF-7201/, `byte ${at}`);
  }
});
