import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KeeperBook } from './keeper-book.ts';
import { KeeperServer } from './keeper-server.ts';

const order = (seq: number, id: string) =>
  ({ kind: 'order', seq, epoch: 1, id, client: 'c1', symbol: 'ABC', side: 'B', price: 10, qty: 50 }) as const;
const fill = (seq: number, orderId: string, exec: string, qty = 5) =>
  ({ kind: 'fill', seq, epoch: 1, orderId, exec, price: 10, qty }) as const;

test('an entry that fits no order, repeats an execution or passes 2^53 is kept and shown, and moves no position', () => {
  const book = new KeeperBook();
  book.apply(order(1, 'o1'));
  book.apply(fill(2, 'o1', 'x1'));
  book.apply(fill(3, 'o1', 'x1'));
  book.apply(fill(4, 'nobody', 'x2'));
  book.apply({ ...fill(5, 'o1', 'x3'), price: 2 ** 50, qty: 2 ** 10 });
  assert.equal(book.positions.find('c1', 'ABC').lots, 5);
  assert.deepEqual(
    book.unbooked.map(({ seq }) => seq),
    [3, 4, 5],
  );
  assert.match(book.unbooked[2]!.reason, /HF-7401/);
  assert.throws(() => book.apply(fill(7, 'o1', 'x4')), /entry 7 applied after 5/);
});

test('the position keeper', async (suite) => {
  let engine: StandInEngine;
  let keeper: KeeperServer;
  let port = 0;
  before(async () => {
    engine = await StandInEngine.listen();
    const instruments = { ABC: { currency: 'USD', minorPerTickLot: 100 } };
    const listen = { host: '127.0.0.1', port: 0 };
    keeper = new KeeperServer({
      instance: 'keeper',
      engines: [engine.address],
      listen,
      instruments,
      marketData: [],
      control: null,
      reconcile: null,
      keepEveryMs: 0,
      checkEveryMs: 5000,
      checkDeadlineMs: 2000,
    });
    port = await keeper.listen();
  });
  after(async () => {
    await keeper.close();
    await engine.close();
  });
  const ask = async (request: object, last: string): Promise<JsonRecord[]> => {
    const client = await LineClient.open(port);
    client.send(request);
    await client.expect((message) => message.t === last);
    client.close();
    return client.received;
  };
  const status = async () => (await ask({ t: 'status' }, 'status'))[0]!;
  const caughtUp = () =>
    waitUntil('it has everything', async () => (await status())['through'] === engine.journal.length);
  const trade = (id: string, side: 'B' | 'S', price: number, qty: number) => {
    engine.release({ kind: 'order', id, client: 'c1', symbol: 'ABC', side, price, qty });
    engine.release({ kind: 'accepted', id });
    engine.release({ kind: 'fill', id, exec: `x-${id}`, price, qty });
  };

  await suite.test('answers with positions, trades and P&L of everything that was released', async () => {
    trade('o1', 'B', 100, 10);
    trade('o2', 'S', 103, 4);
    await caughtUp();
    const book = await ask({ t: 'book' }, 'book-end');
    assert.deepEqual(
      book.map((message) => message.t),
      ['book', 'position', 'trade', 'trade', 'book-end'],
    );
    assert.equal(book[1]!['lots'], 6);
    assert.match(String(book[0]!['hash']), /^[0-9a-f]{64}$/);
    const [marked] = await ask({ t: 'pnl', marks: { ABC: 101 } }, 'pnl');
    const { mark, realisedMinor, unrealisedMinor, totalMinor } = (marked!['rows'] as JsonRecord[])[0]!;
    assert.deepEqual([mark, realisedMinor, unrealisedMinor, totalMinor], [101, 1200, 600, 1800]);
    const [unmarked] = await ask({ t: 'pnl' }, 'pnl');
    assert.equal((unmarked!['rows'] as JsonRecord[])[0]!['totalMinor'], null);
  });

  await suite.test('says that it hears no engine, and goes on where it was when one is back', async () => {
    engine.primary = false;
    engine.cutConnections();
    await waitUntil('it says so', async () => (await status())['connected'] === false);
    engine.primary = true;
    trade('o3', 'B', 100, 1);
    await caughtUp();
    assert.equal((await status())['connected'], true);
  });

  await suite.test('begins again, and says so, when an engine has lost what was released', async () => {
    engine.journal.splice(engine.journal.length - 3);
    engine.cutConnections();
    await waitUntil('it says so', async () => (await status())['problem'] !== null);
    await caughtUp();
    assert.match(String((await status())['problem']), /entries 7 to 9 had been released/);
    assert.equal((await status())['trades'], 2);
  });

  await suite.test('refuses a mark that would take a figure past 2^53, and lives', async () => {
    const [refused] = await ask({ t: 'pnl', marks: { ABC: 2 ** 52 } }, 'reject');
    assert.equal(refused!['code'], 'HF-7401');
  });

  await suite.test('lives through whatever is sent to it', async () => {
    const noise = Array.from({ length: 2000 }, (_, n) => {
      const bytes = Array.from({ length: (n * 37) % 91 }, (__, at) =>
        String.fromCharCode(((n * 7919 + at * 104_729) % 250) + 1),
      );
      return n % 3 === 0 ? `{"t":"pnl","marks":${bytes.join('')}}` : bytes.join('');
    });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.write(`${noise.join('\n')}\n`);
    const tooLong = connect(port, '127.0.0.1');
    const cut = new Promise((resolve) => tooLong.on('close', resolve));
    tooLong.on('error', () => tooLong.destroy());
    tooLong.write('x'.repeat(300 * 1024));
    await cut;
    assert.equal((await status())['trades'], 2);
    socket.destroy();
  });

  await suite.test('answers what it cannot understand with a reject', async () => {
    assert.deepEqual((await ask({ t: 'sell-everything' }, 'reject'))[0], { t: 'reject', code: 'bad-message' });
  });
});
