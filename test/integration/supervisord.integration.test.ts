import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type RunCommand, runCommand } from '../../src/adapters/gate/nftables-gate.ts';
import { Deadline } from '../../src/adapters/process/deadline.ts';
import { isDead, listProcesses, readProcess } from '../../src/adapters/process/proc-entry.ts';
import { BarMemory } from '../../src/adapters/service-manager/bar-memory.ts';
import { ServiceDriver } from '../../src/adapters/service-manager/driver.ts';
import { lookAtService } from '../../src/adapters/service-manager/look.ts';
import { SupervisordProgram } from '../../src/adapters/service-manager/supervisord.ts';
import { GuardedEpochs } from '../../src/adapters/system/guarded-epochs.ts';
import { ServiceKeptDriver } from '../../src/agent/service-kept-driver.ts';
import { type Epoch, instanceId } from '../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../src/core/health/instance-observation.ts';
import type { ServiceLook, ServiceOrder } from '../../src/core/health/service-state.ts';
import type { InstanceDriver } from '../../src/engine/driver-port.ts';
import { parseServiceAnswer } from '../../src/wire/service-answer.ts';

const present = (await runCommand('supervisord', ['--version'], { input: '', deadlineMs: 5_000 })).code === 0;
const skip = present ? false : 'supervisor is not installed';
const withinMs = 10_000;

/** A real supervisord with its programs; `mark` is on the command line of every one of them. */
class SupervisordUnderTest {
  readonly directory = mkdtempSync(join(tmpdir(), 'supervisord-'));
  readonly mark = `100${process.pid}${Math.trunc(performance.now())}`;
  readonly #file = join(this.directory, 'conf');
  #child: ChildProcess | null = null;

  constructor() {
    const program = (name: string, command: string, more = '') =>
      `[program:${name}]\ncommand=${command}\nstdout_logfile=NONE\nstderr_logfile=NONE\n${more}\n`;
    const deaf = `/bin/sh -c 'trap "" TERM; /bin/sleep ${this.mark} & while :; do /bin/sleep ${this.mark}; done'`;
    writeFileSync(
      this.#file,
      `[unix_http_server]\nfile=${this.directory}/sock\nchmod=0700\n[supervisord]\nlogfile=${this.directory}/log\npidfile=${this.directory}/pid\nnodaemon=true\n` +
        `[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix://${this.directory}/sock\n` +
        program('good', `/bin/sleep ${this.mark}`, 'autorestart=true') +
        program('deaf', deaf, 'stopwaitsecs=60') +
        program('leaver', deaf, 'stopwaitsecs=1') +
        program('ends', '/bin/false', 'startretries=0') +
        program('rests', `/bin/sleep ${this.mark}`, 'autostart=false'),
    );
  }

