import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epoch, instanceId, type MonoMs } from '../../core/base/ids.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { canUseNftables, NftablesGate, type RunCommand } from './nftables-gate.ts';

const instance = instanceId('db');

function recorded(code = 0) {
  const inputs: string[] = [];
  const commands: string[][] = [];
  const run: RunCommand = async (command, args, options) => {
    commands.push([command, ...args]);
    inputs.push(options.input);
    return { code, stdout: '', stderr: code === 0 ? '' : 'Operation not permitted' };
  };
  const gate = new NftablesGate({ table: 'holdfast_h1', boundMs: 400, run });
  gate.protect(instance, { root: null, directory: null, address: { host: '127.0.1.5', port: 5432 } });
  return { gate, inputs, commands };
}

const arm = (gate: NftablesGate, at: number, aheadMs: number) =>
  gate.arm({ instance, epoch: epoch(at), untilMono: (hostMonoMs() + aheadMs) as MonoMs, deadlineMs: 1_000 });

test('arming replaces the element in one transaction, with what is left of the time less what nft may take', async () => {
  const { gate, inputs, commands } = recorded();
  const aheadMs = 30_000;
  assert.equal((await arm(gate, 1, aheadMs)).kind, 'ok');
  const beforeMs = hostMonoMs();
  assert.equal((await arm(gate, 1, aheadMs)).kind, 'ok');
  const passedMs = hostMonoMs() - beforeMs;
  assert.equal(inputs.length, 3, 'the rules once, then one transaction per refresh');
  assert.deepEqual(commands[1], ['timeout', '-s', 'KILL', '0.250', 'nft', '-f', '-']);
  assert.match(inputs[0] ?? '', /add set inet holdfast_h1 open \{ type ipv4_addr \. inet_service; flags timeout; \}/);
  assert.match(inputs[0] ?? '', /hook output/);
  const lines = (inputs[2] ?? '').trim().split('\n');
  assert.equal(lines[0], 'add element inet holdfast_h1 guarded { 127.0.1.5 . 5432 }');
  assert.equal(lines[2], 'delete element inet holdfast_h1 open { 127.0.1.5 . 5432 }');
  const timeoutMs = Number(/timeout (\d+)ms/.exec(lines[3] ?? '')?.[1]);
  const mostMs = aheadMs - 250;
  assert.ok(timeoutMs >= mostMs - passedMs - 1 && timeoutMs <= mostMs, `timeout ${timeoutMs}`);
});

test('an older epoch, a moment too near and a refusal by the kernel are told apart', async () => {
  const { gate } = recorded();
  await arm(gate, 5, 30_000);
  const stale = await arm(gate, 4, 30_000);
  assert.equal(stale.kind === 'refused' && stale.code, 'stale-epoch');
  const near = await arm(gate, 5, 100);
  assert.equal(near.kind === 'refused' && near.code, 'overdue');
  const refused = await arm(recorded(1).gate, 1, 30_000);
  assert.equal(refused.kind === 'refused' && refused.code, 'nft-failed');
  assert.equal((await arm(recorded(137).gate, 1, 30_000)).kind, 'unknown');
});

const usable = await canUseNftables();
test('the kernel takes the element away by itself', {
  skip: usable.usable ? false : `not applicable here: ${usable.reason}`,
}, async () => {
  const gate = new NftablesGate({ table: `holdfast_test_${process.pid}`, boundMs: 400 });
  gate.protect(instance, { root: null, directory: null, address: { host: '127.99.99.99', port: 5432 } });
  try {
    // Where nft takes longer than a refresh may, the outcome is unknown, and it is asked again.
    let armed = await arm(gate, 1, 30_000);
    for (let tries = 1; armed.kind === 'unknown' && tries < 20; tries += 1) armed = await arm(gate, 1, 30_000);
    assert.equal(armed.kind, 'ok', JSON.stringify(armed));
    assert.equal((await gate.close(instance, { deadlineMs: 15_000 })).kind, 'ok');
  } finally {
    await gate.remove({ deadlineMs: 15_000 });
  }
});
