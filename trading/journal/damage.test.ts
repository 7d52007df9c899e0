import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seededRandom } from '../replication/seeded-random.ts';
import { batchOf, recordText } from '../testing/text-record.ts';
import { blockRecords, decodeBlock } from './block.ts';
import { Journal } from './journal.ts';
import { JournalCorrupt } from './segment-recovery.ts';

type Recovered =
  | { readonly kind: 'entries'; readonly entries: readonly string[]; readonly tornBytes: number }
  | { readonly kind: 'stopped'; readonly error: JournalCorrupt };

const recover = async (directory: string): Promise<Recovered> => {
  const entries: string[] = [];
  const onFailure = (error: Error) => assert.fail(error);
  try {
    const journal = await Journal.open({ directory, sync: 'none', onDurable: () => {}, onFailure }, (block) => {
      entries.push(...blockRecords(block).map(recordText));
    });
    const { tornBytes } = journal;
    journal.close();
    return { kind: 'entries', entries, tornBytes };
  } catch (error) {
    assert.ok(error instanceof JournalCorrupt, String(error));
    return { kind: 'stopped', error };
  }
};

const BLOCKS = 8;
/** The last of them was written and never said to be safe. */
const SAFE_BLOCKS = 6;
const SEGMENT_BYTES = 300;

/** A small journal of several segments, of which all but the end is known to be safe. */
const write = async (directory: string): Promise<string[]> => {
  const entries: string[] = [];
  const onFailure = (error: Error) => assert.fail(error);
  const options = { directory, sync: 'none', segmentBytes: SEGMENT_BYTES, onDurable: () => {}, onFailure } as const;
  const journal = await Journal.open(options, () => {});
  for (let block = 0; block < BLOCKS; block++) {
    const texts = [`first of ${block}`, `second of ${block}, é`];
    journal.append({ epoch: 1 + Math.floor(block / 3), batch: batchOf(...texts) });
    entries.push(...texts);
    if (block < SAFE_BLOCKS) journal.sync();
  }
  journal.close();
  return entries;
};

/** Bytes of a segment up to the zeros behind its last block. */
const usedBytes = (bytes: Buffer): number => {
  let end = 0;
  for (let block = decodeBlock(bytes, 0); block !== null; block = decodeBlock(bytes, end)) end += block.bytes.length;
  return end;
};

const withJournal = (
  name: string,
  body: (bench: {
    readonly directory: string;
    readonly entries: readonly string[];
    readonly files: readonly string[];
    damaged(file: string, damage: (bytes: Buffer) => Buffer): Promise<Recovered>;
  }) => Promise<void>,
): void => {
  test(name, async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast damage é-'));
    try {
      const directory = join(root, 'good');
      const entries = await write(directory);
      const files = readdirSync(directory).sort();
      const copy = join(root, 'damaged');
      await body({
        directory,
        entries,
        files,
        damaged: async (file, damage) => {
          rmSync(copy, { recursive: true, force: true });
          cpSync(directory, copy, { recursive: true });
          const path = join(copy, file);
          writeFileSync(path, damage(readFileSync(path)));
          return recover(copy);
        },
      });
    } finally {
      rmSync(root, { recursive: true });
    }
  });
};

const assertHonest = (outcome: Recovered, entries: readonly string[], where: string): void => {
  if (outcome.kind === 'stopped') {
    assert.ok(outcome.error.file.includes('segment-'), where);
    assert.ok(Number.isInteger(outcome.error.offset), where);
    return;
  }
  assert.deepEqual(
    outcome.entries,
    entries.slice(0, outcome.entries.length),
    `${where}: other entries than were written`,
  );
  assert.ok(
    outcome.entries.length >= SAFE_BLOCKS * 2,
    `${where}: ${outcome.entries.length} entries, fewer than were safe`,
  );
};

withJournal(
  'each byte of a journal and its marker altered in turn: what is recovered is what was written, or recovery stops',
  async ({ directory, files, entries, damaged }) => {
    const seen = { whole: 0, shorter: 0, stopped: 0 };
    for (const file of files) {
      const bytes = readFileSync(join(directory, file));
      const length = file.startsWith('segment-') ? usedBytes(bytes) + 64 : bytes.length;
      for (let at = 0; at < Math.min(length, bytes.length); at++) {
        const outcome = await damaged(file, (copy) => {
          copy[at]! ^= 1 << (at % 8);
          return copy;
        });
        assertHonest(outcome, entries, `${file}, byte ${at}`);
        if (outcome.kind === 'stopped') seen.stopped += 1;
        else if (outcome.entries.length < entries.length) seen.shorter += 1;
        else seen.whole += 1;
      }
    }
    assert.ok(seen.whole > 0 && seen.shorter > 0 && seen.stopped > 300, JSON.stringify(seen));
  },
);

