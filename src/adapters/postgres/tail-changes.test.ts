import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from './crc32c.ts';
import { isOlderXid, TailCollector } from './tail-changes.ts';
import type { WalRecord } from './wal-reader.ts';

const FORK = 1000;
const TABLE = { tablespace: 1663, database: 5, file: 16_400 };

/** A record whose body names one block of the table and has this data. */
function record(lsn: number, xid: number, of: readonly [manager: number, info: number], data: Buffer, block = 0) {
  const head = Buffer.alloc(20);
  head.writeUInt32LE(TABLE.tablespace, 4);
  head.writeUInt32LE(TABLE.database, 8);
  head.writeUInt32LE(TABLE.file, 12);
  head.writeUInt32LE(block, 16);
  const body = Buffer.concat([
    of[0] === 10 || of[0] === 9 ? head : Buffer.alloc(0),
    Buffer.from([255, data.length]),
    data,
  ]);
  return { lsn, end: lsn + 8, xid, resourceManager: of[0], info: of[1], body } satisfies WalRecord;
}

const bytes = (length: number, fields: readonly (readonly [at: number, size: 2 | 4, value: number])[]): Buffer => {
  const buffer = Buffer.alloc(length);
  for (const [at, size, value] of fields) buffer.writeUIntLE(value, at, size);
  return buffer;
};
const insert = (lsn: number, xid: number, offset: number) => record(lsn, xid, [10, 0x00], bytes(3, [[0, 2, offset]]));
const remove = (lsn: number, xid: number, offset: number) => record(lsn, xid, [10, 0x10], bytes(8, [[4, 2, offset]]));
const update = (lsn: number, xid: number, from: number, to: number, hot = false) =>
  record(
    lsn,
    xid,
    [10, hot ? 0x40 : 0x20],
    bytes(14, [
      [4, 2, from],
      [12, 2, to],
    ]),
  );
const commit = (lsn: number, xid: number, parts: readonly number[] = []) =>
  parts.length === 0
    ? record(lsn, xid, [1, 0x00], bytes(8, []))
    : record(
        lsn,
        xid,
        [1, 0x80],
        bytes(16 + 4 * parts.length, [
          [8, 4, 0x02],
          [12, 4, parts.length],
          ...parts.map((part, at) => [16 + 4 * at, 4, part] as const),
        ]),
      );
const running = (lsn: number, next: number) => record(lsn, 0, [8, 0x10], bytes(24, [[12, 4, next]]));

function collected(...records: readonly WalRecord[]): TailCollector {
  const collector = new TailCollector(FORK);
  for (const each of records) collector.take(each);
  return collector;
}
const changesOf = (collector: TailCollector) => {
  const [relation] = collector.result().relations;
  return { written: [...(relation?.written ?? [])], deleted: [...(relation?.deleted ?? [])] };
};

test('the checksum is the one that the standard names', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.from('1234'), Buffer.from('56789')), 0xe3069283);
});

test('rows of transactions that did not commit in the tail are not in it', () => {
  const collector = collected(
    running(900, 50),
    insert(910, 51, 1),
    commit(920, 51),
    insert(1000, 52, 2),
    insert(1010, 53, 3),
    commit(1020, 53),
    record(1030, 52, [1, 0x20], bytes(8, [])),
  );
  assert.deepEqual(changesOf(collector), { written: [['(0,3)', { origin: null, keyKept: false }]], deleted: [] });
  assert.equal(collector.result().transactions, 1);
  assert.equal(collector.complete, true);
});

test('parts of a transaction count with it, and one that was undone does not', () => {
  const collector = collected(running(900, 50), insert(1000, 61, 1), insert(1010, 62, 2), commit(1020, 60, [61]));
  assert.deepEqual(
    changesOf(collector).written.map(([place]) => place),
    ['(0,1)'],
  );
});

test('what came and went within the tail is not in it, and what was there before and went is deleted', () => {
  const collector = collected(
    running(900, 50),
    insert(1000, 60, 1),
    update(1008, 60, 1, 2),
    remove(1016, 60, 2),
    update(1024, 60, 7, 8, true),
    update(1032, 60, 8, 9),
    remove(1040, 60, 9),
    commit(1048, 60),
  );
  assert.deepEqual(changesOf(collector), { written: [], deleted: ['(0,7)'] });
});

test('a row that was changed keeps its key only where every change kept it', () => {
  const kept = collected(
    running(900, 50),
    update(1000, 60, 7, 8, true),
    update(1008, 60, 8, 9, true),
    commit(1016, 60),
  );
  assert.deepEqual(changesOf(kept).written, [['(0,9)', { origin: '(0,7)', keyKept: true }]]);
  const maybe = collected(running(900, 50), update(1000, 60, 7, 8), update(1008, 60, 8, 9, true), commit(1016, 60));
  assert.deepEqual(changesOf(maybe).written, [['(0,9)', { origin: '(0,7)', keyKept: false }]]);
});

test('a transaction that began before the first list of who was running leaves the log incomplete', () => {
  assert.equal(collected(running(900, 50), insert(1000, 49, 1), commit(1008, 49)).complete, false);
  assert.equal(collected(insert(1000, 60, 1), commit(1008, 60)).complete, false, 'no list at all');
  assert.equal(collected(running(900, 50), running(950, 61), insert(1000, 60, 1), commit(1008, 60)).complete, true);
});

test('what it wrote before the fork is in the tail when it committed behind it', () => {
  const collector = collected(running(900, 50), insert(910, 60, 4), commit(1000, 60));
  assert.deepEqual(
    changesOf(collector).written.map(([place]) => place),
    ['(0,4)'],
  );
});

test('transaction numbers go round', () => {
  assert.equal(isOlderXid(0xfffffff0, 5), true);
  assert.equal(isOlderXid(5, 0xfffffff0), false);
  const collector = collected(running(900, 0xffffffff), insert(910, 4, 1), commit(1000, 4));
  assert.equal(collector.complete, true);
  assert.equal(collector.result().firstXid, 5);
});

test('two phases, records of extensions and records of no known form are doubts, in the tail only', () => {
  const strange = (lsn: number): WalRecord => ({
    lsn,
    end: lsn + 8,
    xid: 1,
    resourceManager: 10,
    info: 0,
    body: Buffer.from([77, 1, 2]),
  });
  const custom = (lsn: number) => record(lsn, 0, [200, 0], bytes(1, []));
  assert.deepEqual(collected(strange(900), custom(910)).result().inconclusive, []);
  const { inconclusive } = collected(strange(1000), custom(1010), record(1020, 0, [1, 0x10], bytes(8, []))).result();
  assert.equal(inconclusive.length, 3, String(inconclusive));
});
