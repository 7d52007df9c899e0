import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothTries, type FilesPlayed, fileOf, triedAgain } from '../second-try.ts';

const played = (passed: number, failed: number, skipped = 0): FilesPlayed => ({
  passed,
  failed,
  skipped,
  failedIn: new Map(),
});

test('what sees no clock and no process is never tried again, nor is what failed beside it', () => {
  assert.deepEqual(triedAgain(['test/integration/firm.test.ts']), ['test/integration/firm.test.ts']);
  for (const file of ['src/core/decision/decide.test.ts', 'src/sim/world.test.ts', 'test/simulation/seeds.test.ts'])
    assert.deepEqual(triedAgain(['test/integration/firm.test.ts', file]), []);
});

test('many failures at once are none of the machine', () => {
  assert.deepEqual(triedAgain(['a', 'b', 'c', 'd'].map((name) => `test/integration/${name}.test.ts`)), []);
});

test('what fails twice has failed, and what fails once is counted apart', () => {
  assert.deepEqual(bothTries(played(10, 2, 1), []), { passed: 10, failed: 2, skipped: 1, again: 0 });
  assert.deepEqual(bothTries(played(10, 2, 1), [played(4, 0)]), { passed: 12, failed: 0, skipped: 1, again: 2 });
  assert.deepEqual(bothTries(played(10, 2), [played(4, 0), played(3, 1)]), {
    passed: 11,
    failed: 1,
    skipped: 0,
    again: 1,
  });
});

test('a test counts for the file that was played, also where it is defined in another one or none ran', () => {
  const here = import.meta.filename;
  assert.equal(fileOf({ name: 'a', file: here }), 'test/architecture/second-try.test.ts');
  assert.equal(
    fileOf({ name: 'a', file: '/elsewhere/contract.ts', entryFile: here } as Parameters<typeof fileOf>[0]),
    'test/architecture/second-try.test.ts',
  );
  assert.equal(fileOf({ name: here }), 'test/architecture/second-try.test.ts');
});
