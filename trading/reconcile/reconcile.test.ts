import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Trade } from '../positions/trade.ts';
import { assertAccountedFor } from '../testing/accounted-for.ts';
import { SampleFirm, type SampleOrder } from '../testing/sample-firm.ts';
import { type Book, type BookOrder, type ExchangeRecord, positionsFromFills, positionsFromOrders } from './book.ts';
import type { Break, BreakKind } from './break.ts';
import { type Books, type Findings, reconcile } from './reconcile.ts';

/** From the engine to the exchange; a settle window is longer. */
const longestWay = 9;
const sampleOrder: fc.Arbitrary<SampleOrder> = fc
  .record({
    account: fc.constantFrom('c1', 'c2', 'c3'),
    symbol: fc.constantFrom('ABC', 'XYZ', 'QRS'),
    side: fc.constantFrom<'B' | 'S'>('B', 'S'),
    price: fc.integer({ min: 1, max: 500 }),
    sentAt: fc.nat(50),
    answer: fc.constantFrom<SampleOrder['answer']>('accepted', 'accepted', 'accepted', 'rejected'),
    fills: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
    left: fc.nat(10),
    cancelled: fc.boolean(),
    travel: fc.nat(longestWay),
    stepEvery: fc.integer({ min: 1, max: 9 }),
  })
  .map(({ travel, left, ...order }) => {
    return { ...order, startAt: order.sentAt + travel, left: order.fills.length === 0 ? left + 1 : left };
  });
const firms = (least: number) =>
  fc.array(sampleOrder, { minLength: least, maxLength: 25 }).map((orders) => new SampleFirm(orders));

const exact = { toleranceLots: 0.001 };
const summary = ({ breaks }: Pick<Findings, 'breaks'>) =>
  breaks.map(({ kind, book, what }) => `${book} ${kind}: ${what}`);
const settled = (firm: SampleFirm): Books & { readonly exchange: ExchangeRecord } => {
  const end = firm.endsAt + 1000;
  return { exchange: firm.exchangeAt(end), firm: [firm.engineAt(end), firm.keeperAt(end), firm.databaseAt(end)] };
};
const kindsOf = (breaks: readonly Break[], book: string) =>
  breaks.filter((each) => each.book === book).map((each) => each.kind);

test('books that agree have no break, whatever was traded', () => {
  fc.assert(
    fc.property(firms(0), (firm) => {
      const findings = reconcile(settled(firm), exact);
      assert.deepEqual(summary(findings), []);
      assert.deepEqual(findings.positions, []);
    }),
    { numRuns: 300 },
  );
});

test('what is in flight is gone in the next pass, once every book and the exchange have caught up with what any of them showed', () => {
  const moments = fc.array(fc.nat(120), { minLength: 8, maxLength: 8 });
  let seen = 0;
  fc.assert(
    fc.property(firms(1), moments, (firm, at) => {
      const first = at.slice(0, 4);
      const latest = Math.max(...first);
      const second = at.slice(4).map((moment) => latest + longestWay + moment);
      const [before, after] = [first, second].map((cursors) => {
        const [exchange, engine, keeper, database] = cursors as [number, number, number, number];
        const books = [firm.engineAt(engine), firm.keeperAt(keeper), firm.databaseAt(database)];
        const findings = reconcile({ exchange: firm.exchangeAt(exchange), firm: books }, exact);
        assertAccountedFor(findings);
        return findings;
      }) as [Findings, Findings];
      seen += before.breaks.length;
      const carried = new Set(before.breaks.map(({ id }) => id));
      assert.deepEqual(summary({ breaks: after.breaks.filter(({ id }) => carried.has(id)) }), []);
    }),
    { numRuns: 3000 },
  );
  assert.ok(seen > 1000, `only ${seen} differences were in flight`);
});

/** Puts one break of a kind into the books; null when these books have no room for it. */
interface Planted {
  readonly books: Books;
  readonly book: string;
  readonly kinds: readonly BreakKind[];
  readonly order: string | null;
  readonly execs: readonly string[];
}
type Plant = (books: ReturnType<typeof settled>, pick: number) => Planted | null;

