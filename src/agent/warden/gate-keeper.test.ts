import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WardenClosed } from '../../adapters/gate/warden-protocol.ts';
import { GateKeeper } from './gate-keeper.ts';

function world() {
  const seen = {
    nowMs: 0,
    strikes: [] as string[],
    alarms: [] as (number | null)[],
    announced: [] as WardenClosed[],
    members: 3,
  };
  const keeper = new GateKeeper({
    nowNs: () => BigInt(seen.nowMs) * 1_000_000n,
    strike: (tree) => {
      seen.strikes.push(tree.directory ?? '');
      const struck = seen.members;
      seen.members = 0;
      return struck;
    },
    finish: async () => ({ treeEmpty: true }),
    countMembers: () => seen.members,
    setAlarm: (afterMs) => void seen.alarms.push(afterMs),
    announce: (closed) => void seen.announced.push(closed),
  });
  const arm = (instance: string, epoch: number, untilMs: number) =>
    keeper.arm({ instance, epoch, untilMonoNs: `${untilMs}000000`, root: null, directory: `/${instance}` });
  return { seen, keeper, arm };
}

test('a gate that has closed can be armed again only when something new runs behind it', async () => {
  const { seen, keeper, arm } = world();
  arm('a', 1, 500);
  seen.nowMs = 500;
  keeper.settleOverdue();
  seen.members = 1;
  assert.equal(arm('a', 2, 900).ok, false, 'what is there is still dying');
  await Promise.resolve();
  await Promise.resolve();
  seen.members = 0;
  assert.equal(arm('a', 2, 900).ok, false);
  seen.members = 2;
  assert.equal(arm('a', 2, 900).ok, true);
});

test('one alarm is set, for the earliest moment', () => {
  const { seen, arm } = world();
  arm('a', 1, 500);
  arm('b', 1, 300);
  assert.equal(seen.alarms.at(-1), 300);
  arm('b', 1, 900);
  assert.equal(seen.alarms.at(-1), 500);
});

test('an arm that waited while the warden was frozen cannot extend an overdue gate', async () => {
  const { seen, arm } = world();
  arm('a', 1, 500);
  seen.nowMs = 600;
  const late = arm('a', 1, 1_000);
  assert.deepEqual(seen.strikes, ['/a'], 'it was closed before the request was looked at');
  assert.equal(late.ok ? '' : late.code, 'closed');
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual([seen.announced[0]?.instance, seen.announced[0]?.treeEmpty], ['a', true]);
});

test('an arm for a moment that has passed, or from an older epoch, is refused', () => {
  const { seen, arm } = world();
  arm('a', 5, 500);
  assert.deepEqual(arm('a', 4, 600), {
    ok: false,
    code: 'stale-epoch',
    message: 'epoch 4 is older than 5, which was armed before',
  });
  seen.nowMs = 100;
  const passed = arm('b', 1, 100);
  assert.equal(passed.ok ? '' : passed.code, 'overdue');
  assert.deepEqual(seen.strikes, []);
});

test('a gate is let go only when the warden itself sees nothing behind it', () => {
  const { seen, keeper, arm } = world();
  arm('a', 1, 500);
  const refused = keeper.disarm('a');
  assert.equal(refused.ok ? '' : refused.code, 'still-running');
  seen.members = 0;
  assert.equal(keeper.disarm('a').ok, true);
  seen.nowMs = 10_000;
  keeper.settleOverdue();
  assert.deepEqual(seen.strikes, []);
  assert.equal(seen.alarms.at(-1), null);
});

test('closing on request kills, and says whether the tree is empty', async () => {
  const { seen, keeper, arm } = world();
  arm('a', 1, 500);
  assert.deepEqual(await keeper.close('a'), { ok: true, result: { treeEmpty: true } });
  assert.deepEqual(seen.strikes, ['/a']);
  const never = await keeper.close('never');
  assert.equal(never.ok ? '' : never.code, 'not-armed');
});
