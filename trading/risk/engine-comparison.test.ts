import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { type JournalEntry, parseEntry } from '../oms/journal-entry.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { compareWithEngine } from './engine-comparison.ts';
import { ExposureBook } from './exposure-book.ts';

const order = (seq: number, id: string, qty: number): JournalEntry => ({
  kind: 'order',
  seq,
  epoch: 1,
  id,
  client: 'c1',
  symbol: 'ABC',
  side: 'B',
  price: 10,
  qty,
});

test('exposures counted anew are those kept while entries came, and replace others', () => {
  const book = new ExposureBook();
  book.apply(order(1, 'o1', 5));
  book.apply({ ...order(2, 'o2', 3), side: 'S' } as JournalEntry);
  book.apply({ kind: 'fill', seq: 3, epoch: 1, orderId: 'o1', exec: 'x1', price: 10, qty: 2 });
  const kept = [book.client('c1'), book.pair('c1', 'ABC')];
  assert.deepEqual(book.recount(), []);
  assert.deepEqual([book.client('c1'), book.pair('c1', 'ABC')], kept);
  assert.deepEqual([...book.takeChanged()], ['c1']);
});

test('open orders and positions are compared with the engine', async (suite) => {
  let engine: StandInEngine;
  const book = new ExposureBook();
  // What shall agree may take as long as it likes, and what differs is not waited for; neither is a question of how busy the machine is.
  const compare = (settleMs = 20_000) =>
    compareWithEngine({ book, engines: [engine.address], client: 'risk', settleMs, deadlineMs: 30_000 });
  before(async () => {
    engine = await StandInEngine.listen();
    // Every third entry is an order that is filled: so the first two orders stay open.
    engine.release({ kind: 'session' });
    const client = await LineClient.open(engine.address.port);
    for (let n = 1; n <= 7; n += 1) client.send({ t: 'new', id: `o${n}`, symbol: 'ABC', side: 'B', price: 10, qty: n });
    await waitUntil('all are taken', () => engine.requests.size === 7);
    client.close();
    for (const message of engine.journal) book.apply(parseEntry(message)!);
  });
  after(() => engine.close());

  await suite.test('books that agree have a difference of 0', async () => {
    const { delta, orders, openOrders, positions, through } = await compare();
    const open = [...engine.requests.values()].filter(({ state }) => state === 'open').length;
    assert.deepEqual(
      { delta, orders, openOrders, positions, through },
      { delta: 0, orders: 7, openOrders: open, positions: 1, through: engine.journal.length },
    );
  });

  await suite.test('what is executed while the engine answers is no difference', async () => {
    const [open] = [...engine.requests.values()].filter(({ state }) => state === 'open');
    const comparing = compare();
    const entry = { kind: 'fill', id: open!.id, exec: 'late', price: 10, qty: 1 };
    open!['filled'] = 1;
    if (open!['qty'] === 1) open!['state'] = 'filled';
    engine.release(entry);
    book.apply(parseEntry(engine.journal.at(-1)!)!);
    assert.deepEqual((await comparing).differences, []);
  });

  await suite.test(
    'an order that the engine has otherwise, and lots that it has more, are named with by how much',
    async () => {
      const [open] = [...engine.requests.values()].filter(({ state }) => state === 'open');
      const qty = Number(open!['qty']);
      open!['qty'] = qty + 3;
      const found = await compare(0);
      assert.deepEqual([found.delta, found.differences.length], [3, 1]);
      assert.match(found.differences[0]!, new RegExp(`^${open!.id}: B ${qty} ABC at 10 of c1`));
      open!['qty'] = qty;
      const filled = [...engine.requests.values()].find(({ state }) => state === 'filled')!;
      filled['filled'] = Number(filled['filled']) + 5;
      assert.match((await compare(0)).differences[0]!, /^c1 ABC: \d+ lots here, \d+ at the engine$/);
    },
  );
});
