import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { batchOf, recordText } from '../testing/text-record.ts';
import { blockRecords, type LogEnd } from './block.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { JournalRemoved, OtherHistory } from './recovery-start.ts';
import { JournalCorrupt } from './segment-recovery.ts';

interface Bench {
  readonly directory: string;
  readonly segments: () => string[];
  /** End of the journal that was written, and of the block that ends at this sequence. */
  readonly end: LogEnd;
  at(sequence: number): LogEnd;
  open(options?: Partial<JournalOptions>): Promise<{ journal: Journal; read: string[] }>;
}

/** A journal of 100 entries in two epochs, two in each block, some blocks in each of many segments. */
const withJournal = (name: string, body: (bench: Bench) => Promise<void>): void => {
  test(name, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast retained é-'));
    const open: Bench['open'] = async (options) => {
      const read: string[] = [];
      const onFailure = (error: Error) => assert.fail(error);
      const all: JournalOptions = {
        directory,
        sync: 'none',
        segmentBytes: 500,
        onDurable: () => {},
        onFailure,
        ...options,
      };
      return { journal: await Journal.open(all, (block) => read.push(...blockRecords(block).map(recordText))), read };
    };
    try {
      const { journal } = await open();
      const ends = new Map<number, LogEnd>();
      for (let entry = 1; entry < 100; entry += 2) {
        journal.append({ epoch: entry < 40 ? 1 : 2, batch: batchOf(`["x",${entry}]`, `["y",${entry + 1}]`) });
        ends.set(entry + 1, journal.end);
      }
      journal.sync();
      journal.close();
      const segments = () => readdirSync(directory).filter((file) => file.startsWith('segment-'));
      await body({ directory, segments, end: journal.end, at: (sequence) => ends.get(sequence)!, open });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
};

const firstIn = (segment: string): number => Number(/\d{16}/.exec(segment)![0]);

withJournal(
  'segments in front of a known end are not read, and are there for whoever asks',
  async ({ at, end, open }) => {
    const { journal, read } = await open({ base: at(70) });
    assert.deepEqual(journal.end, end);
    assert.ok(read.length < 50 && read.at(-1) === '["y",100]', `${read.length} entries were read`);
    const seen: string[] = [];
    for (let after = 0; after < 100; ) {
      const blocks = journal.blocksAfter(after, 1);
      seen.push(...blocks.flatMap(blockRecords).map(recordText));
      after = seen.length;
    }
    assert.deepEqual([seen.length, seen[0], seen[99]], [100, '["x",1]', '["y",100]']);
    for (const sequence of [2, 20, 38, 40, 68, 70, 100]) assert.deepEqual(journal.endAt(sequence), at(sequence));
    for (const sequence of [1, 39, 71]) assert.equal(journal.endAt(sequence), null);
    assert.equal(journal.endAtOrBelow(41).sequence, 40);
    assert.deepEqual(journal.endAt(0), { sequence: 0, epoch: 0, crc: 0 });
    assert.deepEqual(
      [1, 0, 7].map((epoch) => journal.lastSequenceOfEpochAtMost(epoch)),
      [40, 0, 100],
    );
    assert.deepEqual(
      [1, 40, 41].map((sequence) => journal.epochOf(sequence)),
      [1, 1, 2],
    );
    journal.close();
  },
);

withJournal('a cut in front of what was read leaves the journal that it would have left', async ({ at, open }) => {
  const { journal } = await open({ base: at(90) });
  const tail = journal.cutAfter(20);
  assert.deepEqual([tail.fromSequence, tail.count], [21, 80]);
  assert.deepEqual(journal.end, at(20));
  journal.append({ epoch: 3, batch: batchOf('["z",21]') });
  journal.sync();
  journal.close();
  const again = await open();
  assert.deepEqual([again.read.length, again.read[20]], [21, '["z",21]']);
  again.journal.close();
});

withJournal('the oldest segments may be missing where something else holds what was in them', async (bench) => {
  const { directory, segments, at, end, open } = bench;
  const [, second, third] = segments();
  unlinkSync(join(directory, segments()[0]!));
  const covered = await open({ base: at(firstIn(second!) + 1) });
  assert.deepEqual(covered.journal.end, end);
  assert.equal(covered.journal.first, firstIn(second!));
  assert.throws(() => covered.journal.blocksAfter(0, 1), JournalRemoved);
  covered.journal.close();
  // Exactly what is in front of the oldest one.
  const joint = await open({ base: at(firstIn(second!) - 1) });
  assert.deepEqual([joint.journal.end, joint.read.length], [end, 100 - firstIn(second!) + 1]);
  assert.deepEqual(joint.journal.endAt(firstIn(second!) - 1), at(firstIn(second!) - 1));
  joint.journal.close();
  unlinkSync(join(directory, second!));
  await assert.rejects(open({ base: at(firstIn(second!) - 1) }), (error) => {
    assert.ok(error instanceof JournalCorrupt);
    assert.deepEqual([error.offset, error.file.endsWith(third!)], [0, true]);
    return /HF-7201 .*at offset 0: it starts at \d+ where \d+ is next/.test(error.message);
  });
  await assert.rejects(open(), /HF-7201 .*at offset 0: this block is whole but it starts at/);
});

withJournal('an end that is not in the journal is refused, and nothing is changed', async ({ directory, at, open }) => {
  const before = readFileSync(join(directory, 'commit-marker'));
  for (const base of [
    { ...at(70), crc: 7 },
    { sequence: 71, epoch: 2, crc: 7 },
    { sequence: 500, epoch: 2, crc: 7 },
  ])
    await assert.rejects(open({ base }), OtherHistory);
  assert.deepEqual(readFileSync(join(directory, 'commit-marker')), before);
  const { read, journal } = await open();
  assert.equal(read.length, 100);
  journal.close();
});

withJournal('damage in what was not read is found when it is asked for', async ({ directory, segments, at, open }) => {
  const [, second, third] = segments();
  const path = join(directory, second!);
  const good = readFileSync(path);
  const altered = Buffer.from(good);
  altered[60]! ^= 1;
  writeFileSync(path, altered);
  const { journal } = await open({ base: at(90) });
  assert.equal(journal.blocksAfter(0, 1).length, 1);
  assert.throws(() => journal.blocksAfter(firstIn(second!), 1), /HF-7201 .*at offset 0: this block is damaged/);
  assert.equal(journal.blocksAfter(firstIn(third!), 1).length, 1);
  unlinkSync(path);
  assert.throws(() => journal.endAtOrBelow(firstIn(second!) + 1), /HF-7201 .*its file is not there/);
  journal.close();
  const again = await open({ base: at(90) });
  assert.throws(() => again.journal.blocksAfter(0, 1), /HF-7201 .*what follows does not follow it/);
  again.journal.close();
});

withJournal('what everybody has stored is removed by whole segments, never the newest one', async (bench) => {
  const { segments, end, open, at } = bench;
  const all = segments();
  const { journal } = await open();
  assert.equal(journal.removeUpTo(firstIn(all[1]!) - 2), 0, 'one of its entries is still needed');
  assert.equal(journal.removeUpTo(firstIn(all[3]!)), 3);
  assert.deepEqual([segments(), journal.first], [all.slice(3), firstIn(all[3]!)]);
  assert.throws(() => journal.blocksAfter(firstIn(all[3]!) - 2, 1), /HF-7207/);
  assert.equal(journal.blocksAfter(firstIn(all[3]!) - 1, 1).length, 1);
  journal.close();
  const again = await open({ base: at(90) });
  assert.equal(again.journal.removeUpTo(1_000_000), all.length - 4);
  assert.deepEqual([segments(), again.journal.end], [all.slice(-1), end]);
  again.journal.append({ epoch: 2, batch: batchOf('["z",101]') });
  again.journal.sync();
  again.journal.close();
});

withJournal('an empty journal goes on after an end that is known from elsewhere', async ({ directory, end, open }) => {
  for (const name of readdirSync(directory)) unlinkSync(join(directory, name));
  const { journal } = await open({ base: end });
  assert.deepEqual([journal.end, journal.first, journal.endAt(100)], [end, 101, end]);
  journal.append({ epoch: 2, batch: batchOf('["z",101]') });
  journal.sync();
  journal.close();
  const again = await open({ base: end });
  assert.deepEqual(again.read, ['["z",101]']);
  again.journal.close();
});
