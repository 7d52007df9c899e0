import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isAlive, killTogether, readProcess, signalProcess } from './process-table.ts';
import { waitFor } from './wait.ts';

const ROUNDS = 60;
const directory = mkdtempSync(join(tmpdir(), 'holdfast-kill-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A process, and a child of it that takes its leave as soon as it sees that its parent is gone. */
async function pair(name: string) {
  const [ready, left] = [join(directory, `${name}-ready`), join(directory, `${name}-left`)];
  const looks =
    'echo $$ > "$READY"; while read -r a b c parent rest < /proc/$$/stat && [ "$parent" = "$0" ]; do :; done; : > "$LEFT"';
  const env = { ...process.env, READY: ready, LEFT: left };
  const { pid } = spawn('sh', ['-c', `sh -c '${looks}' $$ & wait`], { stdio: 'ignore', env });
  await waitFor('the child to look', () => existsSync(ready) && readFileSync(ready, 'utf8').endsWith('\n'), 20_000);
  const both = [readProcess(pid!)!, readProcess(Number(readFileSync(ready, 'utf8')))!] as const;
  const gone = () => waitFor('both to be gone', () => !both.some(isAlive), 20_000);
  return { both, gone, hasTakenLeave: () => existsSync(left) };
}

test('of what is killed together nothing sees another one gone', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const { both, gone, hasTakenLeave } = await pair(`together-${round}`);
    assert.deepEqual(killTogether(both), both);
    await gone();
    assert.equal(hasTakenLeave(), false, `round ${round}`);
  }
});

test('killed one after the other it would', async () => {
  const { both, gone, hasTakenLeave } = await pair('one-by-one');
  signalProcess(both[0], 'SIGKILL');
  await waitFor('the child to take its leave', hasTakenLeave, 20_000);
  await gone();
});
