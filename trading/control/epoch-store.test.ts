import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EpochStore } from './epoch-store.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast epoch é-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('an epoch survives, never goes down, and what was never there is 0', () => {
  const path = join(root, 'kept');
  assert.equal(EpochStore.open(path).highest, 0);
  const store = EpochStore.open(path);
  store.raise(7);
  store.raise(3);
  assert.equal(EpochStore.open(path).highest, 7);
});

test('each bit of it turned in turn, and cut off at every length: it is what was written, or it stops with HF-7103', (context) => {
  const path = join(root, 'turned');
  EpochStore.open(path).raise(123_456);
  const good = readFileSync(path);
  let stopped = 0;
  const look = (bytes: Uint8Array, what: string): void => {
    writeFileSync(path, bytes);
    assert.throws(() => EpochStore.open(path), /HF-7103/, what);
    stopped += 1;
  };
  for (let bit = 0; bit < good.length * 8; bit++) {
    const turned = Buffer.from(good);
    turned[bit >> 3]! ^= 1 << (bit & 7);
    look(turned, `bit ${bit}`);
  }
  for (let length = 0; length < good.length; length++) look(good.subarray(0, length), `${length} bytes`);
  context.diagnostic(`${stopped} altered files, ${stopped} stops`);
});
