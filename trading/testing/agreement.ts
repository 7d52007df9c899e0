import assert from 'node:assert/strict';
import { join } from 'node:path';
import { FileEntryLog } from '../fix/file-entry-log.ts';
import { KeptSession } from '../fix/kept-session.ts';
import { allOrders, type OrderStream } from './order-stream.ts';
import type { EngineUnderTest, TradingWorld } from './trading-world.ts';
import { waitUntil } from './wait-until.ts';

/** Settings of an exchange that engines trade at over FIX. */
export const FIX_VENUE = { fix: { port: 0, sessions: { ACME: {} } } };

export const isOpen = (engine: EngineUnderTest): Promise<void> =>
  waitUntil('the interlock is open', async () => (await engine.status()).interlock?.state === 'open');

/** Order states as the exchange's ledger has them, and the numbers of its reports. */
export const ledger = async (world: TradingWorld) => {
  const orders = new Map<string, { filled: number; state: string; qty: number; entered: number }>();
  const reports = await world.dropCopy();
  for (const report of reports) {
    const id = (report.kind === 'cancelled' ? report.target : report.id) as string;
    if (report.kind === 'accepted') {
      const entered = (orders.get(id)?.entered ?? 0) + 1;
      orders.set(id, { filled: 0, state: 'open', qty: report.qty as number, entered });
    }
    const order = orders.get(id);
    if (order === undefined) continue;
    if (report.kind === 'cancelled') order.state = 'cancelled';
    if (report.kind === 'fill') order.filled += report.qty as number;
    if (order.filled === order.qty) order.state = 'filled';
  }
  return { orders, reports: reports.length };
};

/** Of the FIX session, as an exchange that ended left it. */
export const numbersAtTheExchange = async (world: TradingWorld) => {
  const kept = new KeptSession('ACME');
  const onFailure = (error: Error) => {
    throw error;
  };
  const directory = join(world.directory, 'venue-data', 'fix');
  const log = await FileEntryLog.open({ directory, sync: 'none', onFailure }, [kept]);
  log.close();
  return kept.numbers;
};

/** Every acknowledged order is at both, in the same state; nothing is there twice, nothing that was never sent. */
export const assertAgreed = async (
  world: TradingWorld,
  engine: EngineUnderTest,
  streams: readonly OrderStream[],
): Promise<void> => {
  await waitUntil('the exchange has answered everything', async () => (await engine.status()).business.inDoubt === 0);
  const mine = await allOrders(engine.process.port('orders'));
  const { orders, reports } = await ledger(world);
  assert.equal((await engine.status()).business.venueReport, reports);
  for (const stream of streams)
    for (const id of stream.acknowledged.keys()) if (stream.sent.has(id)) assert.ok(mine.has(id), `${id} is lost`);
  assert.equal(orders.size, mine.size);
  for (const [id, order] of mine) {
    const there = orders.get(id);
    assert.deepEqual([there?.filled, there?.state, there?.entered], [order.filled, order.state, 1], id);
  }
  assert.equal((await engine.status()).business.breaks, 0);
};
