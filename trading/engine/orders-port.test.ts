import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { OrdersPort } from './orders-port.ts';

const LOGON = { t: 'logon', client: 'early' };

async function closedPort() {
  const lines: string[] = [];
  const port = new OrdersPort({ onLine: (_session, line) => lines.push(line), onBytes: () => {}, onClosed: () => {} });
  await port.listen({ host: '127.0.0.1', port: 0 });
  return { port, lines };
}

test('who logs on a moment before the instance is primary is heard when it is', async () => {
  const { port, lines } = await closedPort();
  const client = await LineClient.open(port.port);
  client.send(LOGON);
  await waitUntil('it was accepted', () => port.waiting === 1);
  port.open();
  await waitUntil('it is heard', () => lines.length === 1);
  assert.deepEqual(JSON.parse(lines[0]!), LOGON);
  assert.equal(port.waiting, 0);
  client.close();
  await port.close();
});

test('who waits longer than a moment is told that it is not primary; who leaves is forgotten', async () => {
  const { port, lines } = await closedPort();
  const [client, gone] = [await LineClient.open(port.port), await LineClient.open(port.port)];
  await waitUntil('both were accepted', () => port.waiting === 2);
  gone.close();
  await waitUntil('one has left', () => port.waiting === 1);
  client.send(LOGON);
  await client.expect((message) => message.code === 'not-primary');
  assert.deepEqual([port.waiting, lines], [0, []]);
  client.close();
  await port.close();
});
