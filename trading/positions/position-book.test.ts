import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PositionBook } from './position-book.ts';
import { restoreSnapshot, snapshotOf } from './snapshot.ts';
import type { Side, Trade } from './trade.ts';

const trades: fc.Arbitrary<Trade[]> = fc
  .array(
    fc.record({
      account: fc.constantFrom('a', 'b', 'long-account'),
      symbol: fc.constantFrom('X', 'Y', 'Z', 'W'),
      side: fc.constantFrom<Side>('B', 'S'),
      price: fc.nat(10_000),
      qty: fc.integer({ min: 1, max: 1000 }),
    }),
    { maxLength: 120 },
  )
  .map((rows) => rows.map((row, index) => ({ ...row, exec: `e${index}`, order: `o${index % 7}` })));

test('incremental and from scratch give the same book, through any number of snapshots', () => {
  fc.assert(
    fc.property(trades, fc.array(fc.nat(119), { maxLength: 4 }), (all, cuts) => {
      const scratch = PositionBook.of(all);
      let book = new PositionBook();
      all.forEach((trade, index) => {
        if (cuts.includes(index)) book = restoreSnapshot(JSON.stringify(snapshotOf(book, index))).book;
        book.apply(trade);
      });
      assert.deepEqual(book.positions(), scratch.positions());
      assert.equal(snapshotOf(book, 9).hash, snapshotOf(scratch, 9).hash);
    }),
  );
});

test('trades of different accounts and symbols never touch one another', () => {
  fc.assert(
    fc.property(trades, (all) => {
      const book = PositionBook.of(all);
      for (const { account, symbol } of all) {
        const own = all.filter((each) => each.account === account && each.symbol === symbol);
        assert.deepEqual(book.find(account, symbol), PositionBook.of(own).find(account, symbol));
      }
    }),
  );
});

test('a book grows past its first columns and finds everything again', () => {
  const all = Array.from({ length: 1000 }, (_, n): Trade => {
    return { exec: `e${n}`, order: `o${n}`, account: `a${n % 40}`, symbol: `s${n % 33}`, side: 'B', price: n, qty: 1 };
  });
  const book = PositionBook.of(all);
  assert.equal(book.size, new Set(all.map(({ account, symbol }) => `${account} ${symbol}`)).size);
  assert.equal(
    book.positions().reduce((sum, { lots }) => sum + lots, 0),
    all.length,
  );
});

test('a trade that is refused leaves the book as it was', () => {
  const good: Trade = { exec: 'e', order: 'o', account: 'a', symbol: 'X', side: 'B', price: 2 ** 26, qty: 2 ** 26 };
  const book = PositionBook.of([good]);
  const before = snapshotOf(book, 1).hash;
  assert.throws(() => book.apply(good), /HF-7401/);
  for (const bad of [{ qty: 0 }, { qty: 1.5 }, { price: -1 }, { price: Number.NaN }])
    assert.throws(() => book.apply({ ...good, ...bad, symbol: 'NEW' }), /is no trade/);
  assert.equal(snapshotOf(book, 1).hash, before);
});

test('a snapshot that was changed anywhere is refused', () => {
  const book = PositionBook.of([
    { exec: 'e1', order: 'o', account: 'a', symbol: 'X', side: 'B', price: 100, qty: 10 },
    { exec: 'e2', order: 'p', account: 'b', symbol: 'Y', side: 'S', price: 7, qty: 3 },
  ]);
  const text = JSON.stringify(snapshotOf(book, 42));
  assert.equal(restoreSnapshot(text).through, 42);
  let refused = 0;
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}${text[at] === '7' ? '8' : '7'}${text.slice(at + 1)}`;
    assert.throws(() => restoreSnapshot(changed), /HF-7402/, `character ${at}`);
    refused += 1;
  }
  assert.equal(refused, text.length);
});
