import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LivedTime } from '../../../test/builders/lived-time.ts';
import { epoch, instanceId, type MonoMs } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type { ProcessExit } from '../../engine/driver-port.ts';
import { LineFrames } from '../../wire/line-frames.ts';
import { ManagedAppDriver } from './driver.ts';
import type { SupervisedChild, Supervisor } from './supervisor.ts';

const engine = instanceId('engine-a');
const statuses = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', 'engine-statuses.json'), 'utf8')) as {
  statuses: Record<string, Record<string, unknown>>;
};

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** Serves the contract as far as the test wants it to. */
class FakeInstance {
  readonly requests: Request[] = [];
  readonly sockets = new Set<Socket>();
  readonly silentAbout = new Set<string>();
  token = 'secret';
  status: Record<string, unknown> = statuses.statuses.closed ?? {};
  refuse: { readonly method: string; readonly code: string } | null = null;
  alive = true;
  everyMs: number | null = null;
  saidAlive = 0;
  readonly #server: Server;
  readonly #beat: NodeJS.Timeout;

  constructor() {
    this.#server = createServer((socket) => {
      this.sockets.add(socket);
      const frames = new LineFrames({ maxLength: 65_536 });
      socket.setEncoding('utf8').on('data', (text: string) => {
        for (const line of frames.push(text)) this.#answer(socket, JSON.parse(line) as Request);
      });
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
    });
    this.#beat = setInterval(() => {
      if (this.alive && this.sockets.size > 0) this.saidAlive += 1;
      if (this.alive)
        this.say({ event: 'alive', epoch: 1, ...(this.everyMs === null ? {} : { everyMs: this.everyMs }) });
    }, 50);
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  say(frame: object): void {
    for (const socket of this.sockets) socket.write(`${JSON.stringify(frame)}\n`);
  }

  asked(method: string): Request[] {
    return this.requests.filter((request) => request.method === method);
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(socket: Socket, request: Request): void {
    this.requests.push(request);
    const { id, method, params } = request;
    const fail = (code: string) =>
      socket.write(`${JSON.stringify({ id, ok: false, error: { code, message: code } })}\n`);
    if (method === 'hello' && params.token !== this.token) return void fail('unauthorized');
    if (this.silentAbout.has(method)) return;
    if (this.refuse?.method === method) return void fail(this.refuse.code);
    const result =
      method === 'status'
        ? this.status
        : method === 'fence'
          ? { epoch: params.epoch, receivers: { venue: 'unreachable' } }
          : {};
    socket.write(`${JSON.stringify({ id, ok: true, result })}\n`);
  }
}

class FakeChild implements SupervisedChild {
  readonly name = { pid: 4711, startTicks: 1 };
  readonly exited: SupervisedChild['exited'];
  readonly end: (exit: Awaited<SupervisedChild['exited']>) => void;
  killed = 0;
  seen: 'running' | 'stopped' | 'gone' = 'running';

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Awaited<SupervisedChild['exited']>>();
    this.exited = promise;
    this.end = resolve;
  }

  state = () => this.seen;
  release = () => {};
  killTree = async () => {
    this.killed += 1;
    this.end({ code: null, signal: 'SIGKILL', reaped: true });
    return { treeEmpty: true, reaped: true };
  };
}

class FakeSupervisor implements Supervisor {
  readonly children: FakeChild[] = [];
  adopted: FakeChild | null = null;
  before = false;
  problem: string | null = null;
  sweeps = 0;

  spawn = async () => {
    if (this.problem !== null) throw new Error(this.problem);
    const child = new FakeChild();
    this.children.push(child);
    return child;
  };
  adopt = () => this.adopted;
  hadChild = () => this.before;
  sweep = async () => {
    this.sweeps += 1;
    return { treeEmpty: true };
  };
}

let directory: string;
let instance: FakeInstance;
let supervisor: FakeSupervisor;
let driver: ManagedAppDriver;
let observations: InstanceObservation[];
let exits: ProcessExit[];
let started: number[];

const eventually = async (what: string, holds: () => boolean) => {
  const until = performance.now() + 30_000;
  while (!holds()) {
    assert.ok(performance.now() < until, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
const sink = {
  observed: (observation: InstanceObservation) => observations.push(observation),
  exited: (exit: ProcessExit) => exits.push(exit),
};
const last = () => observations.at(-1);
const call = { deadlineMs: 15_000 };

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast app é-'));
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'secret\n', { mode: 0o600 });
  instance = new FakeInstance();
  supervisor = new FakeSupervisor();
  observations = [];
  exits = [];
  started = [];
  const port = await instance.listen();
  driver = new ManagedAppDriver(
    {
      instance: engine,
      control: { host: '127.0.0.1', port },
      tokenFile,
      addresses: { [instanceId('engine-b')]: { replication: '127.0.0.1:9001', orders: '127.0.0.1:9002' } },
      selfGateBoundMs: 20,
      onStarted: (pid) => started.push(pid),
    },
    supervisor,
  );
});

