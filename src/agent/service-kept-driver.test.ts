import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BarMemory } from '../adapters/service-manager/bar-memory.ts';
import { ServiceDriver } from '../adapters/service-manager/driver.ts';
import type { ManagedService } from '../adapters/service-manager/managed-service.ts';
import { GuardedEpochs } from '../adapters/system/guarded-epochs.ts';
import { epoch, instanceId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type { ServiceOrder } from '../core/health/service-state.ts';
import type { DriverSink, InstanceDriver } from '../engine/driver-port.ts';
import { ServiceKeptDriver } from './service-kept-driver.ts';

const directory = mkdtempSync(join(tmpdir(), 'service-kept-'));
after(() => rmSync(directory, { recursive: true }));
const instance = instanceId('proxy');
const call = { deadlineMs: 1000 };
const well: InstanceObservation = {
  instance,
  process: 'running',
  role: 'standby',
  epoch: epoch(3),
  health: 'ok',
  reason: null,
  position: null,
  releasing: false,
  tradingEnabled: false,
  ackSet: [],
  replicas: [],
  upstream: null,
  divergence: null,
  figures: {},
};

/** The program of a manager, the instance that it is, and what an agent was told of it. */
function world(name: string) {
  const program = { alive: true, orders: 0 };
  const managed: ManagedService = {
    service: 'supervisord:proxy',
    look: async () => ({
      state: program.alive ? 'running' : 'stopped',
      said: program.alive ? 'RUNNING' : 'STOPPED',
      masked: null,
      pids: program.alive ? [7] : [],
      hidden: null,
    }),
    tell: async (verb) => {
      program.orders += 1;
      if (verb === 'start' || verb === 'stop') program.alive = verb === 'start';
      return { kind: 'told' };
    },
    strike: async () => {},
    startsByItself: async () => true,
  };
  const performed: string[] = [];
  let inner: DriverSink | null = null;
  const driver: InstanceDriver = {
    instance,
    start: async (sink) => {
      inner = sink;
      sink.observed(well);
    },
    observe: async () => well,
    perform: async (action) => {
      performed.push(action.kind);
      return { kind: 'ok', detail: {} };
    },
    confirm: async () => 'holds',
    close: async () => {},
  };
  const service = new ServiceDriver({
    service: managed,
    epochs: new GuardedEpochs(join(directory, `${name}.epochs`)),
    memory: new BarMemory(join(directory, `${name}.bar`)),
  });
  const kept = new ServiceKeptDriver({ driver, service, holdEveryMs: 30, holdWithinMs: 500 });
  const told: InstanceObservation[] = [];
  const sink: DriverSink = { observed: (observation) => void told.push(observation), exited: () => {} };
  const order = (kind: ServiceOrder, of = 3) => kept.perform({ kind: 'service', epoch: epoch(of), order: kind }, call);
  const until = async (holds: () => boolean) => {
    const deadline = performance.now() + 3000;
    while (!holds()) {
      assert.ok(performance.now() < deadline, JSON.stringify(told.at(-1)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { program, kept, told, sink, performed, order, until, observe: () => inner?.observed(well) };
}

test('an instance that is not barred is as its own driver sees it, and its manager is not asked', async () => {
  const { kept, sink, told, performed, program } = world('plain');
  await kept.start(sink);
  await kept.perform({ kind: 'route', epoch: epoch(3), routes: {} }, call);
  assert.deepEqual([told, performed, program.orders], [[well], ['route'], 0]);
  await kept.close();
});

test('a barred instance is told as stopped, is led nowhere, and comes back when it is allowed and started', async () => {
  const { kept, sink, told, order, until, performed } = world('barred');
  await kept.start(sink);
  assert.equal((await order('bar')).kind, 'ok');
  await until(() => told.at(-1)?.process === 'stopped');
  assert.match(told.at(-1)?.reason ?? '', /barred from starting since epoch 3/);
  const routed = await kept.perform({ kind: 'route', epoch: epoch(4), routes: {} }, call);
  assert.equal(routed.kind === 'failed' && routed.code, 'barred');
  assert.equal((await kept.perform({ kind: 'fence', epoch: epoch(4) }, call)).kind, 'ok', 'epochs are stored');
  assert.deepEqual(performed, ['fence']);
  assert.equal(await kept.confirm({ kind: 'process-gone' }, call), 'holds');
  assert.equal((await order('allow')).kind, 'ok');
  assert.equal((await order('start')).kind, 'ok');
  await until(() => told.at(-1)?.process === 'running');
  assert.equal(await kept.confirm({ kind: 'process-gone' }, call), 'does-not-hold');
  await kept.close();
});

test('a barred instance that somebody starts is stopped again, also by the next agent', async () => {
  const first = world('again');
  await first.kept.start(first.sink);
  await first.order('bar');
  first.program.alive = true;
  await first.until(() => !first.program.alive);
  await first.kept.close();

  const second = world('again');
  assert.ok(second.program.alive);
  await second.kept.start(second.sink);
  assert.ok(!second.program.alive);
  await second.until(() => second.told.at(-1)?.process === 'stopped');
  assert.equal(
    second.told.every(({ process }) => process === 'stopped'),
    true,
  );
  await second.kept.close();
});

test('what it says of its service is told as it was seen', async () => {
  const { kept, sink, order } = world('asked');
  await kept.start(sink);
  await order('bar');
  const outcome = await kept.ask('service', call);
  assert.ok(outcome.kind === 'ok');
  const { instance: of, state, bar, pids, startsByItself } = JSON.parse(String(outcome.detail['answer']));
  assert.deepEqual([of, state, bar, pids, startsByItself], ['proxy', 'stopped', { epoch: 3 }, [], true]);
  const takeover = await kept.ask('takeover', call);
  assert.equal(takeover.kind === 'failed' && takeover.code, 'unknown-method');
  await kept.close();
});
