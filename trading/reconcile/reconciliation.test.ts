import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Trade } from '../positions/trade.ts';
import { SampleFirm, type SampleOrder } from '../testing/sample-firm.ts';
import { type Book, type ExchangeRecord, positionsFromFills } from './book.ts';
import type { BookSources } from './book-source.ts';
import { type Pace, type ReconciliationSettings, runReconciliation } from './reconciliation.ts';

const settings: ReconciliationSettings = { toleranceLots: 0.001, alertAboveLots: 100, settleMs: 800, deadlineMs: 100 };

/** A clock that moves when somebody waits for it. */
class TestPace implements Pace {
  #nowMs = 0;
  readonly #each: (nowMs: number) => void;

  constructor(each: (nowMs: number) => void = () => {}) {
    this.#each = each;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wait(ms: number): Promise<void> {
    this.#nowMs += ms;
    this.#each(this.#nowMs);
    return Promise.resolve();
  }
}

const trade = (exec: string, qty: number): Trade => {
  return { exec, order: `o-${exec}`, account: 'c1', symbol: 'ABC', side: 'B', price: 10, qty };
};
/** Two processes that can be edited: what the exchange has executed, and what the keeper has booked. */
class Editable {
  readonly executed: Trade[] = [trade('a', 7), trade('b', 250)];
  booked: Trade[] = [...this.executed];
  keeperFails = false;
  exchangeFails = false;

