import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bringBefore, type SchedulingKernel, schedulingOf } from './scheduling.ts';

interface Fake {
  policy: number;
  niceness: number;
  session: number;
  sessionNiceness: number | null;
  weight: number | null;
  readonly may: ReadonlySet<'real-time' | 'raise'>;
  readonly ran: string[];
  /** How often a session's change is too soon after another one. */
  tooSoon: number;
}

const PID = 700;
const fake = (changes: Partial<Fake> = {}): Fake => ({
  policy: 0,
  niceness: 0,
  session: PID,
  sessionNiceness: 0,
  weight: null,
  may: new Set(['real-time', 'raise']),
  ran: [],
  tooSoon: 0,
  ...changes,
});

function kernelOf(one: Fake): SchedulingKernel {
  const files = (): Readonly<Record<string, string | null>> => ({
    [`/proc/${PID}/stat`]: `${PID} (a ) b) S 1 ${PID} ${one.session} 0 -1 0 0 0 0 0 5 5 0 0 20 ${one.niceness} 11 0 900 1 1 ${Array.from({ length: 15 }, () => 0).join(' ')} 0 ${one.policy} 0`,
    [`/proc/${PID}/cgroup`]: one.weight === null ? '0::/\n' : '0::/system.slice/agent.service\n',
    '/sys/fs/cgroup/system.slice/agent.service/cpu.weight': one.weight === null ? null : `${one.weight}\n`,
    '/proc/sys/kernel/sched_autogroup_enabled': one.sessionNiceness === null ? '0\n' : '1\n',
    [`/proc/${PID}/autogroup`]: one.sessionNiceness === null ? null : `/autogroup-9 nice ${one.sessionNiceness}\n`,
  });
  const refuse = (): never => {
    throw new Error('EPERM');
  };
  return {
    read: (file) => files()[file] ?? null,
    write: (file, text) => {
      if (!one.may.has('raise')) refuse();
      assert.equal(file, `/proc/${PID}/autogroup`);
      if (one.tooSoon-- > 0) throw Object.assign(new Error('too soon'), { code: 'EAGAIN' });
      one.sessionNiceness = Number(text);
    },
    setNiceness: (_pid, niceness) => {
      if (!one.may.has('raise')) refuse();
      one.niceness = niceness;
    },
    run: (command, args) => {
      one.ran.push([command, ...args].join(' '));
      if (!one.may.has('real-time')) return Promise.resolve('not permitted');
      one.policy = 2;
      return Promise.resolve(null);
    },
  };
}

test('what fences is real-time where that is allowed, and what it starts is not', async () => {
  const one = fake();
  assert.equal(await bringBefore(PID, { rank: 'fences', atMost: 'real-time' }, kernelOf(one)), 'real-time');
  assert.deepEqual(one.ran, [`chrt --reset-on-fork --rr --pid 4 ${PID}`]);
  assert.equal(one.niceness, 0);
});

test('where real-time is refused the share is raised, of the process and of its session', async () => {
  const one = fake({ may: new Set(['raise']) });
  assert.equal(await bringBefore(PID, { rank: 'detects', atMost: 'real-time' }, kernelOf(one)), 'raised');
  assert.deepEqual([one.niceness, one.sessionNiceness], [-10, -10]);
});

test('a session that the kernel takes no change of so soon after another one is raised a moment later', async () => {
  const one = fake({ tooSoon: 2 });
  assert.equal(await bringBefore(PID, { rank: 'detects', atMost: 'raised' }, kernelOf(one)), 'raised');
  assert.equal(one.sessionNiceness, -10);
});

test('who may do nothing is told that the process is ordinary', async () => {
  const one = fake({ may: new Set() });
  assert.equal(await bringBefore(PID, { rank: 'serves', atMost: 'real-time' }, kernelOf(one)), 'ordinary');
});

test('what serves is never real-time: it may work for long at a stretch', async () => {
  const one = fake();
  assert.equal(await bringBefore(PID, { rank: 'serves', atMost: 'real-time' }, kernelOf(one)), 'raised');
  assert.deepEqual(one.ran, []);
});

test('nothing goes further than was asked for', async () => {
  const one = fake();
  assert.equal(await bringBefore(PID, { rank: 'serves', atMost: 'ordinary' }, kernelOf(one)), 'ordinary');
  assert.equal(await bringBefore(PID, { rank: 'fences', atMost: 'raised' }, kernelOf(one)), 'raised');
  assert.deepEqual(one.ran, []);
});

test('what whoever started it has arranged is left as it is', async () => {
  const one = fake({ policy: 1 });
  assert.equal(await bringBefore(PID, { rank: 'serves', atMost: 'real-time' }, kernelOf(one)), 'real-time');
  assert.deepEqual(one.ran, []);
});

test('a session that others live in, too, is not raised, and that counts for nothing then', async () => {
  const one = fake({ session: 30, may: new Set(['raise']) });
  assert.equal(await bringBefore(PID, { rank: 'detects', atMost: 'raised' }, kernelOf(one)), 'ordinary');
  assert.equal(one.sessionNiceness, 0);
});

test('in a control group its weight counts, not the session', () => {
  assert.equal(schedulingOf(PID, kernelOf(fake({ weight: 100, sessionNiceness: -10 }))), 'ordinary');
  assert.equal(schedulingOf(PID, kernelOf(fake({ weight: 2000 }))), 'raised');
  assert.equal(schedulingOf(PID, kernelOf(fake({ sessionNiceness: null, niceness: -3 }))), 'raised');
});

test('a process that is gone has no class', async () => {
  const gone = { ...kernelOf(fake()), read: () => null };
  assert.equal(await bringBefore(PID, { rank: 'fences', atMost: 'real-time' }, gone), null);
});

test('what this process has can be told', () => {
  assert.notEqual(schedulingOf(process.pid), null);
});
