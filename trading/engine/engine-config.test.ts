import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readEngineConfig } from './engine-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast config é-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const read = (settings: object) => {
  const file = join(directory, 'engine.json');
  const address = { port: 0 };
  const control = { port: 0, tokenFile: 'token' };
  const config = { instance: 'a', dataDir: 'data', control, orders: address, replication: address };
  writeFileSync(file, JSON.stringify({ ...config, ...settings }));
  return readEngineConfig(file);
};
const venue = (name: string, symbols: readonly string[] = []) => ({ name, port: 1, firm: 'ACME', symbols });

test('an engine has one exchange, or several of which each lists its symbols and one may list none', () => {
  const [single] = read({ venue: { port: 1, firm: 'ACME' } }).venues;
  assert.deepEqual([single?.name, single?.onTakeover, single?.heartbeatMs], ['venue', 'keep', 1000]);
  const several = read({ venues: [venue('a', ['X']), venue('b', ['Y']), venue('rest')] }).venues;
  assert.deepEqual(
    several.map(({ name, symbols }) => [name, symbols.length]),
    [
      ['a', 1],
      ['b', 1],
      ['rest', 0],
    ],
  );
});

test('exchanges that cannot be told apart are refused, with the field and what is wrong', () => {
  assert.throws(() => read({}), /HF-7101.*"venues" must name at least one exchange/s);
  assert.throws(() => read({ venues: [venue('a', ['X']), venue('a', ['Y'])] }), /names one twice/);
  assert.throws(() => read({ venues: [venue('a', ['X']), venue('b', ['X'])] }), /one symbol at two exchanges/);
  assert.throws(() => read({ venues: [venue('a'), venue('b')] }), /one that lists no symbols/);
  assert.throws(
    () => read({ venues: [{ ...venue('a'), onTakeover: 'all' }] }),
    /onTakeover.*keep, cancel-day, cancel-all/,
  );
  assert.throws(() => read({ venues: ['a'] }), /must be a list of objects/);
});
