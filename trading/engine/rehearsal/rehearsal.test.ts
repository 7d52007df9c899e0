import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readEngineConfig } from '../engine-config.ts';
import { startEngine } from '../start-engine.ts';
import { rehearseTakeover } from './rehearsal.ts';

const inDirectory = (context: { after: (end: () => void) => void }) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast rehearsal é-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'engine.json');
  const sections = { control: { port: 0, tokenFile: 'token' }, orders: { port: 0 }, replication: { port: 0 } };
  const venue = { port: 1, firm: 'ACME' };
  writeFileSync(join(directory, 'token'), 'secret\n', { mode: 0o600 });
  writeFileSync(file, JSON.stringify({ instance: 'a', dataDir: 'data', ...sections, venue }));
  return { config: readEngineConfig(file), left: join(directory, 'data', 'rehearsal') };
};

test('a rehearsed takeover serves orders of both protocols before and after it, and leaves nothing behind', async (context) => {
  const { config, left } = inDirectory(context);
  assert.equal(await rehearseTakeover({ config, start: startEngine, goesOn: () => true }), true);
  assert.equal(existsSync(left), false);
});

test('a rehearsal that is no longer wanted ends', async (context) => {
  const { config, left } = inDirectory(context);
  assert.equal(await rehearseTakeover({ config, start: startEngine, goesOn: () => false }), false);
  assert.equal(existsSync(left), false);
});
