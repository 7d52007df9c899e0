import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import type { ServiceState } from '../../core/health/service-state.ts';
import type { ActionOutcome } from '../../engine/driver-port.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { BarMemory } from './bar-memory.ts';
import { ServiceDriver } from './driver.ts';
import type { ManagedService, ServiceSight, ServiceVerb, Told } from './managed-service.ts';

/** A manager that does what it is told, or what a test says instead. */
class FakeManager implements ManagedService {
  readonly service = 'systemd:x.service';
  state: ServiceState | null = 'running';
  masked: boolean | null = false;
  pids: readonly number[] | null = [12];
  readonly told: string[] = [];
  answer: Told = { kind: 'told' };
  /** What an order does; a manager may also answer and do nothing. */
  obeys: (verb: ServiceVerb) => void = (verb) => {
    if (verb === 'start') [this.state, this.pids] = ['running', [13]];
    if (verb === 'stop') [this.state, this.pids] = ['stopped', []];
    if (verb === 'mask' || verb === 'unmask') this.masked = verb === 'mask';
  };
  struck: () => void = () => {};

  async look(): Promise<ServiceSight> {
    const { state, masked, pids } = this;
    return { state, said: state ?? 'no answer', masked, pids, hidden: pids === null ? 'not to be seen' : null };
  }
  async tell(verb: ServiceVerb): Promise<Told> {
    this.told.push(verb);
    if (this.answer.kind === 'told') this.obeys(verb);
    return this.answer;
  }
  async strike(): Promise<void> {
    this.told.push('strike');
    this.struck();
  }
  async startsByItself(): Promise<boolean> {
    return true;
  }
}

const epoch = (value: number) => value as Epoch;
const reasonOf = (outcome: ActionOutcome) => (outcome.kind === 'ok' ? '' : outcome.reason);

