import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { revision } from '../../core/base/ids.ts';
import { FrameSplitter, maxFrameBytes } from './frame-stream.ts';
import { LabStore } from './lab-store.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast lab störe-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const file = () => join(directory, `store-${++files}.db`);
const write = (store: LabStore, key: string, value: number) => store.transact({ compare: [], put: [{ key, value }] });

test('a store opened again has its entries, revision, history and incarnation', () => {
  const path = file();
  const first = new LabStore({ path });
  const from = first.revision;
  write(first, 'a', 1);
  write(first, 'b', 2);
  const { incarnation, revision: last } = first;
  first.close();
  const second = new LabStore({ path });
  assert.deepEqual([second.incarnation, second.revision], [incarnation, last]);
  assert.deepEqual(
    second.changes('', from, last)?.map((change) => change.changes[0]?.key),
    ['a', 'b'],
  );
  second.close();
});

test('a restored backup is another incarnation at a revision that was never used', () => {
  const path = file();
  const backup = file();
  const store = new LabStore({ path });
  write(store, 'kept', 1);
  store.backup(backup);
  write(store, 'lost', 1);
  const before = { incarnation: store.incarnation, revision: store.revision };
  store.restore(backup);
  assert.notEqual(store.incarnation, before.incarnation);
  assert.ok(store.revision > before.revision);
  assert.deepEqual(Object.keys(store.range('').entries), ['kept']);
  assert.equal(store.changes('', before.revision, store.revision), null);
  store.close();
});

test('a backup file that is used as the database is another incarnation, once', () => {
  const path = file();
  const backup = file();
  const store = new LabStore({ path });
  write(store, 'kept', 1);
  store.backup(backup);
  const original = store.incarnation;
  store.close();
  const copy = new LabStore({ path: backup });
  const renewed = copy.incarnation;
  assert.notEqual(renewed, original);
  copy.close();
  const again = new LabStore({ path: backup });
  assert.equal(again.incarnation, renewed);
  again.close();
});

test('history older than the limit is forgotten and says so', () => {
  const store = new LabStore({ path: file(), historyRevisions: 100 });
  const from = store.revision;
  for (let value = 0; value < 250; value++) write(store, 'a', value);
  assert.equal(store.changes('', from, store.revision), null);
  assert.equal(store.changes('', store.revision - 50, store.revision)?.length, 50);
  store.close();
});

test('a transaction that changes nothing has no revision of its own', () => {
  const store = new LabStore({ path: file() });
  const at = store.revision;
  assert.deepEqual(store.transact({ compare: [{ key: 'a', revision: revision(0) }], put: [], remove: ['a'] }), {
    kind: 'committed',
    revision: at,
    change: null,
  });
  store.close();
});

test('a change that the database refuses leaves nothing behind', () => {
  const store = new LabStore({ path: file() });
  const at = store.revision;
  const unstorable = { toJSON: () => undefined } as unknown as string;
  assert.throws(() =>
    store.transact({
      compare: [],
      put: [
        { key: 'a', value: 1 },
        { key: 'b', value: unstorable },
      ],
    }),
  );
  assert.deepEqual([store.revision, store.range('').entries], [at, {}]);
  write(store, 'a', 2);
  store.close();
});

test('two stores cannot hold one database', () => {
  const path = file();
  const store = new LabStore({ path });
  write(store, 'a', 1);
  assert.throws(() => new LabStore({ path, busyTimeoutMs: 10 }));
  store.close();
});

test('frames are found whatever the pieces they arrive in', () => {
  const text = '{"a":1}\n{"ü":"é"}\n\n{"b":2}\n';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const splitter = new FrameSplitter();
    const frames: string[] = [];
    for (let at = 0; at < bytes.length; at += size) frames.push(...splitter.push(bytes.subarray(at, at + size)));
    assert.deepEqual(frames, ['{"a":1}', '{"ü":"é"}', '', '{"b":2}']);
  }
});

test('a frame without an end is cut off', () => {
  const splitter = new FrameSplitter();
  assert.throws(() => splitter.push(Buffer.alloc(maxFrameBytes + 1, 97)));
});
