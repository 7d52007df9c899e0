import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isOpen } from '../../trading/testing/agreement.ts';
import { freePort } from '../../trading/testing/free-ports.ts';
import type { LineClient } from '../../trading/testing/line-client.ts';
import { allOrders } from '../../trading/testing/order-stream.ts';
import { type EngineUnderTest, leaseIn, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { buildCounterpart, Counterpart, whyNoQuickfix } from './quickfix/counterpart.ts';
import { PlayedExchange } from './quickfix/played-exchange.ts';

const skip = whyNoQuickfix() ?? false;
const LEASE_MS = 3000;

const order = (id: string, price: number, qty: number) => ({ t: 'new', id, symbol: 'HFT', side: 'B', price, qty });
const told = (client: LineClient, kind: string, id: string) =>
  client.expect(({ t, id: of }) => t === kind && of === id);

/** What a session of QuickFIX keeps: when it began, and its next numbers. */
const sessionOf = (store: string): { readonly began: string; readonly out: number; readonly in: number } => {
  const file = (end: string) =>
    readFileSync(join(store, readdirSync(store).find((name) => name.endsWith(end))!), 'utf8');
  const [out, in_] = file('.seqnums').split(':').map(Number);
  return { began: file('.session'), out: out!, in: in_! };
};

test('an engine trades at QuickFIX as acceptor, is killed, frozen and taken over: one session, its numbers go on, and both sides send again what was lost', {
  skip,
  timeout: 240_000,
}, async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-quickfix-'));
  const program = buildCounterpart();
  const port = await freePort('127.0.0.1');
  const store = join(root, 'store');
  mkdirSync(store);
  const world = await TradingWorld.open();
  const exchange = new PlayedExchange();
  const said: string[] = [];
  const open = async (): Promise<Counterpart> => {
    const ends = { program, port, store, role: 'acceptor', sender: 'VENUE', target: 'ACME' } as const;
    const onLine = (line: string): void => {
      said.push(line);
      exchange.take(line);
    };
    const started = new Counterpart({ ...ends, onLine });
    exchange.counterpart = started;
    await started.until('listening');
    return started;
  };
  const venue = { host: '127.0.0.1', port, firm: 'ACME', fix: { priceDecimals: 2 } };
  const engine = (name: string): Promise<EngineUnderTest> => world.engine(name, { venue });
  const takeOver = async (
    name: EngineUnderTest,
    epoch: number,
    standbys: readonly EngineUnderTest[],
  ): Promise<LineClient> => {
    await Promise.all([name, ...standbys].map((each) => each.must('fence', { epoch })));
    await Promise.all([
      name.promote(
        epoch,
        standbys.map(({ instance }) => instance),
        600_000,
      ),
      ...standbys.map((each) => each.follow(epoch, name)),
    ]);
    await untilReleasing(name);
    await isOpen(name);
    return name.client('c');
  };
  /** Orders as both sides have them, and none entered twice. */
  const agreed = async (at: EngineUnderTest): Promise<number> => {
    await waitUntil('the exchange has answered everything', async () => {
      const { inDoubt, venueReport } = (await at.status()).business;
      return inDoubt === 0 && venueReport === exchange.reports;
    });
    const mine = await allOrders(at.process.port('orders'));
    assert.equal(mine.size, exchange.orders.size);
    for (const [id, there] of exchange.orders) {
      const { price, qty, filled, state } = mine.get(id)!;
      assert.deepEqual(
        [((price as number) / 100).toFixed(2), qty, filled, state, 1],
        [Number(there.price).toFixed(2), there.qty, there.filled, there.state, there.entered],
        id,
      );
    }
    assert.equal((await at.status()).business.breaks, 0);
    return mine.size;
  };
  const countOf = (pattern: RegExp): number => said.filter((line) => pattern.test(line)).length;
  let quickfix = await open();
  try {
    const [a, b, c] = (await Promise.all(['a', 'b', 'c'].map(engine))) as [
      EngineUnderTest,
      EngineUnderTest,
      EngineUnderTest,
    ];
    let client = await takeOver(a, 1, [b, c]);
    client.send(order('o1', 10_125, 10), order('o2', 10_050, 20), order('o3', 9999, 5));
    for (const id of ['o1', 'o2', 'o3']) await told(client, 'ack', id);
    await waitUntil('they are entered', () => exchange.orders.size === 3);
    exchange.fill('o1', 4);
    exchange.fill('o2', 20);
    await told(client, 'fill', 'o2');
    client.send(
      { t: 'replace', id: 'r1', target: 'o1', price: 10_130, qty: 12 },
      { t: 'cancel', id: 'c1', target: 'o3' },
    );
    await told(client, 'replaced', 'r1');
    await told(client, 'cancelled', 'c1');
    assert.equal(await agreed(a), 3);

    // A connection that is cut: the next one goes on with the numbers.
    const first = sessionOf(store);
    const ups = countOf(/^up$/);
    quickfix.tell('drop');
    await waitUntil('the session is up again', () => countOf(/^up$/) > ups);
    await isOpen(a);
    client.send(order('o4', 10_000, 8));
    await waitUntil('it is entered', () => exchange.orders.has('o4'));
    await agreed(a);

    // What the exchange never read of a primary that is dead, its successor sends again from the replicated journal.
    const before = sessionOf(store);
    const late = Array.from({ length: 5 }, (_, at) => `late-${at}`);
    const thaw = quickfix.freeze();
    client.send(...late.map((id, at) => order(id, 9000 + at, 3)));
    for (const id of late) await told(client, 'ack', id);
    await waitUntil('the replicas have what was sent', async () => {
      const [mine, ...theirs] = await Promise.all(
        [a, b, c].map(async (each) => (await each.status()).business.chainCrc),
      );
      return theirs.every((each) => each === mine);
    });
    await quickfix.kill();
    thaw();
    await a.process.kill();
    quickfix = await open();
    client = await takeOver(b, 2, [c]);
    await waitUntil('all of them are entered', () => late.every((id) => exchange.orders.has(id)));
    await agreed(b);
    const again = late.filter((id) => countOf(new RegExp(`^app D ${id} Y$`)) === 1);
    assert.deepEqual(again, late, 'sent again by the successor, marked as possible duplicates');
    const second = sessionOf(store);
    assert.ok(second.in > before.in + late.length && second.out > before.out);

    // What a primary never read before it was killed, the exchange sends again to its successor.
    b.process.signal('SIGSTOP');
    const sentBefore = countOf(/^sent 8$/);
    exchange.fill('o1', 3);
    exchange.fill('late-0', 3);
    exchange.fill('o4', 1);
    await waitUntil('QuickFIX has sent them', () => countOf(/^sent 8$/) === sentBefore + 3);
    await b.process.kill();
    client = await takeOver(c, 3, []);
    await agreed(c);
    const { orders } = await asked(client, ['o1', 'late-0', 'o4']);
    assert.deepEqual(
      (orders as { id: string; filled: number; state: string }[]).map(({ id, filled, state }) => [id, filled, state]),
      [
        ['o1', 7, 'open'],
        ['late-0', 3, 'filled'],
        ['o4', 1, 'open'],
      ],
    );

    // A frozen primary still has its connection: the exchange, which knows no epochs, takes nobody else's until that is dead.
    const rejoined = await engine('a');
    await rejoined.must('fence', { epoch: 3 });
    await rejoined.follow(3, c);
    await waitUntil('it is in sync', async () =>
      (await c.status()).replicas.some(({ instance, state }) => instance === 'a' && state === 'in-sync'),
    );
    await c.must('set-ack-set', { epoch: 3, ackSet: ['a'] });
    await untilReleasing(c);
    await c.must('lease', { epoch: 3, leaseUntilNs: leaseIn(LEASE_MS) });
    c.process.signal('SIGSTOP');
    client.send(order('frozen', 8000, 1));
    const downs = countOf(/^down$/);
    const successor = await takeOver(rejoined, 4, []);
    assert.equal(countOf(/^down$/), downs + 1, 'the old session ended before the new one began');
    c.process.signal('SIGCONT');
    successor.send(order('after', 8001, 2));
    await told(successor, 'ack', 'after');
    await c.must('fence', { epoch: 4 });
    await waitUntil('it is entered', () => exchange.orders.has('after'));
    await agreed(rejoined);
    assert.ok(!exchange.orders.has('frozen'));

    const last = sessionOf(store);
    assert.equal(last.began, first.began, 'one session from the first order to the last');
    assert.ok(last.in > second.in && last.out > second.out);
    assert.deepEqual([countOf(/^admin 3/), countOf(/^sent 3/)], [0, 0], 'neither side refused a message of the other');
    context.diagnostic(
      JSON.stringify({
        orders: exchange.orders.size,
        reports: exchange.reports,
        nextNumbers: { engine: last.in, quickfix: last.out },
        resendRequests: { byEngine: countOf(/^admin 2/), byQuickfix: countOf(/^sent 2$/) },
        logons: countOf(/^up$/),
      }),
    );
  } finally {
    await quickfix.kill();
    await world.close();
    rmSync(root, { recursive: true, force: true });
  }
});

const asked = (client: LineClient, ids: readonly string[]) => {
  client.send({ t: 'query', ids });
  return client.expect(({ t }) => t === 'orders');
};