const bookNamed = (books: Books, name: string): Book => books.firm.find((book) => book.name === name)!;
const withBook = (books: Books, changed: Book): Books => ({
  ...books,
  firm: books.firm.map((book) => (book.name === changed.name ? changed : book)),
});
const withFills = (book: Book, fills: readonly Trade[]): Book => ({
  ...book,
  fills,
  positions: positionsFromFills(fills),
});
const pickOf = <Item>(items: readonly Item[], pick: number): Item | null =>
  items[pick % Math.max(1, items.length)] ?? null;
const soleExec = (fills: readonly Trade[], fill: Trade) =>
  fills.filter(({ order }) => order === fill.order).every(({ exec, qty }) => exec === fill.exec || qty !== fill.qty);

const alterFill =
  (name: string, kind: BreakKind, alter: (fill: Trade) => Partial<Trade>): Plant =>
  (books, pick) => {
    const book = bookNamed(books, name);
    const fill = pickOf(book.fills ?? [], pick);
    if (fill === null) return null;
    const fills = book.fills!.map((each) => (each === fill ? { ...each, ...alter(each) } : each));
    return {
      books: withBook(books, withFills(book, fills)),
      book: name,
      kinds: [kind],
      order: fill.order,
      execs: [fill.exec],
    };
  };
const dropFill =
  (name: string): Plant =>
  (books, pick) => {
    const book = bookNamed(books, name);
    const fill = pickOf(book.fills ?? [], pick);
    if (fill === null) return null;
    const changed = withFills(
      book,
      book.fills!.filter((each) => each !== fill),
    );
    return {
      books: withBook(books, changed),
      book: name,
      kinds: ['missing-fill'],
      order: fill.order,
      execs: [fill.exec],
    };
  };
const addFill =
  (name: string, kind: BreakKind, make: (fill: Trade) => Trade): Plant =>
  (books, pick) => {
    const book = bookNamed(books, name);
    const fill = pickOf(book.fills ?? [], pick);
    if (fill === null) return null;
    const added = make(fill);
    const changed = withFills(book, [...book.fills!, added]);
    return { books: withBook(books, changed), book: name, kinds: [kind], order: fill.order, execs: [added.exec] };
  };
const alterOrder =
  (name: string, kind: BreakKind, alter: (order: BookOrder) => Partial<BookOrder> | null): Plant =>
  (books, pick) => {
    const book = bookNamed(books, name);
    const order = pickOf(
      (book.orders ?? []).filter((each) => alter(each) !== null),
      pick,
    );
    if (order === null) return null;
    const orders = book.orders!.map((each) => (each === order ? { ...each, ...alter(each) } : each));
    const changed = { ...book, orders, positions: book.fills === null ? positionsFromOrders(orders) : book.positions };
    return { books: withBook(books, changed), book: name, kinds: [kind], order: order.id, execs: [] };
  };
/** The engine's order loses or doubles one execution, and has the state that follows from it. */
const engineFill =
  (kind: 'missing-fill' | 'duplicate'): Plant =>
  (books, pick) => {
    const all = bookNamed(books, 'positions').fills!;
    const one = pickOf(
      all.filter((fill) => soleExec(all, fill) && smallestAlone(all, fill)),
      pick,
    );
    if (one === null) return null;
    const engine = bookNamed(books, 'engine');
    const sign = kind === 'missing-fill' ? -1 : 1;
    const orders = engine.orders!.map(
      (order): BookOrder =>
        order.id === one.order
          ? {
              ...order,
              filled: order.filled + sign * one.qty,
              state: order.state === 'filled' && sign < 0 ? 'open' : order.state,
            }
          : order,
    );
    const changed = { ...engine, orders, positions: positionsFromOrders(orders) };
    return { books: withBook(books, changed), book: 'engine', kinds: [kind], order: one.order, execs: [one.exec] };
  };
const smallestAlone = (all: readonly Trade[], fill: Trade) =>
  all.filter(({ order, qty }) => order === fill.order && qty === fill.qty).length === 1;

