import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OrderStateModel } from '../testing/order-state-model.ts';
import { type Entry, encodeEntry } from './entry.ts';
import { OrderState } from './order-state.ts';
import { HASH_EVERY } from './state-hashes.ts';

/** One fold over entries, in sequence. */
class Fold {
  readonly state = new OrderState();
  readonly model = new OrderStateModel();

  apply(entry: Entry): void {
    const seq = this.state.applied + 1;
    const epoch = 1 + Math.floor(seq / 40);
    const record = encodeEntry(entry);
    const view = new DataView(record.buffer, record.byteOffset, record.length);
    this.state.apply(seq, epoch, record, view, 0);
    this.model.apply(seq, epoch, entry);
  }

  assertEqual(): void {
    const { state, model } = this;
    const figures = (of: OrderState | OrderStateModel) => {
      const { applied, venueReports, active, orderCount, fillCount, breaks } = of;
      return { applied, venueReports, active, orderCount, fillCount, breaks };
    };
    assert.deepEqual(figures(state), figures(model));
    assert.deepEqual(state.ordersAfter(0, 1_000_000), model.ordersAfter(0, 1_000_000));
    const waiting = (list: OrderState['pendingOrders']) => {
      const found = [];
      for (let item = list.first; item !== -1; item = state.items.next(item)) found.push(state.view(item));
      assert.equal(list.size, found.length);
      return found;
    };
    assert.deepEqual(waiting(state.pendingOrders), [...model.pendingOrders]);
    assert.deepEqual(waiting(state.pendingRequests), [...model.pendingRequests]);
    for (const [symbol, { bought, sold }] of model.traded) {
      const number = state.findText(symbol);
      assert.deepEqual([state.traded.bought(number), state.traded.sold(number)], [bought, sold], symbol);
    }
    assert.equal(state.hash, state.recomputedHash());
  }
}

/** Few ids, so that reports meet orders in every state, cancels and ids that nobody knows. */
const ids = fc.nat({ max: 30 });
const clients = fc.constantFrom('c1', 'c2', 'client-with-a-long-name');
const numbers = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
type Draw = readonly [string, number, number, string, number];
const draws = fc.array(
  fc.tuple(
    fc.constantFrom(
      'order',
      'order',
      'cancel',
      'accepted',
      'fill',
      'fill',
      'cancelled',
      'unasked',
      'rejected',
      'late',
      'withdrawn',
      'refused',
      'replace',
      'replace',
      'replaced',
      'replaced',
      'replace-late',
      'venue',
      'epoch',
      'test',
    ),
    ids,
    ids,
    clients,
    numbers,
  ),
  { maxLength: 200 },
);

/** The entry that a draw means; null where it would give an id twice, which no check lets through. */
const entryOf = ([kind, a, b, client, number]: Draw, n: number, taken: Set<string>): Entry | null => {
  const [id, target] = [`id-${a}`, `id-${b}`];
  switch (kind) {
    case 'order': {
      if (taken.has(id)) return null;
      taken.add(id);
      const side = b % 2 === 0 ? 'B' : 'S';
      const rest = { ...(b % 5 === 0 ? { tif: 'gtc' as const } : {}), ...(b % 3 === 0 ? {} : { venue: b % 3 }) };
      return { kind, id, client, symbol: `SYM${b % 3}`, side, price: number, qty: number, ...rest, at: n };
    }
    case 'cancel':
    case 'replace':
      if (taken.has(id)) return null;
      taken.add(id);
      return kind === 'cancel'
        ? { kind, id, client, target, at: n }
        : { kind, id, client, target, price: 3, qty: number, at: n };
    case 'replaced':
      return { kind, n, id, target, price: 3, qty: number };
    case 'replace-late':
      return { kind: 'replace-rejected', n, ...(b % 2 === 0 ? {} : { venue: 1 }), id, target, code: 'too-late' };
    case 'refused':
      return { kind, id, of: 'order', code: 'altered-duplicate' };
    case 'venue':
      return { kind, name: `exchange-${a % 3}`, venue: b % 3 };
    case 'fill':
      return { kind, n, id, exec: `x-${n}`, price: 10, qty: number };
    case 'cancelled':
      return { kind, n, id, target };
    case 'unasked':
      return { kind: 'cancelled', n, id: '', target };
    case 'late':
      return { kind: 'cancel-rejected', n, id, target, code: 'too-late' };
    case 'rejected':
      return { kind, n, id, code: `code-${b % 4}` };
    case 'accepted':
      return { kind, n, id };
    case 'withdrawn':
      return { kind, id, code: 'halted' };
    case 'epoch':
      return { kind, instance: client };
    default:
      return { kind: 'test', id };
  }
};

test('any entries amount to the same state as with an object for each order', () => {
  fc.assert(
    fc.property(draws, (list) => {
      const fold = new Fold();
      const taken = new Set<string>();
      for (const [at, draw] of list.entries()) {
        const entry = entryOf(draw, at + 1, taken);
        if (entry !== null) fold.apply(entry);
      }
      fold.assertEqual();
    }),
    { numRuns: 400 },
  );
});

const order = (id: string, qty = 5): Entry => ({
  kind: 'order',
  id,
  client: 'c1',
  symbol: 'S',
  side: 'B',
  price: 10,
  qty,
  at: 1,
});

