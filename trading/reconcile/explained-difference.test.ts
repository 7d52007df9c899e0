import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Trade } from '../positions/trade.ts';
import { assertAccountedFor } from '../testing/accounted-for.ts';
import { type Book, type ExchangeRecord, positionsFromFills, positionsFromOrders } from './book.ts';
import type { Break } from './break.ts';
import { type Findings, reconcile } from './reconcile.ts';

const exact = { toleranceLots: 0.001 };
const summary = ({ breaks }: Pick<Findings, 'breaks'>) =>
  breaks.map(({ kind, book, what }) => `${book} ${kind}: ${what}`);

const fill = (exec: string, qty: number, side: 'B' | 'S' = 'B'): Trade => {
  return { exec, order: `o-${exec}`, account: 'c1', symbol: 'ABC', side, price: 10, qty };
};
const statement = (lots: number): Book => ({
  name: 'clearing',
  fills: null,
  orders: null,
  positions: [{ account: 'c1', symbol: 'ABC', lots }],
});
const exchangeOf = (fills: readonly Trade[]): ExchangeRecord => ({
  name: 'exchange',
  fills,
  orders: fills.map(({ order, symbol, side, price, qty }) => ({
    id: order,
    symbol,
    side,
    price,
    qty,
    filled: qty,
    state: 'filled',
  })),
  rejected: new Set(),
  contradictions: [],
});
const keeperOf = (fills: readonly Trade[]): Book => {
  return { name: 'positions', fills, orders: null, positions: positionsFromFills(fills) };
};
/** A book that states positions and nothing else, against an exchange with these executions. */
const stated = (lots: number, fills: readonly Trade[]): readonly Break[] =>
  reconcile({ exchange: exchangeOf(fills), firm: [keeperOf(fills), statement(lots)] }, exact).breaks;

test('a position stated without executions is explained by the smallest set that fits, as missing, doubled or turned', () => {
  const fills = [fill('a', 7), fill('b', 20), fill('c', 50, 'S'), fill('d', 3)];
  // Together −20.
  const found = (lots: number) => stated(lots, fills).map(({ kind, fills: [one] }) => `${kind} ${one?.exec}`);
  assert.deepEqual(found(-20), []);
  assert.deepEqual(found(-27), ['missing-fill a']);
  assert.deepEqual(found(-13), ['duplicate a']);
  assert.deepEqual(found(80), ['wrong-side c']);
  assert.deepEqual(found(-30), ['missing-fill a', 'missing-fill d']);
});

test('what nothing explains, or more than one thing does, is said to be unexplained and never guessed', () => {
  const explained = (lots: number, fills: readonly Trade[]) =>
    stated(lots, fills).map(({ kind, explained: how, fills: list }) => [kind, how, list.length]);
  assert.deepEqual(explained(1000, [fill('a', 7), fill('b', 20)]), [['unexplained', 'none', 0]]);
  assert.deepEqual(explained(7, [fill('a', 7), fill('b', 7)]), [['missing-fill', 'ambiguous', 0]]);
  // Missing a purchase of 7, or a sale of 7 counted twice.
  assert.deepEqual(explained(-7, [fill('a', 7), fill('b', 7, 'S')]), [['unexplained', 'ambiguous', 0]]);
  const many = Array.from({ length: 400 }, (_, n) => fill(`m${n}`, 1000 + 2 * ((n * 7919) % 4001)));
  const sum = many.reduce((total, { qty }) => total + qty, 0);
  assert.deepEqual(explained(sum + 9_999, many), [['unexplained', 'search-limit', 0]]);
});

test('differences within the tolerance are none, and lots in question decide what calls somebody', () => {
  const fills = [fill('a', 7)];
  const books = { exchange: exchangeOf(fills), firm: [keeperOf(fills), statement(9)] };
  assert.equal(reconcile(books, { toleranceLots: 2 }).positions.length, 0);
  assert.equal(reconcile(books, { toleranceLots: 1 }).positions.length, 1);
});

test('without the exchange the books of the firm are still compared with one another', () => {
  const fills = [fill('a', 7), fill('b', 20)];
  const findings = reconcile({ exchange: null, firm: [keeperOf(fills), statement(7)] }, exact);
  assert.deepEqual(summary(findings), [
    'clearing missing-fill: the position of clearing lacks execution b of order o-b',
  ]);
});

