import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LockHolder, type LockWish, withLabLock } from './lab-lock.ts';

const wish = (waited: (LockHolder | null)[] = [], deadlineMs = 20_000): LockWish => ({
  doing: 'ending it',
  deadlineMs,
  onWait: (holder) => void waited.push(holder),
  late: (holder) => new Error(`late: ${holder?.pid}`),
});
const id = (name: string) => `${name}.${process.pid}`;

test('who comes second is told who is first, and goes on when that one is done', async () => {
  const order: string[] = [];
  const waited: (LockHolder | null)[] = [];
  let finish = () => {};
  const first = withLabLock(id('order'), wish(), () => new Promise<void>((resolve) => (finish = resolve)));
  const second = withLabLock(
    id('order'),
    {
      ...wish(waited),
      onWait: (holder) => {
        waited.push(holder);
        order.push('first is done');
        finish();
      },
    },
    async () => void order.push('second'),
  );
  await Promise.all([first, second]);
  assert.deepEqual(order, ['first is done', 'second']);
  assert.deepEqual(waited, [{ pid: process.pid, doing: 'ending it' }]);
});

test('ten at once are one after the other', async () => {
  let inside = 0;
  await Promise.all(
    Array.from({ length: 10 }, () =>
      withLabLock(id('ten'), wish(), async () => {
        inside += 1;
        assert.equal(inside, 1);
        await new Promise(setImmediate);
        inside -= 1;
      }),
    ),
  );
});

test('a lock whose holder was killed is free, one whose holder is frozen is not', async () => {
  const program = `import { withLabLock } from ${JSON.stringify(join(import.meta.dirname, 'lab-lock.ts'))};
    await withLabLock(${JSON.stringify(id('killed'))}, { doing: 'ending it', deadlineMs: 1, onWait() {}, late: () => new Error() },
      () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const waited: (LockHolder | null)[] = [];
  await assert.rejects(
    withLabLock(id('killed'), wish(waited, 50), async () => {}),
    /late/,
  );
  assert.deepEqual(waited, [null], 'it is said that somebody is first, also when that one does not answer');
  const after = withLabLock(id('killed'), wish(), async () => 'mine');
  child.kill('SIGKILL');
  assert.equal(await after, 'mine');
});