test('a replaced order has the new price and total, is filled by them, and its id still means what was ordered', () => {
  const fold = new Fold();
  for (const entry of [
    order('a'),
    { kind: 'accepted', n: 1, id: 'a' },
    { kind: 'fill', n: 2, id: 'a', exec: 'x2', price: 10, qty: 2 },
    { kind: 'replace', id: 'r1', client: 'c1', target: 'a', price: 11, qty: 3, at: 1 },
    { kind: 'replace', id: 'r2', client: 'c1', target: 'a', price: 12, qty: 2, at: 1 },
    { kind: 'replaced', n: 3, id: 'r1', target: 'a', price: 11, qty: 3 },
    { kind: 'replace-rejected', n: 4, id: 'r2', target: 'a', code: 'bad-quantity' },
  ] satisfies Entry[])
    fold.apply(entry);
  const { state } = fold;
  const item = state.findId('a');
  assert.deepEqual([state.priceOf(item), state.quantityOf(item), state.items.quantity(item)], [11, 3, 5]);
  fold.apply({ kind: 'fill', n: 5, id: 'a', exec: 'x5', price: 11, qty: 1 });
  fold.assertEqual();
  assert.deepEqual([state.known('a')?.state, state.breaks, state.active], ['filled', 0, 0]);
});

test('the exchanges of a journal have the numbers that it gives them', () => {
  const fold = new Fold();
  fold.apply({ kind: 'venue', name: 'first', venue: 0 });
  fold.apply({ kind: 'venue', name: 'second', venue: 1 });
  fold.apply({ ...order('a'), venue: 1 } as Entry);
  fold.apply({ kind: 'accepted', n: 7, venue: 1, id: 'a' });
  const { venues } = fold.state;
  assert.deepEqual([venues.numberOf('second'), venues.lastReport(0), venues.lastReport(1)], [1, 0, 7]);
  fold.apply({ kind: 'venue', name: 'first', venue: 2 });
  fold.assertEqual();
  assert.equal(fold.state.breaks, 1);
});

test('what each client has open is counted', () => {
  const { state, model } = (() => {
    const fold = new Fold();
    for (let at = 0; at < 200; at++) fold.apply({ ...order(`o${at}`), client: `client-${at % 90}` } as Entry);
    fold.apply({ kind: 'rejected', n: 1, id: 'o3', code: 'no' });
    return fold;
  })();
  for (let at = 0; at < 90; at++)
    assert.equal(state.openOf(state.findText(`client-${at}`)), model.openOf(`client-${at}`));
  assert.equal(state.openOf(state.findText('nobody')), 0);
});

test('an id that is given twice is a break and changes no order', () => {
  const fold = new Fold();
  fold.apply(order('twice'));
  const { state } = fold;
  const record = encodeEntry(order('twice', 9));
  state.apply(2, 1, record, new DataView(record.buffer, record.byteOffset, record.length), 0);
  assert.deepEqual([state.breaks, state.orderCount, state.ordersAfter(0, 9)[0]?.qty], [1, 1, 5]);
});

test('states that differ in one field have different hashes, equal ones the same', () => {
  const hashOf = (...entries: Entry[]) => {
    const fold = new Fold();
    for (const entry of entries) fold.apply(entry);
    return fold.state.hash;
  };
  const base = [order('a'), order('b')];
  const others: Entry[][] = [
    [order('a'), order('b', 6)],
    [order('a'), { ...order('b'), side: 'S' } as Entry],
    [order('a'), { ...order('b'), client: 'c2' } as Entry],
    [...base, { kind: 'accepted', n: 1, id: 'a' }],
    [...base, { kind: 'accepted', n: 1, id: 'b' }],
    [...base, { kind: 'fill', n: 1, id: 'a', exec: 'x', price: 1, qty: 1 }],
    [...base, { kind: 'fill', n: 1, id: 'a', exec: 'x', price: 1, qty: 2 }],
    [...base, { kind: 'rejected', n: 1, id: 'a', code: 'x' }],
    [...base, { kind: 'rejected', n: 1, id: 'a', code: 'y' }],
    [...base, { kind: 'withdrawn', id: 'a', code: 'x' }],
    [order('a'), { ...order('b'), venue: 1 } as Entry],
    [order('a'), { ...order('b'), tif: 'gtc' } as Entry],
    [...base, { kind: 'replace', id: 'r', client: 'c1', target: 'a', price: 1, qty: 9, at: 1 }],
    [...base, { kind: 'accepted', n: 1, venue: 1, id: 'a' }],
  ];
  assert.equal(hashOf(...base), hashOf(...base));
  assert.equal(new Set([base, ...others].map((entries) => hashOf(...entries))).size, others.length + 1);
});

test('the hash is noted at fixed sequences, whatever came in between', () => {
  const fold = new Fold();
  for (let at = 1; at <= HASH_EVERY + 5; at++) {
    fold.apply(order(`o${at}`));
    if (at === HASH_EVERY) assert.equal(fold.state.hashes.at(HASH_EVERY), fold.state.hash);
  }
  assert.deepEqual(fold.state.hashes.newest, { sequence: HASH_EVERY, hash: fold.state.hashes.at(HASH_EVERY) });
  assert.notEqual(fold.state.hashes.at(HASH_EVERY), fold.state.hash);
  assert.equal(fold.state.hashes.at(2 * HASH_EVERY), null);
});

test('memory that was altered is noticed when the hash is computed again', () => {
  const fold = new Fold();
  fold.apply(order('a'));
  fold.apply(order('b'));
  fold.state.items.setQuantity(1, 6);
  assert.notEqual(fold.state.hash, fold.state.recomputedHash());
});
