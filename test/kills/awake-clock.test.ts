import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { AwakeClock, causeOf, type Elapsed } from './awake-clock.ts';

const usual: Elapsed = { lastedMs: 2000, wallMs: 2000, accountedMs: 4000, idleMs: 3000, stolenMs: 0, ownMs: 10 };

test('what kept a process from its turn is told apart by clocks and processor times', () => {
  const told = (changes: Partial<Elapsed>): string => causeOf({ ...usual, ...changes }, 2);
  assert.equal(told({}), 'this process waited in the kernel');
  assert.equal(told({ accountedMs: 300, idleMs: 100 }), 'the machine stood still');
  assert.equal(told({ wallMs: 9000 }), 'the machine stood still');
  assert.equal(told({ stolenMs: 3000, idleMs: 0 }), 'the host took the processors');
  assert.equal(told({ ownMs: 1900 }), 'this process computed');
  assert.equal(told({ idleMs: 100 }), 'others had the processors');
});

test('a deadline does not pass while the process that waits is stopped', async () => {
  const clock = new AwakeClock();
  // It stops this process for a while, as a pause of the machine would.
  const stopper: ChildProcess = spawn('/bin/sh', [
    '-c',
    `read go; kill -STOP ${process.pid}; sleep 2; kill -CONT ${process.pid}`,
  ]);
  const ended = new Promise((resolve) => stopper.on('exit', resolve));
  const stopped = (): boolean => clock.stops.some(({ lastedMs }) => lastedMs > 1800);
  const startedAtMs = performance.now();
  try {
    const waited = clock.until('it was stopped', stopped, 1500);
    stopper.stdin!.end('go\n');
    await waited;
    assert.ok(performance.now() - startedAtMs > 1500, 'by the ordinary clock the deadline has passed');
    const stop = clock.stops.find(({ lastedMs }) => lastedMs > 1800)!;
    await waitUntil('the signal is seen', () => stop.cause === 'a signal stopped this process');
    await assert.rejects(
      clock.until('never', () => false, 50),
      /waited 50 ms in vain until never/,
    );
  } finally {
    await ended;
    clock.close();
  }
});
