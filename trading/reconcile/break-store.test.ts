import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type Break, breakOf } from './break.ts';
import { isAccepted } from './break-history.ts';
import type { BreakRecord, ResolvedAs } from './break-record.ts';
import { BreakStore } from './break-store.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast breaks é-'));
  path = join(directory, 'breaks');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sample = (exec: string, book = 'database'): Break =>
  breakOf({
    kind: 'missing-fill',
    book,
    account: 'c1',
    symbol: 'ABC',
    order: 'o1',
    detail: exec,
    what: `lacks ${exec}`,
  });
const thresholds = { toleranceLots: 0.001, alertAboveLots: 100 };
/** As a run would do it. */
const run = (store: BreakStore, at: number, breaks: readonly Break[], looked = (_: string) => true): void => {
  const seen = breaks.map(({ id }) => id);
  const record = { k: 'run', at, verdict: 'breaks', reasons: [], books: [], timing: 0, thresholds, seen } as const;
  store.append([...store.history.recordsOf({ at, breaks, looked }), record]);
};
const resolve = (store: BreakStore, id: string, as: ResolvedAs, at = 50): void =>
  store.append([{ k: 'resolved', at, id, by: 'ada', why: 'booked by hand', as }]);
const reopened = (): BreakStore => BreakStore.open(path);

test('a break is stored once, ages, and survives a restart', () => {
  const first = BreakStore.open(path);
  run(first, 10, [sample('x1')]);
  run(first, 20, [sample('x1'), sample('x2')]);
  first.close();
  const again = reopened();
  assert.deepEqual(
    again.history.open.map(({ found, sinceMs, lastSeenMs }) => [found.what, sinceMs, lastSeenMs]),
    [
      ['lacks x1', 10, 20],
      ['lacks x2', 20, 20],
    ],
  );
  assert.equal(again.history.runs, 2);
  again.close();
});

test('a break that is gone is closed, and counts anew when it comes back', () => {
  const store = BreakStore.open(path);
  const one = sample('x1');
  run(store, 10, [one]);
  run(store, 20, []);
  assert.equal(store.history.open.length, 0);
  assert.equal(store.history.find(one.id)?.goneAtMs, 20);
  run(store, 30, [one]);
  assert.deepEqual([store.history.open[0]?.sinceMs, store.history.open[0]?.reopened], [30, 1]);
  store.close();
});

test('what a run could not look at is not gone', () => {
  const store = BreakStore.open(path);
  run(store, 10, [sample('x1', 'engine'), sample('x1', 'database')]);
  run(store, 20, [], (book) => book === 'engine');
  assert.deepEqual(
    store.history.open.map(({ found }) => found.book),
    ['database'],
  );
  store.close();
});

test('a resolution says who, when and why; one that is accepted stays quiet, one called corrected is reopened when it is still there', () => {
  const store = BreakStore.open(path);
  const [kept, fixed] = [sample('x1'), sample('x2')];
  run(store, 10, [kept, fixed]);
  resolve(store, kept.id, 'accepted');
  resolve(store, fixed.id, 'corrected');
  assert.equal(store.history.open.length, 0);
  assert.deepEqual(store.history.find(kept.id)?.resolution, {
    at: 50,
    by: 'ada',
    why: 'booked by hand',
    as: 'accepted',
  });
  run(store, 60, [kept, fixed]);
  assert.deepEqual(
    store.history.open.map(({ found, reopened: times }) => [found.id, times]),
    [[fixed.id, 1]],
  );
  assert.ok(isAccepted(store.history.find(kept.id)));
  store.close();
});

test('a torn last line is cut, and the file goes on from there', () => {
  const store = BreakStore.open(path);
  run(store, 10, [sample('x1')]);
  store.close();
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, whole.slice(0, 41));
  const again = reopened();
  assert.equal(readFileSync(path, 'utf8'), whole);
  run(again, 20, []);
  again.close();
  const last = reopened();
  assert.equal(last.history.runs, 2);
  last.close();
});

test('a byte changed anywhere, a line taken out or two lines exchanged are noticed', () => {
  const store = BreakStore.open(path);
  run(store, 10, [sample('x1')]);
  run(store, 20, [sample('x1'), sample('x2')]);
  store.close();
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    writeFileSync(path, changed);
    assert.throws(reopened, /HF-7404/, `byte ${at}`);
  }
  const lines = bytes.toString().split('\n').slice(0, -1);
  for (let taken = 0; taken + 1 < lines.length; taken++) {
    writeFileSync(path, `${lines.filter((_, index) => index !== taken).join('\n')}\n`);
    assert.throws(reopened, /HF-7404/, `line ${taken}`);
  }
  writeFileSync(path, `${[lines[1], lines[0], ...lines.slice(2)].join('\n')}\n`);
  assert.throws(reopened, /HF-7404/);
});

test('cut off at any length, it has the whole lines that are left and nothing else', () => {
  const store = BreakStore.open(path);
  run(store, 10, [sample('x1')]);
  run(store, 20, [sample('x1'), sample('x2')]);
  resolve(store, sample('x2').id, 'accepted');
  store.close();
  const bytes = readFileSync(path);
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(path, bytes.subarray(0, length));
    reopened().close();
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a, length - 1) + 1);
    assert.deepEqual(readFileSync(path), length === 0 ? Buffer.alloc(0) : whole, `${length} bytes`);
  }
});

test('a second writer is noticed before anything is written over', () => {
  const [first, second] = [BreakStore.open(path), reopened()];
  run(first, 10, [sample('x1')]);
  const record: BreakRecord = { k: 'gone', at: 11, id: 'none' };
  assert.throws(() => second.append([record]), /HF-7405/);
  first.close();
  second.close();
  reopened().close();
});