afterEach(async () => {
  await driver.close();
  await instance.close();
  rmSync(directory, { recursive: true, force: true });
});

test('it starts the process closed and says what the instance says of itself', async () => {
  await driver.start(sink);
  assert.equal(supervisor.children.length, 1);
  assert.deepEqual([observations[0]?.process, observations[0]?.role], ['running', 'unknown']);
  assert.deepEqual(started, [supervisor.children[0]?.name.pid]);
  await eventually('its status was seen', () => last()?.role === 'closed');
});

test('what it is asked the instance answers, as text; what it refuses, and silence, are told apart', async () => {
  await driver.start(sink);
  await eventually('its status was seen', () => last()?.role === 'closed');
  assert.deepEqual(await driver.ask('takeover', call), { kind: 'ok', detail: { answer: '{}' } });
  instance.refuse = { method: 'takeover', code: 'not-ready' };
  const refused = await driver.ask('takeover', call);
  assert.deepEqual([refused.kind, refused.kind === 'failed' && refused.code], ['failed', 'not-ready']);
  instance.silentAbout.add('takeover');
  assert.equal((await driver.ask('takeover', { deadlineMs: 50 })).kind, 'unknown');
});

test('it adopts the running process instead of starting another one', async () => {
  supervisor.adopted = new FakeChild();
  await driver.start(sink);
  await eventually('its status was seen', () => last()?.role === 'closed');
  assert.equal(supervisor.children.length, 0);
});

test('a process that ended while no agent was there is reported as a fact, before another one is started', async () => {
  supervisor.before = true;
  await driver.start(sink);
  assert.deepEqual(exits[0], { instance: engine, code: null, signal: null, reaped: true, treeEmpty: true });
  assert.equal(observations[0]?.process, 'exited');
  assert.equal(supervisor.children.length, 1);
});

test('a command that cannot be executed is an observation, and start says why', async () => {
  supervisor.problem = 'no such file';
  await driver.start(sink);
  assert.equal(last()?.process, 'exited');
  assert.match(last()?.reason ?? '', /no such file/);
  const outcome = await driver.perform({ kind: 'start' }, call);
  assert.equal(outcome.kind, 'failed');
});

test('a lease goes to the instance in nanoseconds of the monotonic clock, rounded down, and claims the gate', async () => {
  await driver.start(sink);
  const outcome = await driver.perform({ kind: 'lease', epoch: epoch(3), leaseUntil: 1234.5678915 as MonoMs }, call);
  assert.deepEqual(outcome, { kind: 'ok', detail: { gate: 'self', gateBoundMs: 20 } });
  assert.deepEqual(instance.asked('lease')[0]?.params, { epoch: 3, leaseUntilNs: '1234567891' });
});

test('follow and route are given addresses from the book; one that is missing is a failure and nothing is sent', async () => {
  await driver.start(sink);
  await driver.perform({ kind: 'follow', epoch: epoch(2), upstream: instanceId('engine-b'), mode: 'sync' }, call);
  assert.deepEqual(instance.asked('follow')[0]?.params.upstream, { instance: 'engine-b', address: '127.0.0.1:9001' });
  await driver.perform(
    { kind: 'route', epoch: epoch(2), routes: { orders: instanceId('engine-b'), database: null } },
    call,
  );
  assert.deepEqual(instance.asked('route')[0]?.params.routes, { orders: '127.0.0.1:9002', database: null });
  const missing = await driver.perform(
    { kind: 'follow', epoch: epoch(2), upstream: instanceId('engine-c'), mode: 'sync' },
    call,
  );
  assert.equal(missing.kind === 'failed' && missing.code, 'no-address');
  assert.equal(instance.asked('follow').length, 1);
});

test('a refusal is a failure with the code of the contract; no answer by the deadline is unknown', async () => {
  await driver.start(sink);
  instance.refuse = { method: 'fence', code: 'stale-epoch' };
  const refused = await driver.perform({ kind: 'fence', epoch: epoch(1) }, call);
  assert.equal(refused.kind === 'failed' && refused.code, 'stale-epoch');
  instance.silentAbout.add('promote');
  const promote = {
    kind: 'promote',
    epoch: epoch(2),
    leaseUntil: 1 as MonoMs,
    ackSet: [],
    tradingEnabled: true,
  } as const;
  assert.equal((await driver.perform(promote, { deadlineMs: 60 })).kind, 'unknown');
});

test('a request that was sent before the connection was lost is unknown and is not sent again', async () => {
  await driver.start(sink);
  await eventually('it is connected', () => last()?.role === 'closed');
  instance.silentAbout.add('demote');
  const demoting = driver.perform({ kind: 'demote', epoch: epoch(2) }, call);
  await eventually('it was sent', () => instance.asked('demote').length === 1);
  instance.cut();
  assert.equal((await demoting).kind, 'unknown');
  await eventually('it is connected again', () => instance.asked('hello').length >= 2);
  assert.equal(instance.asked('demote').length, 1);
});