const PLANTS: Readonly<Record<string, Plant>> = {
  'a fill missing at the keeper': dropFill('positions'),
  'a fill missing in the database': dropFill('database'),
  'a fill missing at the engine': engineFill('missing-fill'),
  'a fill twice at the keeper': addFill('positions', 'duplicate', (fill) => fill),
  'a fill again in the database under another id': addFill('database', 'duplicate', (fill) => ({
    ...fill,
    exec: `${fill.exec}-again`,
  })),
  'a fill twice at the engine': engineFill('duplicate'),
  'a fill on the wrong side': alterFill('positions', 'wrong-side', ({ side }) => ({ side: side === 'B' ? 'S' : 'B' })),
  'a fill of the wrong quantity': alterFill('database', 'wrong-quantity', ({ qty }) => ({ qty: qty + 3 })),
  'a fill at the wrong price': alterFill('positions', 'wrong-price', ({ price }) => ({ price: price + 1 })),
  'a fill of another account': alterFill('positions', 'misbooked', () => ({ account: 'c9' })),
  'a fill of another symbol': alterFill('positions', 'misbooked', () => ({ symbol: 'OTHER' })),
  'a fill that the exchange never reported': addFill('positions', 'unknown-there', (fill) => ({
    ...fill,
    exec: 'ghost',
    qty: fill.qty + 1000,
  })),
  'an order on the wrong side at the engine': alterOrder('engine', 'wrong-side', ({ side, state }) =>
    state === 'rejected' ? null : { side: side === 'B' ? 'S' : 'B' },
  ),
  'an order of the wrong quantity': alterOrder('database', 'wrong-quantity', ({ qty, state }) =>
    state === 'rejected' ? null : { qty: qty + 5 },
  ),
  'an order at the wrong price': alterOrder('engine', 'wrong-price', ({ price, state }) =>
    state === 'rejected' ? null : { price: price + 1 },
  ),
  'an order that is open here and cancelled there': alterOrder('engine', 'stale-state', ({ state }) =>
    state === 'cancelled' ? { state: 'open' } : null,
  ),
  'an order that is cancelled here and open there': alterOrder('database', 'stale-state', ({ state }) =>
    state === 'open' ? { state: 'cancelled' } : null,
  ),
  'an order that was never confirmed here': alterOrder('engine', 'stale-state', ({ state }) =>
    state === 'open' ? { state: 'pending' } : null,
  ),
  'an order that the exchange rejected': alterOrder('engine', 'stale-state', ({ state }) =>
    state === 'rejected' ? { state: 'open' } : null,
  ),
  'an order that the engine does not know': (books, pick) => {
    const engine = bookNamed(books, 'engine');
    const order = pickOf(
      engine.orders!.filter(({ state }) => state !== 'rejected'),
      pick,
    );
    if (order === null) return null;
    const orders = engine.orders!.filter((each) => each !== order);
    const execs = books.exchange.fills.filter((fill) => fill.order === order.id).map(({ exec }) => exec);
    const changed = { ...engine, orders, positions: positionsFromOrders(orders) };
    return { books: withBook(books, changed), book: 'engine', kinds: ['unknown-here'], order: order.id, execs };
  },
  'an order that the database does not know': (books, pick) => {
    const database = bookNamed(books, 'database');
    const order = pickOf(
      database.orders!.filter(({ state }) => state !== 'rejected'),
      pick,
    );
    if (order === null) return null;
    const orders = database.orders!.filter((each) => each !== order);
    const fills = database.fills!.filter((fill) => fill.order !== order.id);
    const execs = books.exchange.fills.filter((fill) => fill.order === order.id).map(({ exec }) => exec);
    const changed = { ...database, orders, fills, positions: positionsFromFills(fills) };
    return { books: withBook(books, changed), book: 'database', kinds: ['unknown-here'], order: order.id, execs };
  },
  'an order that the exchange does not know': (books, pick) => {
    const order = pickOf(books.exchange.orders, pick);
    if (order === null) return null;
    const exchange = {
      ...books.exchange,
      orders: books.exchange.orders.filter((each) => each !== order),
      fills: books.exchange.fills.filter((fill) => fill.order !== order.id),
    };
    const execs = books.exchange.fills.filter((fill) => fill.order === order.id).map(({ exec }) => exec);
    return { books: { ...books, exchange }, book: 'database', kinds: ['unknown-there'], order: order.id, execs };
  },
};

