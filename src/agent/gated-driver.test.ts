import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ArmRequest, Gate, GateOutcome } from '../adapters/gate/gate.ts';
import { epoch, instanceId, type MonoMs } from '../core/base/ids.ts';
import type { ActionOutcome, InstanceAction, InstanceDriver } from '../engine/driver-port.ts';
import { GatedDriver, GateReportingDriver } from './gated-driver.ts';

const instance = instanceId('engine-a');
const call = { deadlineMs: 500 };
const promote: InstanceAction = {
  kind: 'promote',
  epoch: epoch(3),
  leaseUntil: 5000 as MonoMs,
  ackSet: [],
  tradingEnabled: true,
};
const lease: InstanceAction = { kind: 'lease', epoch: epoch(3), leaseUntil: 6000 as MonoMs };

function world(answers: { arm?: GateOutcome; disarm?: GateOutcome; kill?: ActionOutcome } = {}) {
  const calls: string[] = [];
  const armed: ArmRequest[] = [];
  const ok: GateOutcome = { kind: 'ok', elapsedMs: 1 };
  const gate: Gate = {
    kind: 'warden',
    boundMs: 300,
    protect: () => calls.push('protect'),
    arm: async (request) => {
      calls.push('arm');
      armed.push(request);
      return answers.arm ?? ok;
    },
    close: async () => {
      calls.push('close');
      return ok;
    },
    disarm: async () => {
      calls.push('disarm');
      return answers.disarm ?? ok;
    },
    end: async () => {},
  };
  const driver: InstanceDriver = {
    instance,
    start: async () => {},
    observe: async () => null,
    confirm: async () => 'unknown',
    close: async () => {},
    perform: async (action) => {
      calls.push(action.kind);
      if (action.kind === 'kill' && answers.kill) return answers.kill;
      return { kind: 'ok', detail: { gate: 'self', gateBoundMs: 20 } };
    },
  };
  const target = () => ({ root: { pid: 7, startTicks: 1 }, directory: null, address: null });
  return { gated: new GatedDriver({ driver, gate, target }), driver, gate, calls, armed };
}

test('a promotion arms the gate first, until the end of its lease, and says which gate', async () => {
  const { gated, calls, armed } = world();
  const outcome = await gated.perform(promote, call);
  assert.deepEqual(calls, ['protect', 'arm', 'promote']);
  assert.deepEqual([armed[0]?.epoch, armed[0]?.untilMono], [3, 5000]);
  assert.deepEqual(outcome, { kind: 'ok', detail: { gate: 'warden', gateBoundMs: 300 } });
});

test('without an armed gate there is no promotion', async () => {
  for (const [arm, kind] of [
    [{ kind: 'refused', code: 'stale-epoch', reason: 'older' }, 'failed'],
    [{ kind: 'unknown', reason: 'no answer' }, 'unknown'],
  ] as const) {
    const { gated, calls } = world({ arm });
    assert.equal((await gated.perform(promote, call)).kind, kind);
    assert.ok(!calls.includes('promote'));
  }
});

test('a lease goes on while the warden is gone, and claims no gate', async () => {
  const { gated } = world({ arm: { kind: 'unknown', reason: 'no answer' } });
  const outcome = await gated.perform(lease, call);
  assert.deepEqual(outcome, { kind: 'ok', detail: { gate: 'none', gateMissing: 'no answer' } });
});

test('a lease whose moment has passed at the gate is not given to the instance', async () => {
  const { gated, calls } = world({ arm: { kind: 'refused', code: 'overdue', reason: 'passed' } });
  assert.equal((await gated.perform(lease, call)).kind, 'failed');
  assert.ok(!calls.includes('lease'));
});

test('a kill closes the gate too, and lets go of it only once nothing is left', async () => {
  const sure = world();
  await sure.gated.perform(promote, call);
  assert.equal((await sure.gated.perform({ kind: 'kill' }, call)).kind, 'ok');
  assert.deepEqual(sure.calls.slice(3), ['close', 'kill', 'disarm']);
  const unsure = world({ kill: { kind: 'unknown', reason: 'still there' } });
  await unsure.gated.perform(promote, call);
  assert.equal((await unsure.gated.perform({ kind: 'kill' }, call)).kind, 'unknown');
  assert.ok(!unsure.calls.includes('disarm'));
});

test('an instance is not started behind a gate that would kill it', async () => {
  const { gated, calls } = world();
  await gated.perform(promote, call);
  await gated.perform({ kind: 'start' }, call);
  assert.deepEqual(calls.slice(3), ['disarm', 'start']);
});

test('a driver that arms its own gate has it named in the outcome', async () => {
  const { driver, gate } = world();
  const outcome = await new GateReportingDriver(driver, gate).perform(lease, call);
  assert.deepEqual(outcome, { kind: 'ok', detail: { gate: 'warden', gateBoundMs: 300 } });
});
