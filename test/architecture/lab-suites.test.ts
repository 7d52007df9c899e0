import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exitCodeOf, labSuites, type SuiteTotals, totalsText } from '../lab-suites.ts';

const root = join(import.meta.dirname, '..', '..');
const totals = (passed: number, failed = 0, notTried: string | null = null): SuiteTotals => ({
  passed,
  failed,
  skipped: 0,
  again: 0,
  notTried,
});

test('npm run test:lab plays every suite that needs network namespaces, and names no file that is not there', () => {
  const played = labSuites.flatMap(({ files }) => files.flatMap((pattern) => globSync(pattern, { cwd: root })));
  for (const file of globSync('test/integration/netns-*.integration.test.ts', { cwd: root }))
    assert.ok(played.includes(file), `${file} is in no suite of test/lab-suites.ts`);
  for (const { name, files } of labSuites)
    assert.ok(
      files.every((pattern) => globSync(pattern, { cwd: root }).length > 0),
      name,
    );
});

test('what was not tried is neither passed nor failed', () => {
  assert.equal(exitCodeOf([totals(3), totals(1)]), 0);
  assert.equal(exitCodeOf([totals(3), totals(0, 0, 'it needs root')]), 5);
  assert.equal(exitCodeOf([totals(3), totals(0)]), 5);
  assert.equal(exitCodeOf([totals(3, 1), totals(0, 0, 'it needs root')]), 1);
  assert.equal(
    totalsText([totals(3, 1), totals(0, 0, 'it needs root')], 12.4),
    '3 passed, 1 failed, 0 skipped, 1 of 2 suites not tried; 12 s',
  );
});
