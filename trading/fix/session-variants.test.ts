import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { SESSION_VARIANTS } from './session-variants.ts';

const run = promisify(execFile);

test('every broken variant of the session is one change that still fits the code, and is caught', async (context) => {
  for (const { name, file, find } of SESSION_VARIANTS) {
    assert.equal(readFileSync(join(import.meta.dirname, file), 'utf8').split(find).length, 2, `${name}: ${file}`);
    const main = join(import.meta.dirname, 'session-variant-run.ts');
    const { stdout } = await run(process.execPath, [...process.execArgv, main, name], { timeout: 120_000 });
    const caught = JSON.parse(stdout) as { seed: number; violation: string } | null;
    context.diagnostic(`${name}: ${caught === null ? 'not caught' : `seed ${caught.seed}, ${caught.violation}`}`);
    assert.notEqual(caught, null, `${name} is not caught`);
  }
});
