import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Role } from '../../control/contract.ts';
import { engineFiles } from '../../testing/engine-files.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { StandbyRehearsal } from './standby-rehearsal.ts';

test('an engine rehearses once, when it follows a primary and not before', async (context) => {
  const { config } = engineFiles(context, { timing: { rehearseAfterMs: 1 } });
  const engine = { config, role: 'standby' as Role, upstream: { core: { connected: false } }, rehearsed: false };
  const failures: string[] = [];
  const { timers } = context.mock;
  timers.enable({ apis: ['setTimeout'] });
  const start = () => Promise.reject(new Error('no engine today'));
  const rehearsal = new StandbyRehearsal({ engine, start, onFailure: (text) => void failures.push(text) });
  const looks = () => {
    rehearsal.consider();
    timers.tick(100);
  };
  looks();
  engine.upstream.core.connected = true;
  engine.role = 'primary';
  looks();
  assert.deepEqual(failures, []);
  engine.role = 'standby';
  looks();
  timers.reset();
  await waitUntil('it was tried', () => failures.length > 0);
  rehearsal.consider();
  assert.deepEqual(failures, ['its takeover could not be rehearsed: no engine today']);
  assert.equal(engine.rehearsed, false);
});

test('an engine that is not to rehearse does not', async (context) => {
  const { config } = engineFiles(context, { timing: { rehearseAfterMs: 0 } });
  const engine = { config, role: 'standby' as Role, upstream: { core: { connected: true } }, rehearsed: false };
  let starts = 0;
  const start = () => {
    starts += 1;
    return Promise.reject(new Error('it was started'));
  };
  const timers = context.mock.timers;
  timers.enable({ apis: ['setTimeout'] });
  new StandbyRehearsal({ engine, start, onFailure: () => {} }).consider();
  timers.tick(100_000);
  assert.equal(starts, 0);
});
