import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Deadline } from './deadline.ts';
import { type ProcEntry, parseProcStat } from './proc-entry.ts';
import { findTree, hurry, isAlive, selectTree, signalProcess } from './process-tree.ts';
import { SupervisedProcess } from './supervised-process.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast pé-')));
after(() => rmSync(folder, { recursive: true, force: true }));

const start = (script: string, name: string) =>
  SupervisedProcess.spawn({
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env.PATH ?? '' },
    directory: folder,
    recogniseByDirectory: true,
    logFile: join(folder, `${name}.log`),
    pidFile: join(folder, `${name}.pid`),
    marker: null,
  });

const entry = (fields: Partial<ProcEntry>): ProcEntry => ({
  pid: 10,
  parentPid: 1,
  session: 10,
  state: 'S',
  startTicks: 100,
  terminal: 0,
  command: 'x',
  ...fields,
});
const nowhere = { directoryOf: () => null, environmentOf: () => false, self: 9_999 };

test('a command name with spaces and parentheses does not shift the fields', () => {
  const parsed = parseProcStat('42 (a) b (c)) T 7 42 40 34816 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0');
  assert.deepEqual(parsed, {
    pid: 42,
    command: 'a) b (c)',
    state: 'T',
    parentPid: 7,
    session: 40,
    terminal: 34816,
    startTicks: 777,
  });
  assert.equal(parseProcStat('nonsense'), null);
});

test('a pid that was given to another process does not make that process a member', () => {
  const spec = { root: { pid: 10, startTicks: 100 }, directory: null, environment: null };
  const recycled = [entry({ startTicks: 900 }), entry({ pid: 11, parentPid: 10, startTicks: 901 })];
  assert.deepEqual(selectTree(spec, recycled, nowhere), []);
  const orphan = [entry({ pid: 11, parentPid: 1, session: 10, startTicks: 101 })];
  assert.deepEqual(selectTree(spec, orphan, nowhere), orphan, 'an orphan of the session is one');
});

test('zombies, shells with a terminal and the asking process are not members', () => {
  const spec = { root: null, directory: '/data', environment: null };
  const entries = [
    entry({ pid: 1_000, state: 'Z' }),
    entry({ pid: 1_001, terminal: 34_816 }),
    entry({ pid: 9_999 }),
    entry({ pid: 1_002 }),
  ];
  assert.deepEqual(
    selectTree(spec, entries, { ...nowhere, directoryOf: () => '/data' }).map((member) => member.pid),
    [1_002],
  );
});

test('threads of the kernel are not looked at; where the kernel is not shown, their place is held by ordinary processes', () => {
  const spec = { root: null, directory: '/data', environment: 'MARK=1' };
  const asked: number[] = [];
  const look = {
    ...nowhere,
    environmentOf: (pid: number) => {
      asked.push(pid);
      return pid === 50;
    },
  };
  const worker = entry({ pid: 50, parentPid: 2 });
  assert.deepEqual(selectTree(spec, [entry({ pid: 2, parentPid: 0, command: 'kthreadd' }), worker], look), []);
  assert.deepEqual(asked, []);
  const inContainer = [entry({ pid: 2, parentPid: 1, command: 'supervisord' }), worker];
  assert.deepEqual(selectTree(spec, inContainer, look), [worker]);
});

test('killing the tree leaves no descendant, also those that left the session, and also when everything is stopped', async () => {
  const running = await start('setsid sleep 300 & sleep 300 & (sleep 300; true) & wait', 'tree');
  const members = await new Deadline({ afterMs: 5_000 }).until('the tree', () => {
    const found = findTree(running.tree);
    return found.length >= 5 ? found : null;
  });
  for (const member of members) signalProcess(member, 'SIGSTOP');
  await new Deadline({ afterMs: 5_000 }).until('the stop', () => (running.state() === 'stopped' ? true : null));
  const death = await running.killTree({ deadlineMs: 5_000 });
  assert.deepEqual([death.reaped, death.treeEmpty], [true, true]);
  for (const member of members) assert.equal(isAlive(member), false);
});

test('an exit is told at once, with its code', async () => {
  const running = await start('exit 7', 'exit');
  assert.deepEqual(await running.exited, { code: 7, signal: null, reaped: true });
  assert.equal(running.state(), 'gone');
});

test('a running process is adopted by its pid file, and its exit is seen', async () => {
  const running = await start('echo up; exec sleep 300', 'adopted');
  const adopted = SupervisedProcess.adopt(join(folder, 'adopted.pid'));
  assert.ok(adopted !== null);
  assert.deepEqual([adopted.adopted, adopted.name], [true, running.name]);
  const log = () => readFileSync(join(folder, 'adopted.log'), 'utf8');
  await new Deadline({ afterMs: 5_000 }).until('its output', () => (log() === 'up\n' ? true : null));
  const death = await adopted.killTree({ deadlineMs: 5_000 });
  assert.deepEqual([death.reaped, death.treeEmpty], [true, true]);
  await running.exited;
  assert.equal(SupervisedProcess.adopt(join(folder, 'adopted.pid')), null);
});

test('what is to die goes before other work where this user may say so, and as before where not', async () => {
  const running = await start('exec nice -n 10 sleep 300', 'hurried');
  const niceness = () => getPriority(running.name.pid);
  await new Deadline({ afterMs: 5_000 }).until('its niceness', () => (niceness() === 10 ? true : null));
  signalProcess(running.name, 'SIGSTOP');
  hurry(running.name.pid);
  assert.equal(niceness(), process.getuid?.() === 0 ? -20 : 10);
  await running.killTree({ deadlineMs: 5_000 });
  hurry(running.name.pid);
});
