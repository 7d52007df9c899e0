import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { epoch, type InstanceId, instanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { leadsExactly, type Routes, type SeenServer, type ServedLook } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { ServedDriver } from './driver.ts';

const directory = mkdtempSync(join(tmpdir(), 'served-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
function newFile(): string {
  files += 1;
  return join(directory, `${files}`);
}

const [west, east] = [instanceId('west'), instanceId('east')];
const seen = (leads: SeenServer['leads'], change: Partial<SeenServer> = {}): SeenServer => ({
  kind: 'seen',
  leads,
  concerns: [],
  remarks: [],
  figures: {},
  ...change,
});
const to = (instance: InstanceId | null, at: number) =>
  ({ kind: 'route', epoch: epoch(at), routes: { orders: instance } }) as const;
const soon = { deadlineMs: 1000 };

/** A server in memory that does what it is told, unless a test says otherwise. */
class Server {
  answer: ServedLook = seen({ orders: null });
  outcome: ActionOutcome | null = null;
  readonly told: string[] = [];
  held: Promise<unknown> = Promise.resolve();
  readonly isLed = leadsExactly;

  async look(): Promise<ServedLook> {
    return this.answer;
  }

  async lead(at: number, routes: Routes): Promise<ActionOutcome> {
    this.told.push(`${at} ${routes['orders']}`);
    await this.held;
    if (this.outcome !== null) return this.outcome;
    this.answer = seen(routes);
    return { kind: 'ok', detail: {} };
  }
}

function driving(server = new Server(), file = newFile()) {
  const epochs = new GuardedEpochs(file);
  const driver = new ServedDriver({
    instance: instanceId('proxy'),
    server,
    epochs,
    lookEveryMs: 60_000,
    lookWithinMs: 100,
  });
  return { driver, server, file };
}

test('it is led, confirmed by looking, and an older epoch is refused, also by a later driver', async () => {
  const { driver, server, file } = driving();
  assert.equal((await driver.perform(to(west, 3), soon)).kind, 'ok');
  const routed = { kind: 'routed', epoch: epoch(3), routes: { orders: west } } as const;
  assert.equal(await driver.confirm(routed, soon), 'holds');
  assert.equal(await driver.confirm({ ...routed, routes: { orders: east } }, soon), 'does-not-hold');
  const later = driving(server, file).driver;
  const outcome = await later.perform(to(east, 2), soon);
  assert.equal(outcome.kind === 'failed' && outcome.code, 'stale-epoch');
  assert.deepEqual(server.told, ['3 west']);
});

test('where it leads under an older epoch by chance is not confirmed for a newer one', async () => {
  const { driver } = driving();
  await driver.perform(to(west, 3), soon);
  assert.equal(
    await driver.confirm({ kind: 'routed', epoch: epoch(4), routes: { orders: west } }, soon),
    'does-not-hold',
  );
});

test('one that does not answer is unknown, never well, and nothing is confirmed of it', async () => {
  const { driver, server } = driving();
  server.answer = { kind: 'unknown', reason: 'no answer within 100 ms' };
  const { health, role, reason } = await driver.observe(soon);
  assert.deepEqual([health, role, reason], ['unknown', 'unknown', 'proxy: no answer within 100 ms']);
  assert.equal(await driver.confirm({ kind: 'routed', epoch: epoch(0), routes: {} }, soon), 'unknown');
});

test('one that leads elsewhere than it was told is bad, and so is one that forgot', async () => {
  const { driver, server } = driving();
  await driver.perform(to(west, 3), soon);
  assert.deepEqual([(await driver.observe(soon)).health, (await driver.observe(soon)).role], ['ok', 'standby']);
  for (const target of [east, null, 'elsewhere'] as const) {
    server.answer = seen({ orders: target });
    assert.equal((await driver.observe(soon)).health, 'bad', String(target));
  }
  server.answer = seen({ orders: west }, { concerns: ['its server is down'] });
  assert.equal((await driver.observe(soon)).health, 'degraded');
});

test('the same order under way is joined, another one comes after it, and an older one is overtaken', async () => {
  const { driver, server } = driving();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.held = promise;
  const first = [driver.perform(to(west, 3), soon), driver.perform(to(west, 3), soon)];
  await new Promise((began) => setImmediate(began));
  const second = driver.perform(to(east, 4), soon);
  resolve();
  const outcomes = await Promise.all([...first, second]);
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['ok', 'ok', 'ok'],
  );
  assert.deepEqual(server.told, ['3 west', '4 east']);
});

test('an order that waits while a newer one comes is refused', async () => {
  const { driver, server } = driving();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.held = promise;
  const first = driver.perform(to(west, 3), soon);
  await new Promise((began) => setImmediate(began));
  const waiting = driver.perform(to(east, 3), soon);
  const newer = driver.perform(to(west, 5), soon);
  resolve();
  const outcomes = await Promise.all([first, waiting, newer]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind)),
    ['ok', 'stale-epoch', 'ok'],
  );
  assert.deepEqual(server.told, ['3 west', '5 west']);
});

