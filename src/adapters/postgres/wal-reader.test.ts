import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32c } from './crc32c.ts';
import { WalReader, type WalRecord } from './wal-reader.ts';

const PAGE = 8_192;
const SEGMENT = 4 * PAGE;
const MAGIC = 0xd113;

/** A log of four pages a segment, as PostgreSQL lays it out, and where each record begins. */
function logOf(lengths: readonly number[]): {
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  end: number;
} {
  const bytes = Buffer.alloc(4 * SEGMENT);
  const starts: number[] = [];
  let at = 0;
  let previous = 0;
  const header = (remaining: number) => {
    const long = at % SEGMENT === 0;
    bytes.writeUInt16LE(MAGIC, at);
    bytes.writeUInt16LE((long ? 2 : 0) | (remaining > 0 ? 1 : 0), at + 2);
    bytes.writeBigUInt64LE(BigInt(at), at + 8);
    bytes.writeUInt32LE(remaining, at + 16);
    if (long) {
      bytes.writeUInt32LE(SEGMENT, at + 32);
      bytes.writeUInt32LE(PAGE, at + 36);
    }
    at += long ? 40 : 24;
  };
  header(0);
  for (const length of lengths) {
    at = Math.ceil(at / 8) * 8;
    if (at % PAGE === 0) header(0);
    const record = Buffer.alloc(24 + length, 7);
    record.writeUInt32LE(record.length, 0);
    record.writeUInt32LE(starts.length + 100, 4);
    record.writeBigUInt64LE(BigInt(previous), 8);
    record.writeUInt32LE(crc32c(record.subarray(24), record.subarray(0, 20)), 20);
    previous = at;
    starts.push(at);
    for (let put = 0; put < record.length; ) {
      if (at % PAGE === 0) header(record.length - put);
      const part = record.subarray(put, put + PAGE - (at % PAGE));
      part.copy(bytes, at);
      put += part.length;
      at += part.length;
    }
  }
  return { bytes, starts, end: Math.ceil(at / 8) * 8 };
}

function read(bytes: Buffer, from = 0) {
  const records: WalRecord[] = [];
  const segment = (number: number) =>
    (number + 1) * SEGMENT <= bytes.length ? bytes.subarray(number * SEGMENT, (number + 1) * SEGMENT) : null;
  const end = new WalReader({ segmentBytes: SEGMENT, segment }).read(from, (record) => records.push(record));
  return { records, ...end };
}

test('records over pages and segments are read whole, up to the end of the log', () => {
  const { bytes, starts, end } = logOf([100, 9_000, 3, 40_000, 17, 8_000]);
  const log = read(bytes);
  assert.deepEqual([log.damaged, log.end], [null, end]);
  assert.deepEqual(
    log.records.map(({ lsn }) => lsn),
    starts,
  );
  assert.deepEqual(
    log.records.map(({ body }) => body.length),
    [100, 9_000, 3, 40_000, 17, 8_000],
  );
});

test('reading may begin in a segment that a record of the one before reaches into', () => {
  const { bytes, starts } = logOf([100, 40_000, 17, 8_000]);
  assert.deepEqual(
    read(bytes, 1).records.map(({ lsn }) => lsn),
    starts.slice(2),
  );
});

test('a changed byte anywhere in a record is no end of the log but damage', () => {
  const { bytes, starts } = logOf([100, 9_000, 3, 12_000, 17]);
  for (const [index, start] of starts.entries())
    for (const offset of [1, 5, 9, 17, 21, 25]) {
      // A length that reaches into a page that was never written is what a record has whose rest was never written.
      if (index === starts.length - 1 && offset === 1) continue;
      const damaged = Buffer.from(bytes);
      damaged[start + offset]! ^= 0x40;
      const log = read(damaged);
      assert.ok(log.damaged !== null, `record ${index}, byte ${offset}`);
      assert.equal(log.records.length, index);
    }
});

test('a record of which the rest was never written ends the log, and so does what an older log left in a later page', () => {
  const { bytes, starts } = logOf([100, 20_000]);
  const cut = Buffer.from(bytes);
  cut.fill(0, 2 * PAGE);
  assert.deepEqual([read(cut).damaged, read(cut).end], [null, starts[1]]);
  const recycled = Buffer.from(bytes);
  recycled.writeBigUInt64LE(77n * BigInt(PAGE), 2 * PAGE + 8);
  recycled.fill(0, 3 * PAGE);
  assert.equal(read(recycled).damaged, null);
});

test('a page that is lost with others behind it is damage', () => {
  const { bytes } = logOf([100, 20_000, 50]);
  const lost = Buffer.from(bytes);
  lost.fill(0, PAGE, 2 * PAGE);
  assert.match(read(lost).damaged ?? '', /breaks off/);
});

test('a segment that is not there, or does not begin as one, is damage', () => {
  const { bytes } = logOf([100]);
  assert.match(read(bytes, 9).damaged ?? '', /not there/);
  assert.match(read(Buffer.alloc(SEGMENT)).damaged ?? '', /does not begin/);
});
