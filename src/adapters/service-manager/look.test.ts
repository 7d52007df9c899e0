import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type RunCommand, runCommand } from '../gate/nftables-gate.ts';
import { lookAtService } from './look.ts';
import { supervisordSays, systemdSays } from './parse.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const seen = fixture('supervisorctl-4.2.5.txt');

describe('what supervisorctl prints', () => {
  it('has each state of a program as one that is judged', () => {
    const states = ['good', 'g:ga', 'flap', 'never', 'once', 'gave-up'].map(
      (name) => supervisordSays(name, seen).state,
    );
    assert.deepEqual(states, ['running', 'running', 'changing', 'stopped', 'failed', 'failed']);
    assert.equal(supervisordSays('good', seen).said, 'RUNNING pid 6913, uptime 0:00:01');
  });

  it('says nothing of a program that it does not have, nor when it is refused; the words are kept', () => {
    assert.deepEqual(supervisordSays('nosuch', seen), { state: null, said: 'nosuch: ERROR (no such process)' });
    assert.equal(supervisordSays('goo', seen).state, null);
    const refused = supervisordSays('good', fixture('supervisorctl-refused-4.2.5.txt'));
    assert.equal(refused.state, null);
    assert.match(refused.said, /Permission denied/);
    assert.equal(supervisordSays('good', '').said, 'supervisorctl said nothing');
  });
});

/** By the manual (systemctl(1), org.freedesktop.systemd1(5)); not recorded, there was no systemd to try. */
const unit = (load: string, active: string, sub: string, pid: number, restarts: number) =>
  `LoadState=${load}\nActiveState=${active}\nSubState=${sub}\nMainPID=${pid}\nNRestarts=${restarts}\n`;

describe('what systemctl prints', () => {
  it('has each state of a unit as one that is judged', () => {
    const states = ['active', 'activating', 'deactivating', 'inactive', 'failed', 'reloading'].map(
      (active) => systemdSays(unit('loaded', active, 'x', 0, 0)).state,
    );
    assert.deepEqual(states, ['running', 'changing', 'changing', 'stopped', 'failed', 'running']);
    assert.equal(
      systemdSays(unit('loaded', 'active', 'running', 12, 3)).said,
      'active (running), pid 12, restarted 3 times',
    );
  });

  it('says nothing of a unit that is not there, nor where systemd does not run', () => {
    assert.deepEqual(systemdSays(unit('not-found', 'inactive', 'dead', 0, 0)), {
      state: null,
      said: 'it is not-found',
    });
    assert.deepEqual(systemdSays(fixture('systemctl-no-systemd-252.txt')), {
      state: null,
      said: 'Failed to connect to bus: Host is down',
    });
  });
});

describe('a look', () => {
  it('asks for one program and passes its name as a name', async () => {
    const asked: string[] = [];
    const run: RunCommand = async (command, args) => {
      asked.push([command, ...args].join(' '));
      return { code: 3, stdout: 'x  FATAL  gone', stderr: '' };
    };
    assert.equal((await lookAtService(run, 'supervisord:x', 100)).state, 'failed');
    await lookAtService(run, 'systemd:x.service', 100);
    assert.deepEqual(asked, [
      'supervisorctl status x',
      'systemctl show --no-pager --property=LoadState,ActiveState,SubState,MainPID,NRestarts -- x.service',
    ]);
  });

  it('is inconclusive where the command is not there', async () => {
    const absent: RunCommand = (_, args, options) => runCommand('/no/such/command', args, options);
    const { state, said } = await lookAtService(absent, 'supervisord:x', 2_000);
    assert.equal(state, null);
    assert.match(said, /ENOENT/);
  });
});
