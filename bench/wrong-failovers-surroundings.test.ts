import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { readProcess } from '../lab/process-table.ts';
import { waitFor } from '../lab/wait.ts';

const scriptOf = (what: string) => join(import.meta.dirname, `wrong-failovers-${what}.ts`);
const start = (what: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [scriptOf(what), ...args], { stdio: ['ignore', 'pipe', 'ignore'] });

test('a watcher that somebody stopped and continued says so, and does not take it for a standstill of the processor', async () => {
  const watcher = start('clock', '60', String(process.pid), 'as-any');
  try {
    const lines: { kind: string; ms?: number }[] = [];
    createInterface({ input: watcher.stdout! }).on('line', (line) => lines.push(JSON.parse(line)));
    await waitFor('its first line', () => lines.some(({ kind }) => kind === 'late'), 20_000);
    watcher.kill('SIGSTOP');
    await waitFor('it to be stopped', () => readProcess(watcher.pid!)?.state === 'T', 5000);
    const stoppedAt = performance.now();
    await waitFor('some time to pass', () => performance.now() - stoppedAt > 400, 5000);
    watcher.kill('SIGCONT');
    await waitFor('its word on that', () => lines.some(({ kind }) => kind === 'stopped'), 20_000);
    assert.deepEqual(
      lines.filter(({ kind, ms = 0 }) => kind === 'standstill' && ms >= 300),
      [],
    );
  } finally {
    watcher.kill('SIGKILL');
  }
});

test('a busy process ends by itself when its time is over', async () => {
  const [code] = await once(start('busy', '1', String(process.pid)), 'exit');
  assert.equal(code, 0);
});

test('a busy process ends when whoever started it is gone', async () => {
  const source = `
    const { spawn } = require('node:child_process');
    const busy = spawn(process.execPath, [${JSON.stringify(scriptOf('busy'))}, '60', String(process.pid)], { detached: true, stdio: ['ignore', 'ignore', 'ignore'] });
    console.log(busy.pid);
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [said] = (await once(parent.stdout!, 'data')) as [Buffer];
  const busy = Number(said.toString().trim());
  assert.notEqual(readProcess(busy), null);
  parent.kill('SIGKILL');
  await waitFor('the busy process to end', () => readProcess(busy) === null, 20_000);
});
