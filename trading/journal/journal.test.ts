import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { batchOf, recordText, textRecord } from '../testing/text-record.ts';
import { type Block, blockRecords, decodeBlock, encodeBlock } from './block.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { JournalCorrupt } from './segment-recovery.ts';

interface Bench {
  readonly directory: string;
  open(options?: Partial<JournalOptions>): Promise<{ journal: Journal; entries: string[] }>;
}

const withBench = (name: string, body: (bench: Bench) => Promise<void>): void => {
  test(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast journal é-'));
    try {
      await body({
        directory,
        open: async (options) => {
          const entries: string[] = [];
          const onFailure = (error: Error) => assert.fail(error);
          const all: JournalOptions = { directory, sync: 'none', onDurable: () => {}, onFailure, ...options };
          return {
            journal: await Journal.open(all, (block) => entries.push(...blockRecords(block).map(recordText))),
            entries,
          };
        },
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
};

const segmentsOf = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.startsWith('segment-'))
    .sort()
    .map((name) => join(directory, name));

/** What a file holds up to the zeros behind its last block. */
const written = (file: string): Buffer => {
  const bytes = readFileSync(file);
  let end = 0;
  for (let block = decodeBlock(bytes, 0); block !== null; block = decodeBlock(bytes, end)) end += block.bytes.length;
  return bytes.subarray(0, end);
};

const fill = (journal: Journal, count: number, epoch = 1): void => {
  for (let at = 0; at < count; at++)
    journal.append({ epoch, batch: batchOf(`["x",${journal.end.sequence + 1}]`, `["y","é"]`) });
  journal.sync();
};

withBench('what was appended is recovered in order, over several segments', async ({ directory, open }) => {
  const { journal } = await open({ segmentBytes: 500 });
  fill(journal, 50);
  const { end } = journal;
  journal.close();
  assert.ok(segmentsOf(directory).length > 3);
  const again = await open({ segmentBytes: 500 });
  assert.deepEqual(again.journal.end, end);
  assert.equal(again.entries.length, 100);
  assert.equal(again.entries[98], '["x",99]');
  assert.equal(again.journal.durable, 100);
  again.journal.close();
});

withBench(
  'a segment with zeros ahead of its blocks is whole when a journal that syncs nothing fills it',
  async ({ directory, open }) => {
    const before = await open({ sync: 'group', segmentBytes: 500 });
    fill(before.journal, 1);
    before.journal.close();
    const [first] = segmentsOf(directory);
    assert.ok(statSync(first!).size > 10_000);
    const { journal } = await open({ segmentBytes: 500 });
    fill(journal, 20);
    const { end } = journal;
    journal.close();
    assert.ok(statSync(first!).size < 10_000);
    const again = await open({ segmentBytes: 500 });
    assert.deepEqual([again.journal.end, again.entries.length], [end, 42]);
    again.journal.close();
  },
);

withBench('a torn tail beyond the durable end is cut, at every possible length', async ({ directory, open }) => {
  const { journal } = await open();
  fill(journal, 3);
  journal.close();
  const [file] = segmentsOf(directory);
  const good = written(file!);
  const block = encodeBlock({
    previous: { sequence: 6, epoch: 1, crc: 1 },
    epoch: 1,
    committed: 0,
    records: [textRecord('["torn"]')],
  });
  for (let length = 1; length < block.bytes.length; length++) {
    writeFileSync(file!, Buffer.concat([good, block.bytes.subarray(0, length)]));
    const recovered = await open();
    assert.equal(recovered.journal.end.sequence, 6);
    assert.equal(recovered.journal.tornBytes, length);
    recovered.journal.close();
    assert.equal(statSync(file!).size, good.length);
  }
});

withBench(
  'a flipped bit in the middle stops recovery and names the offset of its block',
  async ({ directory, open }) => {
    const { journal } = await open();
    fill(journal, 3);
    const [first] = journal.blocksAfter(0, 1);
    journal.close();
    const [file] = segmentsOf(directory);
    const bytes = readFileSync(file!);
    const offset = first!.bytes.length;
    bytes[offset + 60]! ^= 1;
    writeFileSync(file!, bytes);
    await assert.rejects(
      open(),
      (error: unknown) => error instanceof JournalCorrupt && error.offset === offset && error.code === 'HF-7201',
    );
  },
);

withBench('a flipped bit in the last durable block is damage, not a torn tail', async ({ directory, open }) => {
  const { journal } = await open();
  fill(journal, 3);
  journal.close();
  const [file] = segmentsOf(directory);
  const bytes = written(file!);
  bytes[bytes.length - 2]! ^= 1;
  writeFileSync(file!, bytes);
  await assert.rejects(open(), /4, but 6 had been made durable/);
});

withBench('a journal that lost durable entries is refused', async ({ directory, open }) => {
  const { journal } = await open();
  fill(journal, 3);
  const [first] = journal.blocksAfter(0, 1);
  journal.close();
  truncateSync(segmentsOf(directory)[0]!, first!.bytes.length);
  await assert.rejects(open(), /2, but 6 had been made durable/);
});

withBench('damage in an earlier segment is never a torn tail', async ({ directory, open }) => {
  const { journal } = await open({ segmentBytes: 300 });
  fill(journal, 20);
  journal.close();
  const [first] = segmentsOf(directory);
  truncateSync(first!, statSync(first!).size - 3);
  await assert.rejects(open(), JournalCorrupt);
});

withBench('a block of another history is refused although it is whole', async ({ directory, open }) => {
  const { journal } = await open();
  fill(journal, 2);
  journal.close();
  const stranger = encodeBlock({
    previous: { sequence: 4, epoch: 1, crc: 12345 },
    epoch: 1,
    committed: 0,
    records: [textRecord('["z"]')],
  });
  const [file] = segmentsOf(directory);
  writeFileSync(file!, Buffer.concat([written(file!), stranger.bytes]));
  await assert.rejects(open(), /does not follow the block that ends at 4/);
});

withBench('a tail is kept in a file before it is cut, and the log goes on from there', async ({ open, directory }) => {
  const { journal } = await open({ segmentBytes: 400 });
  fill(journal, 5, 1);
  const joint = journal.end;
  fill(journal, 20, 2);
  journal.noteReleased(14);
  const kept = journal.cutAfter(joint.sequence);
  assert.deepEqual([kept.fromSequence, kept.count, kept.released], [11, 40, 4]);
  const tail = readFileSync(kept.file);
  const firstKept = decodeBlock(tail, 0) as Block;
  assert.deepEqual([firstKept.header.firstSequence, firstKept.header.epoch], [11, 2]);
  assert.deepEqual(journal.end, joint);
  fill(journal, 1, 3);
  journal.close();
  const again = await open({ segmentBytes: 400 });
  assert.deepEqual([again.journal.end.sequence, again.journal.end.epoch], [12, 3]);
  assert.equal(again.entries.length, 12);
  assert.equal(again.journal.endAt(10)?.crc, joint.crc);
  assert.equal(again.journal.epochOf(10), 1);
  again.journal.close();
  assert.ok(readdirSync(directory).some((name) => name.startsWith('diverged-')));
});

withBench('a group commit covers what was written before it started, and nothing later', async ({ open }) => {
  const seen: number[] = [];
  let settle: () => void = () => {};
  const done = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const { journal } = await open({
    sync: 'group',
    onDurable: (sequence) => {
      seen.push(sequence);
      if (sequence === 20) settle();
    },
  });
  fill(journal, 1);
  fill(journal, 9);
  assert.equal(journal.durable, 0);
  await done;
  assert.deepEqual(seen, [2, 20]);
  journal.close();
});

withBench('the index finds blocks by sequence and by epoch', async ({ open }) => {
  const { journal } = await open();
  fill(journal, 3, 1);
  fill(journal, 2, 4);
  assert.equal(journal.endAt(3), null);
  assert.equal(journal.endAtOrBelow(3).sequence, 2);
  assert.equal(journal.lastSequenceOfEpochAtMost(3), 6);
  assert.equal(journal.lastSequenceOfEpochAtMost(4), 10);
  assert.equal(journal.lastSequenceOfEpochAtMost(0), 0);
  assert.deepEqual(journal.endAt(0), { sequence: 0, epoch: 0, crc: 0 });
  assert.equal(journal.blocksAfter(3, 1)[0]?.header.firstSequence, 3);
  journal.close();
});
