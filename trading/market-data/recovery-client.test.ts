import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '../testing/wait-until.ts';
import { RecoveryClient } from './recovery-client.ts';

/** A recovery service that answers each request with lines of the test's choice. */
const service = async (answers: readonly string[][]) => {
  let connections = 0;
  let asked = 0;
  let ended = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      ended += 1;
    });
    socket.on('data', () => {
      const lines = answers[asked++] ?? [];
      socket.write(lines.map((line) => `${line}\n`).join(''));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const told: string[] = [];
  const client = new RecoveryClient({
    address: { host: '127.0.0.1', port },
    sink: {
      gap: ({ run, first, count, next }) => told.push(`gap ${run} ${first}+${count} ${next}`),
      snapshot: ({ run, sequence, books }) => told.push(`snapshot ${run} ${sequence} ${books.length}`),
      tooOld: (run) => told.push(`too old ${run}`),
    },
  });
  const close = async () => {
    client.close();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { client, told, close, ended: () => ended, connections: () => connections };
};

const message = (sequence: number, more: object = {}) =>
  JSON.stringify({
    t: 'message',
    sequence,
    symbol: 'X',
    kind: 'level',
    side: 0,
    phase: 'continuous',
    orders: 1,
    price: 5,
    volume: 1,
    trade: 0,
    atMs: 1,
    ...more,
  });
const end = (next: number) => JSON.stringify({ t: 'gap-end', next, run: 9 });

test('a whole answer is told once, and the connection serves the next request', async () => {
  const { client, told, close, connections } = await service([
    [message(3), message(4), end(5)],
    ['{"t":"reject","code":"too-old","oldest":50,"run":9}'],
    [
      '{"t":"book","sequence":8,"symbol":"X","phase":"continuous","lastPrice":0,"bids":[[5,1,1]],"asks":[]}',
      '{"t":"snapshot-end","sequence":8,"run":9,"symbols":1,"phase":"continuous"}',
    ],
  ]);
  client.ask({ kind: 'gap', from: 3, count: 2 });
  await waitUntil('the gap is told', () => told.length === 1);
  client.ask({ kind: 'gap', from: 1, count: 2 });
  await waitUntil('the refusal is told', () => told.length === 2);
  client.ask({ kind: 'snapshot' });
  await waitUntil('the snapshot is told', () => told.length === 3);
  assert.deepEqual(told, ['gap 9 3+2 5', 'too old 9', 'snapshot 9 8 1']);
  assert.equal(connections(), 1);
  await close();
});

const hostile: readonly (readonly [string, readonly string[]])[] = [
  ['a message that was not asked for', [message(9), end(4)]],
  ['more than was asked for', [message(3), message(4), message(5), end(6)]],
  ['an end that does not fit', [message(3), end(99)]],
  ['an end without a run', [message(3), '{"t":"gap-end","next":4}']],
  ['a negative price', [message(3, { price: -1 }), end(4)]],
  ['a price that is no integer', [message(3, { price: 1.5 }), end(4)]],
  ['a kind that does not exist', [message(3, { kind: 'rumour' }), end(4)]],
  ['a symbol that is too long', [message(3, { symbol: 'X'.repeat(100) }), end(4)]],
  ['a snapshot instead', ['{"t":"snapshot-end","sequence":8,"run":9,"symbols":0,"phase":"closed"}']],
  ['no JSON', ['[1,2', 'x']],
];

for (const [what, lines] of hostile)
  test(`an answer with ${what} is not told, and the next request is asked on another connection`, async () => {
    const { client, told, close, ended, connections } = await service([[...lines], [message(3), end(4)]]);
    client.ask({ kind: 'gap', from: 3, count: 2 });
    await waitUntil('the connection is ended', () => ended() === 1);
    client.ask({ kind: 'gap', from: 3, count: 2 });
    await waitUntil('the good answer is told', () => told.length > 0);
    assert.deepEqual(told, ['gap 9 3+1 4']);
    assert.equal(connections(), 2);
    await close();
  });
