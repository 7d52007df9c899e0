import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineFiles } from '../../testing/engine-files.ts';
import { startEngine } from '../start-engine.ts';
import { rehearseTakeover } from './rehearsal.ts';

test('a rehearsed takeover serves orders of both protocols before and after it, and leaves nothing behind', async (context) => {
  const { config, directory } = engineFiles(context);
  assert.equal(await rehearseTakeover({ config, start: startEngine, goesOn: () => true }), true);
  assert.equal(existsSync(join(directory, 'data', 'rehearsal')), false);
});

test('a rehearsal that is no longer wanted ends, and leaves nothing behind', async (context) => {
  const { config, directory } = engineFiles(context);
  assert.equal(await rehearseTakeover({ config, start: startEngine, goesOn: () => false }), false);
  assert.equal(existsSync(join(directory, 'data', 'rehearsal')), false);
});
