import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { blockEnd, EMPTY_LOG, encodeBlock, type LogEnd } from '../journal/block.ts';
import { type Entry, encodeEntry } from './entry.ts';
import { journalTail } from './journal-tail.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast tail é '));
after(() => rmSync(root, { recursive: true, force: true }));

const order = (id: string, at = 1): Entry => ({
  kind: 'order',
  id,
  client: 'c1',
  symbol: 'SYM0',
  side: 'B',
  price: 10,
  qty: 1,
  at,
});
const fill = (n: number, id: string, exec: string): Entry => ({ kind: 'fill', n, id, exec, price: 10, qty: 1 });

/** One block an entry. */
function blocks(
  entries: readonly Entry[],
  after: LogEnd,
  epoch: number,
): { readonly bytes: Buffer; readonly end: LogEnd } {
  const parts: Buffer[] = [];
  let end = after;
  for (const entry of entries) {
    const block = encodeBlock({ previous: end, epoch, committed: 0, records: [encodeEntry(entry)] });
    parts.push(block.bytes);
    end = blockEnd(block.header);
  }
  return { bytes: Buffer.concat(parts), end };
}

function written(name: string, own: readonly Entry[], present: readonly Entry[]) {
  const common = blocks([order('both')], EMPTY_LOG, 1);
  const journal = join(root, name);
  mkdirSync(journal);
  const reign = blocks(present, common.end, 2);
  writeFileSync(join(journal, 'segment-0000000000000001.log'), Buffer.concat([common.bytes, reign.bytes]));
  const tail = join(root, `${name}.log`);
  writeFileSync(tail, blocks(own, common.end, 1).bytes);
  return { tail, journal };
}

test('every entry of the tail is listed, and what was sent again to the new primary is present there', () => {
  const { tail, journal } = written(
    'again',
    [order('alone'), order('again', 5), fill(7, 'both', 'x-7')],
    [order('again', 90), order('new')],
  );
  const { lines, inconclusive, fromSequence } = journalTail(tail, journal);
  assert.deepEqual([inconclusive, fromSequence], [[], 2]);
  assert.deepEqual(
    lines.map(({ sequence, kind, id, atNewPrimary }) => `${sequence} ${kind} ${id} ${atNewPrimary}`),
    ['2 order alone absent', '3 order again present', '4 execution x-7 absent'],
  );
});

test('a damaged tail lists what can be read and is inconclusive', () => {
  const { tail, journal } = written('damaged', [order('first'), order('second')], []);
  const bytes = readFileSync(tail);
  bytes[bytes.length - 4]! ^= 1;
  writeFileSync(tail, bytes);
  const { lines, inconclusive } = journalTail(tail, journal);
  assert.deepEqual(
    lines.map(({ id }) => id),
    ['first'],
  );
  assert.match(inconclusive[0] ?? '', /damaged or cut off/);
});

test('an empty tail, and a journal that is not there, are inconclusive', () => {
  const { tail, journal } = written('empty', [], [order('new')]);
  assert.match(String(journalTail(tail, journal).inconclusive), /no block/);
  const other = written('without', [order('alone')], []);
  const nothing = join(root, 'nothing');
  mkdirSync(nothing);
  assert.match(String(journalTail(other.tail, nothing).inconclusive), /the journal begins at no entry/);
});
