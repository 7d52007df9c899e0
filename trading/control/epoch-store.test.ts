import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EpochStore } from './epoch-store.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast epoch é-'));
after(() => rmSync(root, { recursive: true, force: true }));

const COPY_BYTES = 4096;
/** What is said of the epoch stands in front; the rest of a copy is filled up. */
const SAID_BYTES = 40;

/** The bytes of a file in which these epochs were raised one after the other. */
const written = (path: string, ...epochs: number[]): Buffer => {
  rmSync(path, { force: true });
  const store = EpochStore.open(path);
  for (const epoch of epochs) store.raise(epoch);
  return readFileSync(path);
};

const turned = (bytes: Uint8Array, bit: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
};

test('an epoch survives, never goes down, and what was never there is 0', () => {
  const path = join(root, 'kept');
  assert.equal(EpochStore.open(path).highest, 0);
  const store = EpochStore.open(path);
  for (const epoch of [7, 3, 12]) store.raise(epoch);
  assert.equal(EpochStore.open(path).highest, 12);
});

test('one copy altered anywhere, or cut off, changes nothing: the epoch is what was written, and both copies are whole again', () => {
  const path = join(root, 'one copy');
  const good = written(path, 9, 123_456);
  const places = Array.from({ length: SAID_BYTES * 8 }, (_, bit) => bit).concat([8 * 2000, 8 * (COPY_BYTES - 1)]);
  for (const copy of [0, 1])
    for (const bit of places.filter((_, at) => copy === 0 || at % 7 === 0)) {
      writeFileSync(path, turned(good, copy * COPY_BYTES * 8 + bit));
      assert.equal(EpochStore.open(path).highest, 123_456, `bit ${bit} of copy ${copy}`);
      assert.deepEqual(readFileSync(path), good);
    }
  for (const length of [COPY_BYTES, COPY_BYTES + 1, COPY_BYTES + SAID_BYTES, 2 * COPY_BYTES - 1]) {
    writeFileSync(path, good.subarray(0, length));
    assert.equal(EpochStore.open(path).highest, 123_456, `${length} bytes`);
    assert.deepEqual(readFileSync(path), good);
  }
});

test('each bit of both copies turned, and cut off within the first: it stops with HF-7103', (context) => {
  const path = join(root, 'both copies');
  const good = written(path, 123_456);
  let stopped = 0;
  const look = (bytes: Uint8Array, what: string): void => {
    writeFileSync(path, bytes);
    assert.throws(() => EpochStore.open(path), /HF-7103/, what);
    stopped += 1;
  };
  for (let bit = 0; bit < SAID_BYTES * 8; bit++)
    look(turned(turned(good, bit), COPY_BYTES * 8 + ((bit * 7) % (SAID_BYTES * 8))), `bit ${bit}`);
  for (const length of [0, 1, SAID_BYTES, COPY_BYTES - 1]) look(good.subarray(0, length), `${length} bytes`);
  context.diagnostic(`${stopped} altered files, ${stopped} stops`);
});

test('power that is lost while it is written leaves the old epoch or the new one, and from then on one that stays', () => {
  const path = join(root, 'torn');
  const [before, later] = [written(path, 5), written(path, 5, 6)];
  const first = (bytes: Buffer) => bytes.subarray(0, COPY_BYTES);
  const second = (bytes: Buffer) => bytes.subarray(COPY_BYTES);
  const torn = Buffer.alloc(COPY_BYTES);
  for (const [bytes, epoch] of [
    [Buffer.concat([first(later), second(before)]), 6],
    [Buffer.concat([first(before), second(later)]), 6],
    [Buffer.concat([torn, second(before)]), 5],
    [Buffer.concat([first(later), torn]), 6],
  ] as const) {
    writeFileSync(path, bytes);
    assert.equal(EpochStore.open(path).highest, epoch);
    assert.deepEqual(readFileSync(path), epoch === 6 ? later : before);
  }
});
