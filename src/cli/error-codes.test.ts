import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exitCodeMeanings } from './exit-code.ts';

const repository = join(import.meta.dirname, '..', '..');
const page = readFileSync(join(repository, 'docs', 'reference', 'errors.md'), 'utf8');
const documented = [...page.matchAll(/^\| (HF-\d{4}) \|/gm)].map(([, code]) => code!);

/** Every code that a source names, with one file that does. */
function codesInSources(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const room of ['src', 'lab', 'trading', 'bin'])
    for (const name of readdirSync(join(repository, room), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(ts|cjs)$/.test(name) || name.endsWith('.test.ts')) continue;
      const path = join(room, name);
      for (const [code] of readFileSync(join(repository, path), 'utf8').matchAll(/HF-\d{4}/g)) found.set(code, path);
    }
  return found;
}

test('every error code that a source names is documented', () => {
  const missing = [...codesInSources()].filter(([code]) => !documented.includes(code));
  assert.deepEqual(missing, [], 'add them to docs/reference/errors.md');
});

test('every documented error code exists, and once', () => {
  const codes = codesInSources();
  assert.deepEqual(
    documented.filter((code) => !codes.has(code)),
    [],
  );
  assert.deepEqual(documented, [...new Set(documented)].sort());
});

test('every documented code says what to do', () => {
  for (const line of page.split('\n').filter((each) => each.startsWith('| HF-'))) {
    const cells = line.split('|').map((cell) => cell.trim());
    assert.ok((cells.at(-2) ?? '') !== '', line);
    assert.ok((cells.at(-3) ?? '') !== '', line);
  }
});

test('every exit code is documented', () => {
  const codes = readFileSync(join(repository, 'docs', 'reference', 'exit-codes.md'), 'utf8');
  for (const code of Object.keys(exitCodeMeanings)) assert.match(codes, new RegExp(`^\\| ${code} \\| `, 'm'));
});
