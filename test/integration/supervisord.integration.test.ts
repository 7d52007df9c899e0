import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type RunCommand, runCommand } from '../../src/adapters/gate/nftables-gate.ts';
import { Deadline } from '../../src/adapters/process/deadline.ts';
import { lookAtService } from '../../src/adapters/service-manager/look.ts';
import type { ServiceLook } from '../../src/core/health/service-state.ts';

const present = (await runCommand('supervisord', ['--version'], { input: '', deadlineMs: 5_000 })).code === 0;

describe('a real supervisord', { skip: present ? false : 'supervisor is not installed', timeout: 60_000 }, () => {
  it('is seen with its programs, killed, given up and stopped; frozen it has not said', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'supervisord-'));
    const file = join(directory, 'conf');
    const program = (name: string, command: string, more = '') =>
      `[program:${name}]\ncommand=${command}\nstdout_logfile=NONE\nstderr_logfile=NONE\n${more}\n`;
    writeFileSync(
      file,
      `[unix_http_server]\nfile=${directory}/sock\nchmod=0700\n[supervisord]\nlogfile=${directory}/log\npidfile=${directory}/pid\nnodaemon=true\n` +
        `[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix://${directory}/sock\n` +
        program('good', '/bin/sleep 1000') +
        program('ends', '/bin/false', 'startretries=0') +
        program('rests', '/bin/sleep 1000', 'autostart=false'),
    );
    const child = spawn('supervisord', ['-c', file], { stdio: 'ignore' });
    try {
      const run: RunCommand = (command, args, options) => runCommand(command, ['-c', file, ...args], options);
      const look = (name: string, deadlineMs = 5_000): Promise<ServiceLook> =>
        lookAtService(run, `supervisord:${name}`, deadlineMs);
      const becomes = (name: string, state: ServiceLook['state']) =>
        new Deadline({ afterMs: 20_000 }).until(
          `${name} is ${state}`,
          async () => ((await look(name)).state === state ? true : null),
          100,
        );
      await becomes('good', 'running');
      await becomes('ends', 'failed');
      await becomes('rests', 'stopped');
      assert.equal((await look('nobody')).state, null);
      child.kill('SIGSTOP');
      const frozen = await look('good', 700);
      assert.deepEqual([frozen.state, frozen.said], [null, 'supervisorctl did not answer within 700 ms']);
      child.kill('SIGCONT');
      await becomes('good', 'running');
    } finally {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
