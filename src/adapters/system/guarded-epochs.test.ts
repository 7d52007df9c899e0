import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import { GuardedEpochs } from './guarded-epochs.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'guarded-epochs-'));
  file = join(directory, 'epochs.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('an older epoch is refused for its own resource, also by whoever opens the file next (I2)', () => {
  const epochs = new GuardedEpochs(file);
  assert.equal(epochs.admit('prefix a', 3), true);
  assert.equal(epochs.admit('prefix a', 3), true);
  const next = new GuardedEpochs(file);
  assert.deepEqual([next.admit('prefix a', 2), next.admit('prefix b', 2)], [false, true]);
  assert.deepEqual([next.highest('prefix a'), next.highest('prefix c')], [3, 0]);
});

it('the file is its owner’s, and nothing half written stays', () => {
  new GuardedEpochs(file).admit('a', 1);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(directory), ['epochs.json']);
});

it('a file that cannot be understood is no epoch 0', () => {
  for (const text of ['', '{"a":', '{"a":"7"}', '{"a":1.5}']) {
    writeFileSync(file, text);
    assert.throws(() => new GuardedEpochs(file), text);
  }
});