test('receivers that did not acknowledge a fence are named', async () => {
  await driver.start(sink);
  const outcome = await driver.perform({ kind: 'fence', epoch: epoch(5) }, call);
  assert.deepEqual(outcome, { kind: 'ok', detail: { epoch: 5, receivers: 1, unreachable: 'venue' } });
});

test('silence shows as frozen within a quarter of a second, and its end shows the instance running again', async () => {
  await driver.start(sink);
  await eventually('it is connected', () => last()?.role === 'closed');
  const lived = new LivedTime();
  supervisor.children[0]!.seen = 'stopped';
  instance.alive = false;
  await eventually('it counts as frozen', () => last()?.process === 'frozen');
  assert.ok(lived.stop() < 1000);
  assert.match(last()?.reason ?? '', /no sign of life for \d+ ms; its process is stopped/);
  instance.alive = true;
  await eventually('it runs again', () => last()?.process === 'running');
});

test('one that says that it will speak more rarely is given that time, and not a moment longer once it speaks often again', async () => {
  instance.everyMs = 500;
  await driver.start(sink);
  await eventually('it has said so', () => last()?.role === 'closed' && instance.saidAlive >= 3);
  instance.alive = false;
  const from = performance.now();
  await eventually('it counts as frozen', () => last()?.process === 'frozen');
  assert.ok(performance.now() - from > 800);
  instance.alive = true;
  instance.everyMs = 100;
  instance.saidAlive = 0;
  await eventually('it runs again', () => last()?.process === 'running' && instance.saidAlive >= 3);
  instance.alive = false;
  const again = performance.now();
  await eventually('it counts as frozen', () => last()?.process === 'frozen');
  assert.ok(performance.now() - again < 800);
});

test('what is said between two signs of life does not make their silence longer', async () => {
  await driver.start(sink);
  await eventually('it is connected', () => last()?.role === 'closed');
  instance.alive = false;
  for (let n = 0; n < 15; n += 1) {
    instance.say({ event: 'alive', epoch: 1, everyMs: 100 });
    instance.say({ event: 'status', status: instance.status });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const from = performance.now();
  await eventually('it counts as frozen', () => last()?.process === 'frozen');
  assert.ok(performance.now() - from < 230);
});

test('a kill succeeds only with the process reaped and its tree empty, and the exit is reported', async () => {
  await driver.start(sink);
  const outcome = await driver.perform({ kind: 'kill' }, call);
  assert.equal(outcome.kind, 'ok');
  await eventually('the exit was reported', () => exits.length === 1);
  assert.equal(last()?.process, 'exited');
  assert.equal(await driver.confirm({ kind: 'process-gone' }, call), 'holds');
  const promote = {
    kind: 'promote',
    epoch: epoch(2),
    leaseUntil: 1 as MonoMs,
    ackSet: [],
    tradingEnabled: true,
  } as const;
  const outcomeAfter = await driver.perform(promote, call);
  assert.equal(outcomeAfter.kind === 'failed' && outcomeAfter.code, 'not-running');
});

test('what is left of a process that ended by itself is killed before its end counts', async () => {
  await driver.start(sink);
  const child = supervisor.children[0]!;
  child.end({ code: 1, signal: null, reaped: true });
  await eventually('the exit was reported', () => exits.length === 1);
  assert.equal(child.killed, 1);
  assert.deepEqual([exits[0]?.code, exits[0]?.treeEmpty], [1, true]);
  const started = await driver.perform({ kind: 'start' }, call);
  assert.equal(started.kind, 'ok');
  assert.equal(supervisor.children.length, 2);
});

test('an observation made without asking is never older than what the instance has confirmed', async () => {
  instance.status = statuses.statuses.primary ?? {};
  await driver.start(sink);
  await eventually('it is primary', () => last()?.role === 'primary');
  await driver.perform({ kind: 'set-ack-set', epoch: epoch(3), ackSet: [] }, call);
  instance.alive = false;
  await eventually('it counts as frozen', () => last()?.process === 'frozen');
  assert.deepEqual(last()?.ackSet, []);
});

test('a postcondition is judged by a status that was asked for just now', async () => {
  await driver.start(sink);
  await eventually('it is connected', () => last()?.role === 'closed');
  instance.status = statuses.statuses.primary ?? {};
  assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, call), 'holds');
  assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(4) }, call), 'does-not-hold');
  instance.silentAbout.add('status');
  assert.equal(await driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, { deadlineMs: 50 }), 'unknown');
});

test('an instance that does not accept the token is running and unknown, not healthy', async () => {
  instance.token = 'another';
  await driver.start(sink);
  await eventually('it was tried', () => instance.asked('hello').length >= 2);
  assert.deepEqual([last()?.process, last()?.role, last()?.health], ['running', 'unknown', 'unknown']);
});
