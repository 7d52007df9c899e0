import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { waitUntil } from '../../testing/wait-until.ts';
import { ITEM_KIND } from '../order-pool.ts';
import { OrderState } from '../order-state.ts';
import { Takeover } from './takeover.ts';

const ORDERS = 12_000;

/** A state with orders that are known and not waited for. */
const settledOrders = (): OrderState => {
  const state = new OrderState();
  for (let order = 0; order < ORDERS; order++) state.items.addPending(ITEM_KIND.order, 0, 0, 0, order + 1, 1);
  return state;
};

test('nothing is counted in the moment in which a takeover settles', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const state = settledOrders();
  const takeover = new Takeover({ state, about: { epoch: 2, instance: 'b', directory: '.' }, venues: [] });
  const looks = context.mock.method(state.items, 'state');
  let writes = 0;
  takeover.settle(() => {
    writes += 1;
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.notEqual(takeover.settledAfterMs, null);
  assert.deepEqual([writes, looks.mock.callCount(), takeover.unwritten], [0, 0, true]);
  context.mock.timers.tick(10_000);
  assert.equal(writes, 1);
});

test('a reign that ends before its report was written has it written once', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast takeover é-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const takeover = new Takeover({
    state: settledOrders(),
    about: { epoch: 2, instance: 'b', directory },
    venues: ['X'],
  });
  takeover.settle(() => assert.fail('it was kept before'));
  assert.ok(takeover.unwritten);
  await takeover.keep();
  assert.ok(!takeover.unwritten);
  await waitUntil('the report is there', () => {
    const report = JSON.parse(readFileSync(join(directory, 'takeover-2.json'), 'utf8'));
    return report.settledAfterMs !== null && report.orders.pending === ORDERS;
  });
});
