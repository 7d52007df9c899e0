import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../load/random.ts';
import type { JournalEntry } from '../oms/journal-entry.ts';
import { ExposureBook } from './exposure-book.ts';
import { type KeptImage, keptImageOf, restoredFrom } from './exposure-image.ts';
import { beginningOf, ExposureKeep } from './exposure-keep.ts';

/** Orders, executions, cancels and replaces that are asked for, answered and not, from a seed. */
const entriesOf = (count: number, seed: number): readonly JournalEntry[] => {
  const random = seededRandom(seed);
  const pick = (most: number) => Math.floor(random() * most);
  const open = new Map<string, { qty: number; filled: number }>();
  const entries: JournalEntry[] = [];
  for (let seq = 1; seq <= count; seq += 1) {
    const at = { seq, epoch: seq > count / 2 ? 2 : 1 };
    const [id, order] = [...open][pick(open.size)] ?? [];
    const what = order === undefined ? 0 : pick(5);
    if (id === undefined || order === undefined || what <= 1) {
      const qty = 1 + pick(9);
      open.set(`o${seq}`, { qty, filled: 0 });
      const terms = { client: `c${pick(3)}`, symbol: `S${pick(3)}`, side: pick(2) === 0 ? 'B' : 'S' } as const;
      entries.push({ ...at, kind: 'order', id: `o${seq}`, ...terms, price: 10 + pick(20), qty });
    } else if (what === 2) {
      order.filled += 1;
      if (order.filled === order.qty) open.delete(id);
      entries.push({ ...at, kind: 'fill', orderId: id, exec: `x${seq}`, price: 10 + pick(20), qty: 1 });
    } else if (what === 3) {
      entries.push({ ...at, kind: 'other', news: { kind: 'replace', id: `r${seq}`, orderId: id, price: 15, qty: 30 } });
    } else {
      open.delete(id);
      entries.push({ ...at, kind: 'cancelled', orderId: id });
    }
  }
  return entries;
};

const bookOf = (entries: readonly JournalEntry[], book = new ExposureBook()): ExposureBook => {
  for (const entry of entries) book.apply(entry);
  return book;
};

test('a book restored anywhere and led on is the book that was never restored (seed 77)', () => {
  const entries = entriesOf(600, 77);
  const whole = bookOf(entries);
  assert.deepEqual(whole.unbooked, []);
  for (let cut = 1; cut < 600; cut += 37) {
    const kept = keptImageOf(bookOf(entries.slice(0, cut)));
    const restored = restoredFrom(kept!);
    bookOf(entries.slice(cut), restored!);
    assert.deepEqual(restored!.image(), whole.image());
    for (const client of whole.clients) assert.deepEqual(restored!.client(client), whole.client(client));
    assert.equal(keptImageOf(restored!)!.sha256, keptImageOf(whole)!.sha256);
  }
});

test('kept exposures that were changed anywhere, or that another version wrote, are not begun with', () => {
  const kept = keptImageOf(bookOf(entriesOf(60, 5)))!;
  for (let at = 0; at < kept.text.length; at += 7) {
    const text = `${kept.text.slice(0, at)}${kept.text[at] === '1' ? '2' : '1'}${kept.text.slice(at + 1)}`;
    assert.equal(restoredFrom({ ...kept, text }), text === kept.text ? kept : null);
  }
  assert.equal(restoredFrom({ ...kept, through: kept.through - 1 }), null);
  assert.equal(restoredFrom({ ...kept, epoch: kept.epoch + 1 }), null);
});

test('they are begun with only where the database says how positions stood then or later, and as it says', () => {
  const book = bookOf(entriesOf(60, 5));
  const kept = keptImageOf(book)!;
  const lots = book.positions
    .positions()
    .map(({ account: client, symbol, lots: held }) => ({ client, symbol, lots: held }));
  const begun = (sequence: number, change = 0) =>
    beginningOf(kept, {
      sequence,
      lots: lots.map((each, at) => ({ ...each, lots: each.lots + (at === 0 ? change : 0) })),
    });
  assert.equal(beginningOf(kept, null).through, 0);
  assert.equal(begun(kept.through - 1).through, 0);
  assert.equal(begun(kept.through).through, kept.through);
  assert.equal(begun(kept.through, 1).through, 0);
  assert.equal(begun(kept.through + 1, 1).through, kept.through);
});

test('a book with an entry that fits nothing is not kept', () => {
  const book = bookOf([{ kind: 'cancelled', seq: 1, epoch: 1, orderId: 'nobody' }]);
  assert.equal(keptImageOf(book), null);
});

test('what was taken waits until it is stored, the newest of what waits is kept, and a book that began anew at once', async () => {
  const put: KeptImage[] = [];
  let outcome: 'early' | 'stored' = 'early';
  const keep = new ExposureKeep({
    everyEntries: 10,
    keptThrough: 0,
    put: async (image) => {
      put.push(image);
      return outcome;
    },
  });
  const book = new ExposureBook();
  for (const entry of entriesOf(25, 3)) {
    book.apply(entry);
    keep.took(book, () => true);
    await keep.putWhatWaits();
  }
  assert.deepEqual([put.length, put[0]?.through, put.at(-1)?.through], [16, 10, 20]);
  outcome = 'stored';
  await keep.putWhatWaits();
  await keep.putWhatWaits();
  assert.equal(put.length, 17);
  keep.forget();
  const anew = new ExposureBook();
  for (const entry of entriesOf(3, 3)) anew.apply(entry);
  keep.took(anew, () => false);
  await keep.putWhatWaits();
  assert.equal(put.length, 17);
  keep.took(anew, () => true);
  await keep.putWhatWaits();
  assert.equal(put.at(-1)?.through, 3);
});

test('what was kept beyond the end of an engine counts for nothing until another one is stored', async () => {
  const keep = new ExposureKeep({ everyEntries: 10, keptThrough: 30, put: async () => 'stored' });
  keep.engineEndedAt(30);
  assert.deepEqual([keep.storedThrough, keep.usableTo], [30, Number.POSITIVE_INFINITY]);
  keep.engineEndedAt(20);
  keep.engineEndedAt(25);
  assert.deepEqual([keep.storedThrough, keep.usableTo], [0, 20]);
  keep.forget();
  keep.took(bookOf(entriesOf(40, 3)), () => true);
  await keep.putWhatWaits();
  assert.deepEqual([keep.storedThrough, keep.usableTo], [40, Number.POSITIVE_INFINITY]);
});