  readonly run: RunCommand = (command, args, options) => runCommand(command, ['-c', this.#file, ...args], options);

  async start(): Promise<void> {
    this.#child = spawn('supervisord', ['-c', this.#file], { stdio: 'ignore' });
    await this.becomes('good', 'running');
  }

  look(name: string, deadlineMs = 5_000): Promise<ServiceLook> {
    return lookAtService(this.run, `supervisord:${name}`, deadlineMs);
  }

  becomes(name: string, state: ServiceLook['state']): Promise<true> {
    return new Deadline({ afterMs: 20_000 }).until(
      `${name} is ${state}`,
      async () => ((await this.look(name)).state === state ? true : null),
      100,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async killed(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Processes of this supervisord's programs, also orphans. */
  async programs(): Promise<readonly number[]> {
    const { stdout } = await runCommand('ps', ['-eo', 'pid,args'], { input: '', deadlineMs: 5_000 });
    return stdout
      .split('\n')
      .filter((line) => line.includes(this.mark))
      .map((line) => Number(line.trim().split(' ')[0]))
      .filter((pid) => listProcesses().some((each) => each.pid === pid && !isDead(each)));
  }

  async end(): Promise<void> {
    await this.killed();
    for (const pid of await this.programs())
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** As an agent has it after a start. */
  driver(name: string): ServiceDriver {
    return new ServiceDriver({
      service: new SupervisordProgram({ name, run: this.run }),
      epochs: new GuardedEpochs(join(this.directory, `${name}.epochs`)),
      memory: new BarMemory(join(this.directory, `${name}.bar`)),
    });
  }
}

const ordering =
  (driver: ServiceDriver) =>
  (kind: ServiceOrder, epoch = 7, deadlineMs = withinMs) =>
    driver.perform({ kind, epoch: epoch as Epoch }, { deadlineMs });
const lives = (pid: number): boolean => {
  const entry = readProcess(pid);
  return entry !== null && !isDead(entry);
};

/** A server that its own driver takes for well, whatever becomes of it. */
const seenRunning: InstanceDriver = {
  instance: instanceId('good'),
  start: async (sink) => sink.observed(well),
  observe: async () => well,
  perform: async () => ({ kind: 'ok', detail: {} }),
  confirm: async () => 'unknown',
  close: async () => {},
};
const well: InstanceObservation = {
  instance: instanceId('good'),
  process: 'running',
  role: 'standby',
  epoch: 7 as Epoch,
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

describe('a real supervisord', { skip, timeout: 200_000 }, () => {
  let supervisord: SupervisordUnderTest;
  beforeEach(async () => {
    supervisord = new SupervisordUnderTest();
    await supervisord.start();
  });
  afterEach(() => supervisord.end());

  it('is seen with its programs, killed, given up and stopped; frozen it has not said', async () => {
    await supervisord.becomes('ends', 'failed');
    await supervisord.becomes('rests', 'stopped');
    assert.equal((await supervisord.look('nobody')).state, null);
    supervisord.signal('SIGSTOP');
    const frozen = await supervisord.look('good', 700);
    assert.deepEqual([frozen.state, frozen.said], [null, 'supervisorctl did not answer within 700 ms']);
    supervisord.signal('SIGCONT');
    await supervisord.becomes('good', 'running');
  });

  it('stops, starts and restarts a program, and each is ok once processes say so, too', async () => {
    const driver = supervisord.driver('good');
    const order = ordering(driver);
    const [first = 0] = (await driver.observe({ deadlineMs: 5_000 })).pids ?? [];
    assert.ok(lives(first));
    assert.deepEqual(await order('stop'), { kind: 'ok', detail: {} });
    assert.ok(!lives(first));
    assert.equal(await driver.confirm('gone', { deadlineMs: 5_000 }), 'holds');
    assert.deepEqual(await order('start'), { kind: 'ok', detail: {} });
    const [second = 0] = (await driver.observe({ deadlineMs: 5_000 })).pids ?? [];
    assert.deepEqual(await order('restart'), { kind: 'ok', detail: {} });
    assert.ok(!lives(second));
    const stale = await ordering(supervisord.driver('good'))('stop', 6);
    assert.ok(stale.kind === 'failed');
    assert.equal(stale.code, 'stale-epoch');
    assert.equal((await supervisord.look('good')).state, 'running');
  });

  it('says that it has stopped a program whose child lives on: that is unknown, and names the child', async () => {
    await supervisord.becomes('leaver', 'running');
    const outcome = await ordering(supervisord.driver('leaver'))('stop', 7, 4_000);
    assert.equal((await supervisord.look('leaver')).state, 'stopped');
    assert.ok(outcome.kind === 'unknown', JSON.stringify(outcome));
    const [, child = '0'] = /alive: (\d+)/.exec(outcome.reason) ?? [];
    assert.ok(lives(Number(child)));
  });

  it('bars a program that hears no signal at once, with everything below it', async () => {
    await supervisord.becomes('deaf', 'running');
    const driver = supervisord.driver('deaf');
    const { pids } = await driver.observe({ deadlineMs: 5_000 });
    assert.ok((pids?.length ?? 0) >= 3, String(pids));
    assert.deepEqual(await ordering(driver)('bar'), { kind: 'ok', detail: {} });
    assert.deepEqual(pids?.filter(lives), []);
  });

  it('does not bring back what is barred: not by itself, not when it is started anew, not for somebody else', async () => {
    assert.equal((await ordering(supervisord.driver('good'))('bar')).kind, 'ok');
    const refused = await ordering(supervisord.driver('good'))('start', 8);
    assert.ok(refused.kind === 'failed');
    assert.equal(refused.code, 'barred');

    await supervisord.killed();
    await supervisord.start();
    const driver = supervisord.driver('good');
    assert.equal(await driver.startsByItself({ deadlineMs: 5_000 }), true);
    const held = await driver.hold({ deadlineMs: withinMs });
    assert.deepEqual([held.state, held.pids, held.barsBroken], ['stopped', [], 1]);
    assert.equal(await driver.confirm('barred', { deadlineMs: 5_000 }), 'holds');

    await supervisord.run('supervisorctl', ['start', 'good'], { input: '', deadlineMs: 5_000 });
    assert.equal((await driver.hold({ deadlineMs: withinMs })).state, 'stopped');

    assert.equal((await ordering(driver)('allow', 8)).kind, 'ok');
    assert.equal((await ordering(driver)('start', 8)).kind, 'ok');
    assert.equal((await driver.hold({ deadlineMs: withinMs })).state, 'running');
  });

  it('has an instance whose agent is told to bar it stopped, and running again once it is allowed and started', async () => {
    const told: InstanceObservation[] = [];
    const kept = new ServiceKeptDriver({
      driver: seenRunning,
      service: supervisord.driver('good'),
      holdEveryMs: 500,
      holdWithinMs: 4_000,
    });
    const becomes = (process: InstanceObservation['process']) =>
      new Deadline({ afterMs: withinMs }).until(process, async () => told.at(-1)?.process === process || null, 50);
    const order = (what: ServiceOrder) =>
      kept.perform({ kind: 'service', epoch: 7 as Epoch, order: what }, { deadlineMs: withinMs });
    try {
      await kept.start({ observed: (observation) => void told.push(observation), exited: () => {} });
      assert.equal((await order('bar')).kind, 'ok');
      await becomes('stopped');
      assert.equal(await kept.confirm({ kind: 'process-gone' }, { deadlineMs: 5_000 }), 'holds');
      await supervisord.run('supervisorctl', ['start', 'good'], { input: '', deadlineMs: 5_000 });
      await supervisord.becomes('good', 'stopped');
      assert.equal((await order('allow')).kind, 'ok');
      assert.equal((await order('start')).kind, 'ok');
      await becomes('running');
      const answer = await kept.ask('service', { deadlineMs: 5_000 });
      assert.ok(answer.kind === 'ok');
      const { state, bar, startsByItself } = parseServiceAnswer(JSON.parse(String(answer.detail['answer'])));
      assert.deepEqual([state, bar, startsByItself], ['running', null, true]);
    } finally {
      await kept.close();
    }
  });

  it('frozen carries out nothing: unknown by the deadline, whatever is asked, and barred once it thaws', async () => {
    const driver = supervisord.driver('good');
    await driver.observe({ deadlineMs: 5_000 });
    supervisord.signal('SIGSTOP');
    const begun = performance.now();
    const outcome = await ordering(driver)('bar', 7, 1_500);
    const tookMs = performance.now() - begun;
    assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome));
    assert.ok(tookMs < 2_500, `${tookMs} ms`);
    assert.equal(await driver.confirm('barred', { deadlineMs: 700 }), 'unknown');
    supervisord.signal('SIGCONT');
    assert.deepEqual((await driver.hold({ deadlineMs: withinMs })).state, 'stopped');
    assert.equal(await driver.confirm('barred', { deadlineMs: 5_000 }), 'holds');
  });

  it('killed leaves its programs alive: an order fails as not heard, and nothing is taken for gone', async () => {
    const driver = supervisord.driver('good');
    const { pids } = await driver.observe({ deadlineMs: 5_000 });
    await supervisord.killed();
    const outcome = await ordering(driver)('bar', 7, 3_000);
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
    assert.equal(outcome.code, 'manager-unreachable');
    assert.ok(lives(pids![0]!));
    assert.equal(await driver.confirm('gone', { deadlineMs: 2_000 }), 'unknown');
    assert.deepEqual((await driver.observe({ deadlineMs: 2_000 })).pids, pids);
  });
});