describe('orders to a service', () => {
  let directory = '';
  let manager: FakeManager;
  /** As an agent has it after a start: what it knows is what is on its disk. */
  const started = () =>
    new ServiceDriver({
      service: manager,
      epochs: new GuardedEpochs(join(directory, 'x.epochs')),
      memory: new BarMemory(join(directory, 'x.bar')),
      settleMs: 120,
    });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'service-'));
    manager = new FakeManager();
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const perform = (driver: ServiceDriver, kind: 'start' | 'stop' | 'restart' | 'bar' | 'allow', of = 7, ms = 400) =>
    driver.perform({ kind, epoch: epoch(of) }, { deadlineMs: ms });

  it('are ok when their outcome was seen: stopped, started, started anew', async () => {
    const driver = started();
    assert.equal((await perform(driver, 'stop')).kind, 'ok');
    assert.equal(await driver.confirm('gone', { deadlineMs: 100 }), 'holds');
    assert.equal((await perform(driver, 'start')).kind, 'ok');
    assert.equal((await perform(driver, 'restart')).kind, 'ok');
    assert.equal(await driver.confirm('running', { deadlineMs: 100 }), 'holds');
    assert.deepEqual(manager.told, ['stop', 'start', 'stop', 'start']);
  });

  it('of an older epoch are refused, also after a restart of the agent, and nothing is told', async () => {
    await perform(started(), 'stop', 9);
    manager.told.length = 0;
    const stale = await perform(started(), 'start', 8);
    assert.ok(stale.kind === 'failed');
    assert.equal(stale.code, 'stale-epoch');
    assert.deepEqual(manager.told, []);
  });

  it('to stop are unknown while a process of it lives that its manager knows nothing of any more', async () => {
    manager.obeys = () => {
      [manager.state, manager.pids] = ['stopped', [4711]];
    };
    const outcome = await perform(started(), 'stop');
    assert.equal(outcome.kind, 'unknown');
    assert.match(reasonOf(outcome), /alive: 4711/);
  });

  it('to stop are unknown where nobody can see what is left', async () => {
    manager.obeys = () => {
      [manager.state, manager.pids] = ['stopped', null];
    };
    const driver = started();
    const outcome = await perform(driver, 'stop');
    assert.equal(outcome.kind, 'unknown');
    assert.match(reasonOf(outcome), /not to be seen/);
    assert.equal(await driver.confirm('gone', { deadlineMs: 100 }), 'unknown');
  });

  it('are unknown by their deadline where the manager does not answer', async () => {
    manager.state = null;
    manager.answer = { kind: 'unknown', reason: 'frozen' };
    const begun = performance.now();
    for (const kind of ['stop', 'bar', 'start'] as const)
      assert.equal((await perform(started(), kind, 7, 150)).kind, kind === 'start' ? 'failed' : 'unknown');
    assert.ok(performance.now() - begun < 1500);
  });

  it('that are refused fail with the code that its manager gave', async () => {
    manager.answer = { kind: 'refused', code: 'not-permitted', reason: 'Access denied' };
    for (const kind of ['stop', 'allow', 'bar'] as const) {
      const outcome = await perform(started(), kind);
      assert.ok(outcome.kind === 'failed', kind);
      assert.equal(outcome.code, 'not-permitted');
    }
  });

  it('that come while another is under way wait for it', async () => {
    const driver = started();
    const outcomes = await Promise.all([perform(driver, 'stop'), perform(driver, 'start'), perform(driver, 'stop')]);
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['ok', 'ok', 'ok'],
    );
    assert.deepEqual(manager.told, ['stop', 'start', 'stop']);
    assert.equal(manager.state, 'stopped');
  });

  it('count what its manager gave up as ended only when it stays so', async () => {
    const driver = started();
    [manager.state, manager.pids] = ['failed', []];
    manager.obeys = () => {};
    setTimeout(() => {
      [manager.state, manager.pids] = ['running', [14]];
      manager.obeys = () => {
        [manager.state, manager.pids] = ['stopped', []];
      };
    }, 60);
    assert.equal((await perform(driver, 'stop', 7, 1000)).kind, 'ok');
    assert.equal(manager.state, 'stopped');
    assert.deepEqual(manager.told, ['stop', 'stop']);
  });

  it('to bar mask first, stop then, and are ok when both were seen', async () => {
    const driver = started();
    assert.equal((await perform(driver, 'bar')).kind, 'ok');
    assert.deepEqual(manager.told, ['mask', 'stop']);
    assert.equal(await driver.confirm('barred', { deadlineMs: 100 }), 'holds');
    assert.deepEqual((await driver.observe({ deadlineMs: 100 })).bar, { epoch: 7 });
  });

  it('to bar wait for nobody to take leave: what is being stopped is killed', async () => {
    manager.obeys = (verb) => {
      if (verb === 'stop') manager.state = 'changing';
      else manager.masked = true;
    };
    manager.struck = () => {
      [manager.state, manager.pids] = ['stopped', []];
    };
    assert.equal((await perform(started(), 'bar')).kind, 'ok');
    assert.ok(manager.told.includes('strike'));
    manager.told.length = 0;
    manager.state = 'running';
    manager.pids = [15];
    await perform(started(), 'stop', 8, 200);
    assert.ok(!manager.told.includes('strike'), 'an order to stop lets it take leave');
  });

  it('to bar are unknown where the mask has no effect', async () => {
    manager.obeys = (verb) => {
      if (verb === 'stop') [manager.state, manager.pids] = ['stopped', []];
    };
    const outcome = await perform(started(), 'bar');
    assert.equal(outcome.kind, 'unknown');
    assert.match(reasonOf(outcome), /the mask has no effect/);
  });

  it('to start what is barred are refused, also after a restart of the agent, until it is allowed', async () => {
    await perform(started(), 'bar');
    for (const kind of ['start', 'restart'] as const) {
      const outcome = await perform(started(), kind, 8);
      assert.ok(outcome.kind === 'failed');
      assert.equal(outcome.code, 'barred');
    }
    assert.equal(manager.state, 'stopped');
    assert.equal((await perform(started(), 'allow', 8)).kind, 'ok');
    assert.equal(manager.masked, false);
    assert.equal(manager.state, 'stopped', 'to allow is not to start');
    assert.equal((await perform(started(), 'start', 8)).kind, 'ok');
  });

  it('to allow leave the bar where they were not seen to take effect', async () => {
    const driver = started();
    await perform(driver, 'bar');
    manager.obeys = () => {};
    assert.equal((await perform(driver, 'allow', 8, 150)).kind, 'unknown');
    assert.deepEqual(started().bar, { epoch: 7 });
  });

  it('are on disk before anything is told: an agent that dies on the way bars when it is back', async () => {
    manager.answer = { kind: 'unknown', reason: 'the agent died' };
    await perform(started(), 'bar', 7, 100);
    assert.equal(manager.state, 'running');
    manager.answer = { kind: 'told' };
    const { bar, barsBroken, state } = await started().hold({ deadlineMs: 400 });
    assert.deepEqual([bar, barsBroken, state], [{ epoch: 7 }, 1, 'stopped']);
  });

  it('hold: what runs in spite of its bar is stopped again, what is allowed is left alone', async () => {
    const driver = started();
    await perform(driver, 'bar');
    assert.equal((await driver.hold({ deadlineMs: 400 })).barsBroken, 0);
    [manager.state, manager.pids, manager.masked] = ['running', [16], false];
    assert.deepEqual((await driver.hold({ deadlineMs: 400 })).state, 'stopped');
    assert.equal(manager.masked, true);
    await perform(driver, 'allow', 8);
    await perform(driver, 'start', 8);
    assert.equal((await driver.hold({ deadlineMs: 400 })).state, 'running');
  });

  it('are not begun where what was remembered cannot be read', () => {
    writeFileSync(join(directory, 'x.bar'), '{"bar":{"epoch":"seven"}}');
    assert.throws(started, /a bar without an epoch/);
  });
});