withJournal(
  'cut off at any length, it is what was written up to there, or recovery stops',
  async ({ directory, files, entries, damaged }) => {
    const seen = { whole: 0, shorter: 0, stopped: 0 };
    for (const file of files.filter((name) => name.startsWith('segment-'))) {
      const used = usedBytes(readFileSync(join(directory, file)));
      for (let length = 0; length <= used; length++) {
        const outcome = await damaged(file, (copy) => copy.subarray(0, length));
        assertHonest(outcome, entries, `${file}, ${length} bytes`);
        if (outcome.kind === 'stopped') seen.stopped += 1;
        else if (outcome.entries.length < entries.length) seen.shorter += 1;
        else seen.whole += 1;
      }
    }
    assert.ok(seen.whole > 0 && seen.shorter > 0 && seen.stopped > 300, JSON.stringify(seen));
  },
);

withJournal('random pieces overwritten anywhere: the same', async ({ directory, files, entries, damaged }) => {
  const seed = 20_261_121;
  const random = seededRandom(seed);
  const segments = files.filter((name) => name.startsWith('segment-'));
  for (let round = 0; round < 300; round++) {
    const file = segments[Math.floor(random() * segments.length)]!;
    const used = usedBytes(readFileSync(join(directory, file)));
    const from = Math.floor(random() * used);
    const length = 1 + Math.floor(random() * 90);
    const zero = random() < 0.3;
    const outcome = await damaged(file, (copy) => {
      for (let at = from; at < Math.min(copy.length, from + length); at++)
        copy[at] = zero ? 0 : Math.floor(random() * 256);
      return copy;
    });
    assertHonest(outcome, entries, `seed ${seed}, round ${round}, ${file} at ${from}`);
  }
});

withJournal('damage is reported with the file and the offset of the block that has it', async ({ files, damaged }) => {
  const outcome = await damaged(files.find((name) => name.startsWith('segment-'))!, (copy) => {
    copy[usedBytes(copy) - 3]! ^= 1;
    return copy;
  });
  assert.equal(outcome.kind, 'stopped');
  assert.match(
    outcome.kind === 'stopped' ? outcome.error.message : '',
    /^HF-7201 .*segment-0+1\.log: at offset \d+: this block is damaged/,
  );
});

for (const sync of ['group', 'none'] as const)
  test(`killed while what waited for a sync is released (${sync}), damage to what was released is not cut as a torn tail`, async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast damage é-'));
    const directory = join(root, 'running');
    const killed: { readonly copy: string; readonly durable: number }[] = [];
    const onFailure = (error: Error) => assert.fail(error);
    const durableUpTo = new Map<number, () => void>();
    try {
      // What is on the disk when the first acknowledgement leaves is what a process killed there leaves behind.
      const onDurable = (durable: number): void => {
        const copy = join(root, `killed-${killed.length}`);
        cpSync(directory, copy, { recursive: true });
        killed.push({ copy, durable });
        durableUpTo.get(durable)?.();
      };
      const journal = await Journal.open({ directory, sync, onDurable, onFailure }, () => {});
      for (let block = 0; block < 3; block++) {
        journal.append({ epoch: 1, batch: batchOf(`first of ${block}`, `second of ${block}`) });
        const durable = new Promise<void>((resolve) => durableUpTo.set(journal.end.sequence, resolve));
        journal.sync();
        await durable;
      }
      journal.close();
      assert.deepEqual(
        killed.map(({ durable }) => durable),
        [2, 4, 6],
      );
      for (const { copy, durable } of killed) {
        const path = join(copy, readdirSync(copy).find((name) => name.startsWith('segment-'))!);
        const bytes = readFileSync(path);
        bytes[usedBytes(bytes) - 3]! ^= 1;
        writeFileSync(path, bytes);
        assert.equal((await recover(copy)).kind, 'stopped', `released up to ${durable}`);
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  });