for (const [name, plant] of Object.entries(PLANTS))
  test(`${name} is found, classed and explained, and nothing else is`, () => {
    let planted = 0;
    fc.assert(
      fc.property(firms(4), fc.nat(1000), (firm, pick) => {
        const clean = settled(firm);
        const found = plant(clean, pick);
        if (found === null) return;
        planted += 1;
        const findings = reconcile(found.books, exact);
        assert.deepEqual([...new Set(kindsOf(findings.breaks, found.book))], found.kinds, summary(findings).join('\n'));
        const own = findings.breaks.filter(({ book }) => book === found.book);
        assert.deepEqual(new Set(own.map(({ order }) => order)), new Set([found.order]));
        if (found.execs.length > 0)
          assert.deepEqual(
            own.flatMap(({ fills }) => fills.map(({ exec }) => exec)).toSorted(),
            found.execs.toSorted(),
          );
        const others = findings.breaks.filter(({ book }) => book !== found.book);
        if (!name.startsWith('an order that the exchange does')) assert.deepEqual(summary({ breaks: others }), []);
        assertAccountedFor(findings);
      }),
      { numRuns: 200 },
    );
    assert.ok(planted > 50, `${planted} worlds had room for it`);
  });

/** Takes one execution out of a list of books, and out of the count and state of the order that it filled. */
const without = (book: Book, lost: Trade): Book => {
  const fills = book.fills?.filter(({ exec }) => exec !== lost.exec) ?? null;
  const orders = book.orders?.map((order) => withoutFill(order, lost)) ?? null;
  const positions = fills === null ? positionsFromOrders(orders ?? []) : positionsFromFills(fills);
  return { ...book, fills, orders, positions };
};
const withoutFill = <Order extends Omit<BookOrder, 'account'>>(order: Order, lost: Trade): Order => {
  if (order.id !== lost.order) return order;
  return { ...order, filled: order.filled - lost.qty, state: order.state === 'filled' ? 'open' : order.state };
};

test('an execution that all books of the firm lack, or only the exchange lacks, is the same one in each of them', () => {
  let planted = 0;
  fc.assert(
    fc.property(firms(4), fc.nat(1000), (firm, pick) => {
      const clean = settled(firm);
      const lost = pickOf(bookNamed(clean, 'positions').fills!, pick);
      if (lost === null) return;
      planted += 1;
      const forgotten: ExchangeRecord = {
        ...clean.exchange,
        fills: clean.exchange.fills.filter(({ exec }) => exec !== lost.exec),
        orders: clean.exchange.orders.map((order) => withoutFill(order, lost)),
      };
      // Of several executions with equal terms the exchange is left with, one may be told as counted twice.
      const twin = forgotten.fills.some(({ order, qty }) => order === lost.order && qty === lost.qty);
      const cases: readonly (readonly [Books, BreakKind])[] = [
        [{ ...clean, firm: clean.firm.map((book) => without(book, lost)) }, 'missing-fill'],
        [{ ...clean, exchange: forgotten }, twin ? 'duplicate' : 'unknown-there'],
      ];
      for (const [books, kind] of cases) {
        const findings = reconcile(books, exact);
        const found = findings.breaks.map(({ book, kind: as, explained, fills }) => {
          return [book, as, explained, ...fills.map(({ exec }) => exec)].join(' ');
        });
        const expected: string[] = ['database', 'engine', 'positions'].map(
          (book) => `${book} ${kind} exact ${lost.exec}`,
        );
        assert.deepEqual(found.toSorted(), expected);
        assertAccountedFor(findings);
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(planted > 100, `${planted} worlds had room for it`);
});

test('several breaks at once are all found, and every difference of a position is accounted for', () => {
  const plants = Object.entries(PLANTS).filter(([name]) => !name.includes('the exchange does not know'));
  fc.assert(
    fc.property(
      firms(8),
      fc.array(fc.tuple(fc.nat(plants.length - 1), fc.nat(1000)), { maxLength: 4 }),
      (firm, picks) => {
        const clean = settled(firm);
        let books: Books = clean;
        const expected: { kind: BreakKind; book: string; order: string | null }[] = [];
        for (const [which, pick] of picks) {
          const planted = plants[which]![1]({ ...books, exchange: clean.exchange }, pick);
          // One break an order: two on the same one may rightly be told as one, or as something else.
          if (planted === null || expected.some(({ order }) => order === planted.order)) continue;
          expected.push({ kind: planted.kinds[0]!, book: planted.book, order: planted.order });
          books = planted.books;
        }
        const findings = reconcile(books, exact);
        const found = findings.breaks.map(({ kind, book, order }) => `${book} ${kind} ${order}`);
        assert.deepEqual(
          new Set(found),
          new Set(expected.map(({ kind, book, order }) => `${book} ${kind} ${order}`)),
          summary(findings).join('\n'),
        );
        assertAccountedFor(findings);
      },
    ),
    { numRuns: 500 },
  );
});
