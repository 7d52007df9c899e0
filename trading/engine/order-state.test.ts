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
      const { applied, venueSequence, active, orderCount, fillCount, breaks } = of;
      return { applied, venueSequence, active, orderCount, fillCount, breaks };
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
    assert.deepEqual(waiting(state.pendingCancels), [...model.pendingCancels]);
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
    case 'order':
    case 'cancel':
      if (taken.has(id)) return null;
      taken.add(id);
      return kind === 'order'
        ? { kind, id, client, symbol: `SYM${b % 3}`, side: b % 2 === 0 ? 'B' : 'S', price: number, qty: number, at: n }
        : { kind, id, client, target, at: n };
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
