import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VenueRecord } from './venue-record.ts';

const accepted = (n: number, id: string, qty = 10) => {
  return { t: 'report', n, kind: 'accepted', id, symbol: 'ABC', side: 'B', price: 5, qty };
};
const fill = (n: number, id: string, exec: string, qty: number) => ({
  t: 'report',
  n,
  kind: 'fill',
  id,
  exec,
  price: 5,
  qty,
});
const noneOpen = new Map<string, number>();

test('reports fold into orders and executions', () => {
  const venue = new VenueRecord('exchange');
  for (const report of [
    accepted(1, 'o1'),
    accepted(2, 'o2'),
    fill(3, 'o1', 'x1', 4),
    { t: 'report', n: 4, kind: 'cancelled', id: 'c1', target: 'o2' },
    fill(5, 'o1', 'x2', 6),
    { t: 'report', n: 6, kind: 'rejected', id: 'o3', code: 'bad-order' },
    { t: 'report', n: 7, kind: 'cancel-rejected', id: 'c2', target: 'o1', code: 'too-late' },
  ])
    venue.apply(report);
  const { orders, fills, rejected, contradictions } = venue.record(noneOpen);
  assert.deepEqual(
    orders.map(({ id, state, filled }) => [id, state, filled]),
    [
      ['o1', 'filled', 10],
      ['o2', 'cancelled', 0],
    ],
  );
  assert.deepEqual(
    fills.map(({ exec, side }) => `${exec} ${side}`),
    ['x1 B', 'x2 B'],
  );
  assert.deepEqual([[...rejected], contradictions], [['o3'], []]);
});

test('a replaced order has its new price and total, and is filled by them', () => {
  const venue = new VenueRecord('exchange');
  for (const report of [
    accepted(1, 'o1'),
    { t: 'report', n: 2, kind: 'replaced', id: 'r1', target: 'o1', price: 6, qty: 7, open: 7 },
    fill(3, 'o1', 'x1', 4),
  ])
    venue.apply(report);
  const { orders, contradictions } = venue.record(new Map([['o1', 3]]));
  assert.deepEqual([orders[0]?.price, orders[0]?.qty, contradictions], [6, 7, []]);
  venue.apply(fill(4, 'o1', 'x2', 3));
  assert.equal(venue.record(noneOpen).orders[0]?.state, 'filled');
});

test('a gap, an execution of no order, or a report that cannot be read is refused: half a record is none', () => {
  const venue = new VenueRecord('exchange');
  venue.apply(accepted(1, 'o1'));
  assert.throws(() => venue.apply(accepted(3, 'o2')), /report 3 follows 1/);
  assert.throws(() => venue.apply(fill(2, 'nobody', 'x1', 1)), /never accepted/);
  for (const wrong of [{ qty: 1.5 }, { qty: -1 }, { exec: '' }, { price: '5' }])
    assert.throws(
      () => new VenueRecord('exchange').apply({ ...fill(1, 'o1', 'x1', 1), ...wrong }),
      /cannot be relied on/,
    );
});

test('an execution that is reported twice counts once for its order and is listed twice', () => {
  const venue = new VenueRecord('exchange');
  for (const report of [accepted(1, 'o1'), fill(2, 'o1', 'x1', 4), fill(3, 'o1', 'x1', 4)]) venue.apply(report);
  const { orders, fills } = venue.record(new Map([['o1', 6]]));
  assert.deepEqual([orders[0]?.filled, fills.length], [4, 2]);
});

test('drop copy and order status that contradict one another are named', () => {
  const venue = new VenueRecord('exchange');
  for (const report of [accepted(1, 'o1'), accepted(2, 'o2'), accepted(3, 'o3', 4), fill(4, 'o3', 'x1', 4)])
    venue.apply(report);
  const openByStatus = new Map([
    ['o1', 9],
    ['o3', 4],
    ['ghost', 1],
  ]);
  assert.deepEqual(
    venue.record(openByStatus).contradictions.map(({ order, what }) => `${order}: ${what}`),
    [
      'o1: 10 lots open by the drop copy, 9 by its order status',
      'o3: filled by the drop copy, open by its order status',
      'ghost: unknown by the drop copy, open by its order status',
      'o2: open by the drop copy, not open by its order status',
    ],
  );
  assert.deepEqual(
    venue.record(
      new Map([
        ['o1', 10],
        ['o2', 10],
      ]),
    ).contradictions,
    [],
  );
});
