import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KeeperServer } from './keeper-server.ts';

test('positions are marked by market data while that is fresh, and never by what is stale', async () => {
  const sockets = new Set<Socket>();
  const service = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  const say = (...messages: object[]) => {
    for (const socket of sockets) socket.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''));
  };
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const bound = service.address();
  const servicePort = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const engine = await StandInEngine.listen();
  engine.release({ kind: 'order', id: 'o1', client: 'c1', symbol: 'ABC', side: 'B', price: 10, qty: 5 });
  engine.release({ kind: 'fill', id: 'o1', exec: 'x1', price: 10, qty: 5 });
  const keeper = new KeeperServer({
    instance: 'keeper',
    engines: [engine.address],
    listen: { host: '127.0.0.1', port: 0 },
    marketData: [{ host: '127.0.0.1', port: servicePort }],
    control: null,
    reconcile: null,
    keepEveryMs: 0,
    checkEveryMs: 5000,
    checkDeadlineMs: 2000,
    instruments: {},
  });
  const client = await LineClient.open(await keeper.listen());
  const markOf = async (question: object): Promise<unknown> => {
    const from = client.received.length;
    client.send({ t: 'pnl', ...question });
    await waitUntil('it is answered', () => client.received.length > from);
    const [row] = client.received[from]!.rows as JsonRecord[];
    return row?.mark;
  };
  try {
    await waitUntil('it is booked', () => keeper.book.through === 2);
    await waitUntil('market data is followed', () => sockets.size > 0);
    assert.equal(await markOf({ market: true }), null, 'nothing was told yet');
    say({ t: 'market', symbol: 'ABC', phase: 'continuous', bids: [], asks: [], lastPrice: 12 });
    say({ t: 'fresh', ageMs: 3, stale: false });
    await waitUntil('market data marks it', async () => (await markOf({ market: true })) === 12);
    assert.equal(await markOf({}), null, 'nobody asked for that');
    assert.equal(await markOf({ market: true, marks: { ABC: 15 } }), 15, 'a given mark comes first');
    say({ t: 'fresh', ageMs: 9000, stale: true });
    await waitUntil('it is not marked by stale data', async () => (await markOf({ market: true })) === null);
    assert.equal(await markOf({ market: true, lastTrades: true }), 10, 'the last trade does');
  } finally {
    client.close();
    await keeper.close();
    await engine.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => service.close(resolve));
  }
});
