import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

/** A program that, interrupted, needs `endsAfterMs` to clean up, and ends with 7 then. */
async function program(endsAfterMs: number): Promise<ChildProcess> {
  const module = pathToFileURL(join(import.meta.dirname, 'interruption.ts')).href;
  const source = `
    import { onInterruption } from ${JSON.stringify(module)};
    onInterruption(() => { process.stdout.write('heard'); setTimeout(() => process.exit(7), ${endsAfterMs}); });
    setInterval(() => {}, 1000);
    process.stdout.write('ready');
  `;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', source],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(child.stdout!, 'data');
  return child;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  test(`what ends with ${signal} ends once, also where the launcher and its group are both told`, async () => {
    const child = await program(300);
    child.kill(signal);
    await once(child.stdout!, 'data');
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [7, null]);
  });

test('whoever interrupts again later does not want to wait', async () => {
  const child = await program(60_000);
  child.kill('SIGINT');
  await once(child.stdout!, 'data');
  const again = setInterval(() => child.kill('SIGINT'), 200);
  const ended = await once(child, 'exit');
  clearInterval(again);
  assert.deepEqual(ended, [130, null]);
});
