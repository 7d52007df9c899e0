import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:os';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readProcess } from './proc-entry.ts';
import { watchProcess } from './watched-process.ts';

describe('a process that others started', { skip: platform() !== 'linux' }, () => {
  let child: ChildProcess;
  let command: string;
  beforeEach(async () => {
    child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    command = readProcess(child.pid!)!.command;
  });
  afterEach(() => child.kill('SIGKILL'));
  const watched = (change: object = {}) => watchProcess({ pid: child.pid!, command, upMs: 0, ...change });

  it('has ended once it was killed, and not before', async () => {
    const seen = watched()!;
    assert.equal(seen.hasEnded(), false);
    seen.kill();
    await once(child, 'exit');
    assert.equal(seen.hasEnded(), true);
    seen.kill();
  });

  it('has not ended while it is stopped', () => {
    const seen = watched()!;
    child.kill('SIGSTOP');
    assert.equal(seen.hasEnded(), false);
  });

  it('is not taken for one of another name or age, nor for one that is not there', () => {
    assert.equal(watched({ command: 'redis-server' }), null);
    assert.equal(watched({ upMs: 60_000 }), null);
    assert.equal(watched({ pid: 2 ** 22 - 1 }), null);
  });
});