test('it is neither started nor ended; a newer epoch can be stored', async () => {
  const { driver } = driving();
  for (const kind of ['start', 'kill'] as const) {
    const outcome = await driver.perform({ kind }, soon);
    assert.equal(outcome.kind === 'failed' && outcome.code, 'not-ours');
  }
  assert.equal((await driver.perform({ kind: 'fence', epoch: epoch(5) }, soon)).kind, 'ok');
  const outcome = await driver.perform(to(west, 4), soon);
  assert.equal(outcome.kind === 'failed' && outcome.code, 'stale-epoch');
});

test('what it sees is told at once, and after each order', async () => {
  const { driver } = driving();
  const told: InstanceObservation[] = [];
  await driver.start({ observed: (observation) => told.push(observation), exited: () => assert.fail('it ended') });
  assert.deepEqual(
    told.map(({ role }) => role),
    ['closed'],
  );
  await driver.perform(to(west, 3), soon);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    told.map(({ role }) => role),
    ['closed', 'standby'],
  );
  await driver.close();
});

test('a process that its machine says has ended is told at once as an end, with the last stream; the order that closed it counts', async () => {
  const stream = { primary: true, history: 'a', offset: 9, before: null };
  const begun = hostMonoMs();
  const { driver, server } = driving();
  let ended = false;
  Object.assign(server, { hasEnded: () => ended });
  server.answer = seen({ orders: west }, { stream });
  const told: InstanceObservation[] = [];
  await driver.start({ observed: (observation) => told.push(observation), exited: () => assert.fail('it is told') });
  assert.deepEqual([told[0]?.process, told[0]?.stream, told[0]?.figures['ledEpoch']], ['running', stream, 0]);
  ended = true;
  while (told.length === 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const { process, role, health, figures } = told[1]!;
  const { endedWithinMs, ...last } = told[1]!.stream!;
  assert.deepEqual([process, role, health, last, figures['ledEpoch']], ['exited', 'closed', 'bad', stream, 0]);
  assert.ok(endedWithinMs! > 0 && endedWithinMs! <= hostMonoMs() - begun + 1, `${endedWithinMs} ms`);
  const later = (await driver.observe(soon)).stream!.endedWithinMs;
  assert.equal(later, endedWithinMs, 'it has ended once');
  server.outcome = { kind: 'unknown', reason: 'no answer' };
  await driver.perform(to(null, 3), soon);
  assert.equal((await driver.observe(soon)).figures['ledEpoch'], 0, 'nobody knows whether that was carried out');
  server.outcome = { kind: 'ok', detail: {} };
  await driver.perform(to(null, 3), soon);
  assert.equal((await driver.observe(soon)).figures['ledEpoch'], 3);
  await driver.close();
});

test('what is kept is kept after each look, one at a time, and no look waits for it or ends by its failure', async () => {
  const server = new Server();
  let [kept, looks] = [0, 0];
  const { promise: held, resolve: go } = Promise.withResolvers<void>();
  Object.assign(server, {
    look: async () => {
      looks += 1;
      return server.answer;
    },
    keep: async () => {
      kept += 1;
      if (kept === 2) await held;
      throw new Error('it did not answer');
    },
  });
  const epochs = new GuardedEpochs(newFile());
  const driver = new ServedDriver({ instance: instanceId('proxy'), server, epochs, lookEveryMs: 5, lookWithinMs: 100 });
  await driver.start({ observed: () => {}, exited: () => assert.fail('it is told') });
  const until = async (condition: () => boolean) => {
    const begun = performance.now();
    while (!condition()) {
      assert.ok(performance.now() - begun < 5000, `${kept} kept, ${looks} looks`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  await until(() => kept === 2 && looks > 5);
  assert.equal(kept, 2);
  go();
  await until(() => kept > 3);
  await driver.close();
});

test('a server whose driver throws is unknown', async () => {
  const { driver, server } = driving();
  server.lead = () => Promise.reject(new Error('the file is gone'));
  assert.deepEqual(await driver.perform(to(west, 3), soon), { kind: 'unknown', reason: 'the file is gone' });
});
