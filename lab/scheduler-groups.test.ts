import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from './lab-fixtures.ts';
import { SchedulerGroups } from './scheduler-groups.ts';

function world(options: { readonly watched: boolean }) {
  const asked: number[] = [];
  const children = new Map<number, number[]>([
    [1, [11]],
    [11, [111, 112]],
  ]);
  let rounds = 0;
  let refusals = 3;
  const groups = new SchedulerGroups({
    stepMs: 1,
    watched: () => options.watched,
    roots: () => {
      rounds += 1;
      return [1, 2];
    },
    kernel: {
      childrenOf: (pid) => children.get(pid) ?? [],
      lower: (pid) => {
        asked.push(pid);
        refusals -= 1;
        return refusals >= 0 ? 'again' : 'done';
      },
    },
  });
  return { groups, asked, children, rounds: () => rounds };
}

test('every process and what it started is lowered, each once; a kernel that is not ready is asked again', async () => {
  const { groups, asked, rounds } = world({ watched: false });
  groups.wake();
  await eventually('a second round found nothing new', () => rounds() >= 3);
  assert.deepEqual(asked, [1, 1, 1, 1, 11, 111, 112, 2]);
  groups.wake();
  await eventually('it looks again when something was started', () => rounds() >= 4);
  assert.equal(asked.length, 8);
  groups.close();
});

test('what is started while somebody measures is lowered, too', async () => {
  const { groups, asked, children, rounds } = world({ watched: true });
  groups.wake();
  await eventually('everything was looked at', () => rounds() >= 4);
  children.set(2, [21]);
  await eventually('the new one was lowered', () => asked.includes(21));
  groups.close();
});
