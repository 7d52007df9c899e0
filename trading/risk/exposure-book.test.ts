import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExposureBook } from './exposure-book.ts';
import { parseRuleChange, RuleBook } from './limits.ts';

const order = (seq: number, id: string, terms: object = {}) =>
  ({ kind: 'order', seq, epoch: 1, id, client: 'c1', symbol: 'AB', side: 'B', price: 10, qty: 50, ...terms }) as const;
const fill = (seq: number, orderId: string, qty: number, price = 10) =>
  ({ kind: 'fill', seq, epoch: 1, orderId, exec: `x${seq}`, price, qty }) as const;

test('an order is open until it is executed, cancelled or refused, and what is executed is held', () => {
  const book = new ExposureBook();
  book.apply(order(1, 'o1'));
  book.apply(order(2, 'o2', { side: 'S', qty: 20, price: 11 }));
  assert.deepEqual(book.pair('c1', 'AB'), { lots: 0, openBuy: 50, openSell: 20 });
  assert.deepEqual(book.client('c1'), { openOrders: 2, openNotional: 720, heldNotional: 0, loss: 0 });
  book.apply(fill(3, 'o1', 30, 9));
  assert.deepEqual(book.client('c1'), { openOrders: 2, openNotional: 420, heldNotional: 270, loss: 0 });
  book.apply({ kind: 'cancelled', seq: 4, epoch: 1, orderId: 'o1' });
  book.apply({ kind: 'rejected', seq: 5, epoch: 1, orderId: 'o2' });
  assert.deepEqual(book.pair('c1', 'AB'), { lots: 30, openBuy: 0, openSell: 0 });
  assert.deepEqual([book.openOrders, book.through, book.unbooked.length], [0, 5, 0]);
  book.mark('AB', 7);
  assert.equal(book.client('c1').loss, 60);
});

test('an order that was asked to be another counts as the worse of the two until the exchange has answered', () => {
  const book = new ExposureBook();
  const ask = (seq: number, id: string, price: number, qty: number) =>
    book.apply({ kind: 'other', seq, epoch: 1, news: { kind: 'replace', id, orderId: 'o1', price, qty } });
  const figures = () => ({ ...book.pair('c1', 'AB'), notional: book.client('c1').openNotional });
  book.apply(order(1, 'o1'));
  ask(2, 'r1', 12, 60);
  ask(3, 'r2', 20, 40);
  assert.deepEqual(figures(), { lots: 0, openBuy: 60, openSell: 0, notional: 800 });
  book.apply({ kind: 'other', seq: 4, epoch: 1, news: { kind: 'refused', id: 'r2' } });
  assert.deepEqual(figures(), { lots: 0, openBuy: 60, openSell: 0, notional: 720 });
  book.apply(fill(5, 'o1', 10));
  assert.deepEqual(figures(), { lots: 10, openBuy: 50, openSell: 0, notional: 600 });
  book.apply({ kind: 'replaced', seq: 6, epoch: 1, orderId: 'o1', price: 11, qty: 30, request: 'r1' });
  assert.deepEqual(figures(), { lots: 10, openBuy: 20, openSell: 0, notional: 220 });
  ask(7, 'r3', 11, 90);
  book.apply(fill(8, 'o1', 20));
  assert.deepEqual(figures(), { lots: 30, openBuy: 0, openSell: 0, notional: 0 });
  book.apply({ kind: 'other', seq: 9, epoch: 1, news: { kind: 'refused', id: 'r3' } });
  assert.deepEqual(figures(), { lots: 30, openBuy: 0, openSell: 0, notional: 0 });
  book.apply({ kind: 'replaced', seq: 10, epoch: 1, orderId: 'o1', price: 11, qty: 40, request: 'r9' });
  assert.deepEqual([book.openOrders, book.unbooked.length], [0, 1]);
});

test('an entry that fits nothing is kept and shown, and moves nothing', () => {
  const book = new ExposureBook();
  book.apply(order(1, 'o1'));
  book.apply(fill(2, 'o1', 51));
  book.apply(fill(3, 'nobody', 1));
  book.apply({ kind: 'cancelled', seq: 4, epoch: 1, orderId: 'nobody' });
  book.apply(order(5, 'o2', { price: 2 ** 50, qty: 2 ** 10 }));
  assert.deepEqual(
    book.unbooked.map(({ seq }) => seq),
    [2, 3, 4, 5],
  );
  assert.deepEqual(book.pair('c1', 'AB'), { lots: 0, openBuy: 50, openSell: 0 });
  assert.throws(() => book.apply(order(7, 'o3')), /entry 7 applied after 5/);
});

test('whose figures changed is said once', () => {
  const book = new ExposureBook();
  book.apply(order(1, 'o1'));
  assert.deepEqual([...book.takeChanged()], ['c1']);
  assert.deepEqual([...book.takeChanged()], []);
  book.apply(order(2, 'o2', { client: 'c2' }));
  book.takeChanged();
  book.apply(fill(3, 'o2', 1, 12));
  assert.deepEqual([...book.takeChanged()].toSorted(), ['c1', 'c2'], 'the mark of what both know changed');
});

test("a name's own bound counts, then that of *, then none", () => {
  const rules = new RuleBook();
  const put = (change: object) => {
    const parsed = parseRuleChange(change as Record<string, unknown>);
    assert.ok(typeof parsed !== 'string', String(parsed));
    rules.put(rules.after(parsed));
  };
  put({ scope: 'client', name: '*', limits: { maxOrderQty: 5, maxLoss: 7 } });
  put({ scope: 'client', name: 'c1', limits: { maxOrderQty: 9 } });
  put({ scope: 'client', name: 'c1', killed: true });
  const bounds = (name: string) => [rules.limit('client', name, 'maxOrderQty'), rules.limit('client', name, 'maxLoss')];
  assert.deepEqual(
    [bounds('c1'), bounds('c2')],
    [
      [9, 7],
      [5, 7],
    ],
  );
  assert.equal(rules.limit('client', 'c1', 'maxPosition'), Number.MAX_SAFE_INTEGER);
  assert.deepEqual([rules.killed('client', 'c1'), rules.killed('client', 'c2')], [true, false]);
  put({ scope: 'client', name: 'c1', killed: false });
  assert.equal(rules.limit('client', 'c1', 'maxOrderQty'), 9, 'a switch leaves the bounds as they were');
});

test('a change that means nothing is refused with the reason', () => {
  for (const [change, says] of [
    [{ scope: 'planet', name: 'c1', killed: true }, /scope must be/],
    [{ scope: 'client', killed: true }, /name must be/],
    [{ scope: 'client', name: 'a b', killed: true }, /name must be/],
    [{ scope: 'client', name: 'c1', killed: 1 }, /killed must be/],
    [{ scope: 'client', name: 'c1', limits: { maxPosition: -1 } }, /maxPosition must be a whole number/],
    [{ scope: 'firm', limits: { maxPosition: 1 } }, /a firm has no limit maxPosition/],
    [{ scope: 'firm' }, /it changes nothing/],
  ] as const)
    assert.match(String(parseRuleChange(change)), says);
});