  readonly sources: BookSources = {
    engine: null,
    books: [{ name: 'positions', read: async () => this.#keeper() }],
    exchange: { name: 'exchange', read: async () => this.#exchange() },
  };

  #keeper(): Book {
    if (this.keeperFails) throw new Error('no route');
    return { name: 'positions', fills: [...this.booked], orders: null, positions: positionsFromFills(this.booked) };
  }

  #exchange(): ExchangeRecord {
    if (this.exchangeFails) throw new Error('closed for lunch');
    const orders = this.executed.map(({ order, symbol, side, price, qty }) => {
      return { id: order, symbol, side, price, qty, filled: qty, state: 'filled' } as const;
    });
    return { name: 'exchange', fills: [...this.executed], orders, rejected: new Set(), contradictions: [] };
  }
}

test('books that agree are clean after one pass', async () => {
  const run = await runReconciliation(new Editable().sources, settings, new TestPace());
  assert.deepEqual([run.verdict, run.passes, run.breaks.length, run.reasons], ['clean', 1, 0, []]);
});

test('what arrives within the settle window was timing, and the run ends as soon as it is there', async () => {
  const world = new Editable();
  world.executed.push(trade('c', 40));
  const pace = new TestPace((nowMs) => {
    if (nowMs >= 300) world.booked = [...world.executed];
  });
  const run = await runReconciliation(world.sources, settings, pace);
  assert.deepEqual([run.verdict, run.breaks.length], ['clean', 0]);
  assert.deepEqual(
    run.timing.settled.map(({ kind, fills }) => [kind, fills[0]?.exec]),
    [['timing', 'c']],
  );
  assert.ok(run.elapsedMs < settings.settleMs, `${run.elapsedMs} ms`);
});

test('what is still there when the window has passed is a break, with a severity by the lots in question', async () => {
  const world = new Editable();
  world.booked = [];
  const pace = new TestPace();
  const run = await runReconciliation(world.sources, settings, pace);
  assert.equal(run.verdict, 'breaks');
  assert.deepEqual(
    run.breaks.map(({ kind, severity, fills }) => [kind, severity, fills[0]?.exec]),
    [
      ['unknown-here', 'break', 'a'],
      ['unknown-here', 'alert', 'b'],
    ],
  );
  assert.ok(run.elapsedMs >= settings.settleMs);
});

test('what was executed during the last pass is in flight and no break', async () => {
  const world = new Editable();
  world.booked = world.booked.slice(1);
  let late = 0;
  const pace = new TestPace(() => {
    late += 1;
    world.executed.push(trade(`late-${late}`, 5));
  });
  const run = await runReconciliation(world.sources, settings, pace);
  assert.deepEqual(
    run.breaks.flatMap(({ fills }) => fills.map(({ exec }) => exec)),
    ['a'],
  );
  assert.ok(run.timing.inFlight.length > 0);
});

test('a book that cannot be read makes it inconclusive, never clean, and says which and why', async () => {
  const world = new Editable();
  world.keeperFails = true;
  const alone = await runReconciliation(world.sources, settings, new TestPace());
  assert.equal(alone.verdict, 'inconclusive');
  assert.deepEqual(alone.reasons, ['positions could not be read: no route']);
  world.keeperFails = false;
  world.exchangeFails = true;
  const without = await runReconciliation(world.sources, settings, new TestPace());
  assert.deepEqual(
    [without.verdict, without.reasons],
    ['inconclusive', ['exchange could not be read: closed for lunch']],
  );
});

test('a difference that cannot be looked at again is neither a break nor gone', async () => {
  const world = new Editable();
  world.booked = [];
  const pace = new TestPace(() => {
    world.exchangeFails = true;
  });
  const run = await runReconciliation(world.sources, settings, pace);
  assert.deepEqual([run.verdict, run.breaks.length, run.timing.inFlight.length], ['inconclusive', 0, 2]);
  assert.match(run.reasons.join('; '), /2 differences could not be looked at again/);
});

test('a tolerated difference is shown and does not make breaks of it', async () => {
  const world = new Editable();
  world.booked = world.booked.slice(1);
  const run = await runReconciliation(world.sources, { ...settings, toleranceLots: 7 }, new TestPace());
  assert.deepEqual([run.verdict, run.breaks.map(({ severity }) => severity)], ['clean', ['tolerated']]);
});

test('under a flow of orders that never stops no break is reported, however the books are read', async () => {
  const sampleOrder: fc.Arbitrary<SampleOrder> = fc.record({
    account: fc.constantFrom('c1', 'c2'),
    symbol: fc.constantFrom('ABC', 'XYZ'),
    side: fc.constantFrom<'B' | 'S'>('B', 'S'),
    price: fc.integer({ min: 1, max: 99 }),
    sentAt: fc.nat(2000),
    answer: fc.constantFrom<SampleOrder['answer']>('accepted', 'accepted', 'rejected'),
    fills: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
    left: fc.nat(5),
    cancelled: fc.boolean(),
    startAt: fc.constant(0),
    stepEvery: fc.integer({ min: 20, max: 300 }),
  });
  const orders = fc
    .array(fc.tuple(sampleOrder, fc.nat(150)), { minLength: 20, maxLength: 40 })
    .map((rows) => new SampleFirm(rows.map(([order, travel]) => ({ ...order, startAt: order.sentAt + travel }))));
  let rechecked = 0;
  await fc.assert(
    fc.asyncProperty(orders, fc.array(fc.nat(150), { minLength: 4, maxLength: 4 }), async (firm, [a, b, c, d]) => {
      const pace = new TestPace();
      // Each is read at a moment of its own: nothing waits for anything.
      const sources: BookSources = {
        engine: { name: 'engine', read: async () => ({ book: firm.engineAt(500 + pace.nowMs() + a!), end: 0 }) },
        books: [
          { name: 'positions', read: async () => firm.keeperAt(500 + pace.nowMs() + b!) },
          { name: 'database', read: async () => firm.databaseAt(500 + pace.nowMs() + c!) },
        ],
        exchange: { name: 'exchange', read: async () => firm.exchangeAt(500 + pace.nowMs() + d!) },
      };
      const run = await runReconciliation(sources, settings, pace);
      if (run.passes > 1) rechecked += 1;
      assert.deepEqual([run.verdict, run.breaks.map(({ what }) => what)], ['clean', []]);
    }),
    { numRuns: 150 },
  );
  assert.ok(rechecked > 20, `${rechecked} runs had something in flight`);
});
