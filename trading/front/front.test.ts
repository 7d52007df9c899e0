import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { JsonRecord } from '../base/json-record.ts';
import type { Status } from '../control/contract.ts';
import type { ControlClient } from '../control/control-client.ts';
import { TradingProcess } from '../testing/child-process.ts';
import { LineClient } from '../testing/line-client.ts';
import { TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  await world?.close();
  world = null;
});

/** A backend that says who it is and repeats what it hears. */
const backend = async (name: string): Promise<string> => {
  const server = createServer((socket) => {
    socket.write(`${JSON.stringify({ from: name })}\n`);
    socket.pipe(socket);
    socket.on('error', () => socket.destroy());
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const front = async (): Promise<{
  process: TradingProcess;
  control: ControlClient;
  port: (service: string) => number;
}> => {
  world ??= await TradingWorld.open();
  mkdirSync(join(world.directory, 'front'), { recursive: true });
  const services = { orders: { port: 0 }, database: { port: 0 } };
  const config = world.write('front', {
    instance: 'front',
    dataDir: 'front',
    control: { port: 0, tokenFile: 'token' },
    services,
  });
  const process = await TradingProcess.start('front', [config]);
  world.onClose(() => process.kill());
  const control = await world.control(process.port('control'), 'front');
  const ports = process.listening.services as Record<string, number>;
  return { process, control, port: (service) => ports[service]! };
};

const statusOf = async (control: ControlClient): Promise<Status> => {
  const outcome = await control.call('status', {});
  assert.equal(outcome.kind, 'ok');
  return (outcome.kind === 'ok' ? outcome.result : {}) as unknown as Status;
};

const serviceOf = async (control: ControlClient, service: string): Promise<JsonRecord> =>
  ((await statusOf(control)).business.services as JsonRecord)[service] as JsonRecord;

const untilClosed = (client: LineClient): Promise<void> => waitUntil('the session is cut', () => client.closed);

test('a front starts with every service closed, also when it had routes before it was killed', async () => {
  const first = await front();
  const address = await backend('one');
  await first.control.call('route', { epoch: 3, routes: { orders: address } });
  assert.equal((await statusOf(first.control)).role, 'standby');
  await first.process.kill();
  const second = await front();
  const status = await statusOf(second.control);
  assert.deepEqual(
    [status.role, status.epoch, status.business.routes],
    ['closed', 3, { orders: null, database: null }],
  );
  const client = await LineClient.open(second.port('orders')).catch(() => null);
  if (client !== null) await untilClosed(client);
  const stale = await second.control.call('route', { epoch: 2, routes: { orders: address } });
  assert.equal(stale.kind === 'refused' && stale.code, 'stale-epoch');
});

test('a route relays both ways, and a change of route cuts the old sessions', async () => {
  const { control, port } = await front();
  await control.call('route', { epoch: 1, routes: { orders: await backend('one') } });
  const first = await LineClient.open(port('orders'));
  await first.expect((message) => message.from === 'one');
  first.send({ hello: 'é' });
  await first.expect((message) => message.hello === 'é');
  assert.equal((await serviceOf(control, 'orders')).sessions, 1);
  await control.call('route', { epoch: 2, routes: { orders: await backend('two') } });
  await untilClosed(first);
  const second = await LineClient.open(port('orders'));
  await second.expect((message) => message.from === 'two');
  await control.call('route', { epoch: 2, routes: { orders: null } });
  await untilClosed(second);
});

test('the same route again leaves its sessions alone, and services not named too', async () => {
  const { control, port } = await front();
  const [orders, database] = [await backend('one'), await backend('base')];
  await control.call('route', { epoch: 1, routes: { orders, database } });
  const kept = [await LineClient.open(port('orders')), await LineClient.open(port('database'))];
  for (const client of kept) await client.expect((message) => message.from !== undefined);
  await control.call('route', { epoch: 2, routes: { orders } });
  for (const client of kept) {
    client.send({ still: 'here' });
    await client.expect((message) => message.still === 'here');
  }
});

test('fencing with a newer epoch closes the routes of the older one', async () => {
  const { control, port } = await front();
  await control.call('route', { epoch: 1, routes: { orders: await backend('one') } });
  const client = await LineClient.open(port('orders'));
  await client.expect((message) => message.from === 'one');
  await control.call('fence', { epoch: 2 });
  await untilClosed(client);
  assert.equal((await statusOf(control)).role, 'fenced');
});

test('backends that refuse and sessions that they drop are counted as evidence', async () => {
  const { control, port } = await front();
  const address = await backend('one');
  await control.call('route', { epoch: 1, routes: { orders: address } });
  const sockets: { destroy(): void }[] = [];
  servers[0]!.on('connection', (socket) => sockets.push(socket));
  const client = await LineClient.open(port('orders'));
  await client.expect((message) => message.from === 'one');
  for (const socket of sockets) socket.destroy();
  await untilClosed(client);
  assert.equal((await serviceOf(control, 'orders')).lost, 1);
  servers[0]!.close();
  await untilClosed(await LineClient.open(port('orders')));
  assert.equal((await serviceOf(control, 'orders')).refused, 1);
});