test('the book that stands alone is named', () => {
  const fills = [fill('a', 7)];
  const books = { exchange: exchangeOf(fills), firm: [keeperOf(fills), statement(9)] };
  assert.deepEqual(reconcile(books, exact).positions, [
    {
      account: 'c1',
      symbol: 'ABC',
      lots: { exchange: 7, positions: 7, clearing: 9 },
      alone: 'clearing',
      breaks: reconcile(books, exact).breaks.map(({ id }) => id),
    },
  ]);
});

test('an exchange that repeats an execution, or contradicts itself, has the break itself', () => {
  const fills = [fill('a', 7)];
  const record = exchangeOf(fills);
  const repeated = reconcile({ exchange: { ...record, fills: [...fills, ...fills] }, firm: [keeperOf(fills)] }, exact);
  assert.deepEqual(
    repeated.breaks.map(({ kind, book }) => [kind, book]),
    [['duplicate', 'exchange']],
  );
  const contradictions = [{ order: 'o-a', what: 'filled by the drop copy, open by its status' }];
  const contradicting = reconcile({ exchange: { ...record, contradictions }, firm: [keeperOf(fills)] }, exact);
  assert.deepEqual(
    contradicting.breaks.map(({ kind, book }) => [kind, book]),
    [['stale-state', 'exchange']],
  );
});

/** One order of the engine, `filled` as it says, and what the exchange has executed of it. */
const oneOrder = (options: {
  readonly filled: number;
  readonly executed: readonly number[];
  readonly side?: 'B' | 'S';
}): { readonly engine: Book; readonly exchange: ExchangeRecord; readonly fills: readonly Trade[] } => {
  const { filled, executed, side = 'B' } = options;
  const fills = executed.map((qty, index) => ({ ...fill(`x${index}`, qty), order: 'o' }));
  const order = { id: 'o', symbol: 'ABC', price: 10, qty: 100, state: 'open' } as const;
  const orders = [{ ...order, account: 'c1', side, filled }];
  const sum = executed.reduce((total, qty) => total + qty, 0);
  return {
    engine: { name: 'engine', orders, fills: null, positions: positionsFromOrders(orders) },
    exchange: { ...exchangeOf(fills), orders: [{ ...order, side: 'B', filled: sum }] },
    fills,
  };
};
const engineBreaks = (firm: ReturnType<typeof oneOrder>, others: readonly Book[] = []): readonly Break[] => {
  const findings = reconcile({ exchange: firm.exchange, firm: [firm.engine, ...others] }, exact);
  assertAccountedFor(findings);
  return findings.breaks.filter(({ book }) => book === 'engine');
};

test('an explanation that comes out the same by chance is another break once the engine has moved on', () => {
  const before = engineBreaks(oneOrder({ filled: 0, executed: [2] }));
  // x0 has arrived, x1 and x2 are on their way: the smallest set that makes 2 is x0 again.
  const later = engineBreaks(oneOrder({ filled: 2, executed: [2, 1, 1] }));
  assert.deepEqual(
    [before, later].map((breaks) => breaks.map(({ fills }) => fills[0]?.exec)),
    [['x0'], ['x0']],
  );
  assert.notEqual(before[0]!.id, later[0]!.id);
});

test('the other book explains only a difference that is as large as its own', () => {
  const firm = oneOrder({ filled: 7, executed: [5, 7] });
  const elsewhere = keeperOf(firm.fills.filter(({ exec }) => exec !== 'x1'));
  assert.deepEqual(
    engineBreaks(firm, [elsewhere]).map(({ kind, fills }) => [kind, fills[0]?.exec]),
    [['missing-fill', 'x0']],
  );
});

test('an order on the wrong side that lacks an execution, or has one twice, is accounted for to the lot', () => {
  for (const filled of [7, 17, 5]) {
    const kinds = engineBreaks(oneOrder({ filled, executed: [5, 7], side: 'S' })).map(({ kind }) => kind);
    assert.deepEqual(kinds, ['wrong-side', filled < 12 ? 'missing-fill' : 'duplicate']);
  }
});
