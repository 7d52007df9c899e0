import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EngineConfig, readEngineConfig } from '../engine/engine-config.ts';

/** The configuration of an engine in a directory that the test removes. */
export const engineFiles = (
  context: { readonly after: (end: () => void) => void },
  settings: object = {},
): { readonly config: EngineConfig; readonly directory: string } => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast engine é-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'engine.json');
  const ports = { control: { port: 0, tokenFile: 'token' }, orders: { port: 0 }, replication: { port: 0 } };
  writeFileSync(join(directory, 'token'), 'secret\n', { mode: 0o600 });
  const venue = { port: 1, firm: 'ACME' };
  writeFileSync(file, JSON.stringify({ instance: 'a', dataDir: 'data', ...ports, venue, ...settings }));
  return { config: readEngineConfig(file), directory };
};
