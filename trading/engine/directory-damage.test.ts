import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CodedError } from '../base/coded-error.ts';
import { type FixEntry, fixRecordBytes, writeFixEntry } from '../fix/session-entry.ts';
import { decodeBlock } from '../journal/block.ts';
import { Journal } from '../journal/journal.ts';
import { RecordBatch } from '../journal/record-batch.ts';
import { JournalCorrupt } from '../journal/segment-recovery.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { type Entry, writeEntry } from './entry.ts';
import { FixEntryReader } from './fix-entry-reader.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';
import { recoverJournal } from './recover-journal.ts';
import { applyBlock } from './replayed-state.ts';
import { ENGINE_VERSION } from './version.ts';

const SEED = 11;
const ENGINE_ENTRIES = 36;
/** After so many of the engine's own there is one of a FIX session. */
const FIX_EVERY = 4;
/** One for each exchange. */
const SESSIONS = ['first', 'second'];
const SEGMENT_BYTES = 700;
/** The blocks behind these were written and never said to be safe. */
const UNSAFE_BLOCKS = 2;
/** Each costs a few syncs: only with HOLDFAST_EVERY_BYTE=1 they are all tried, else those that this day's turn is. */
const STRIDE = process.env['HOLDFAST_EVERY_BYTE'] === '1' ? 1 : 7;
const FIRST = STRIDE === 1 ? 0 : new Date().getUTCDate() % STRIDE;
const REIGN_EVERY = 14;
const CHECKPOINTS_AT = [12, 30];

interface Place {
  readonly journal: string;
  readonly checkpoints: string;
}

const isOfSession = (entry: Entry | FixEntry): entry is FixEntry => entry.kind.startsWith('fix-');
const REPLACED_AT = 12;
/** An order at the second exchange that is replaced, and one replace that is refused. */
const REPLACED: readonly Entry[] = [
  { kind: 'order', id: 'life', client: 'c0', symbol: 'S', side: 'B', price: 10, qty: 5, venue: 1, at: 1_000_000 },
  { kind: 'accepted', n: 101, venue: 1, id: 'life' },
  { kind: 'replace', id: 'life-1', client: 'c0', target: 'life', price: 12, qty: 7, at: 1_000_001 },
  { kind: 'replaced', n: 102, venue: 1, id: 'life-1', target: 'life', price: 12, qty: 7 },
  { kind: 'fill', n: 103, venue: 1, id: 'life', exec: 'ACME-103', price: 12, qty: 2 },
  { kind: 'replace', id: 'life-2', client: 'c0', target: 'life', price: 12, qty: 1, at: 1_000_002 },
  { kind: 'replace-rejected', n: 104, venue: 1, id: 'life-2', target: 'life', code: 'too-late' },
];
const MUST_HAVE = [
  'venue',
  'replace',
  'replaced',
  'cancel',
  'fill',
  'fix-sent',
  'fix-numbers',
  'fix-received',
  'fix-reset',
];

/** What a journal amounts to at the end of each of its blocks: orders and FIX sessions. */
type Hashes = ReadonlyMap<number, string>;

type Recovered =
  | {
      readonly kind: 'state';
      readonly sequence: number;
      readonly hash: string;
      readonly from: number;
      readonly warned: number;
    }
  | { readonly kind: 'stopped'; readonly error: JournalCorrupt };

const onFailure = (error: Error): never => {
  throw error;
};

/** Of a session: messages with numbers that were set aside before, what came, and in the end a reset. */
const fixEntries = (count: number): FixEntry[] =>
  Array.from({ length: count }, (_, at): FixEntry => {
    const session = SESSIONS[at % 2]!;
    const turn = Math.floor(at / 2);
    if (turn === 0) return { kind: 'fix-numbers', session, next: 3 };
    if (at === count - 1) return { kind: 'fix-reset', session };
    if (turn % 3 === 2) return { kind: 'fix-received', session, next: 2 + turn };
    const fields = Buffer.from(`11=order-${at}|38=${at}|44=5|`.replaceAll('|', String.fromCharCode(1)));
    return { kind: 'fix-sent', session, seq: 2 + turn, msgType: 'D', sendingMs: at, possResend: turn === 3, fields };
  });

/** Numbers and messages of all sessions, as the journal has them. */
const sessionsText = (fix: KeptFixSessions, journal: Journal): string => {
  const reader = new FixEntryReader({ journal, onWarning: assert.fail });
  return SESSIONS.map((name) => {
    const session = fix.of(name);
    session.readWith((place) => reader.read(place));
    const { nextOut, nextIn } = session.numbers;
    const sent = Array.from({ length: nextOut - 1 }, (_, at) => session.get(at + 1));
    const told = sent.map((each) => (each === null ? '-' : `${each.msgType} ${each.possResend} ${each.fields}`));
    return `${name} ${nextOut} ${nextIn} ${told.join()}`;
  }).join('; ');
};

/** As an engine leaves it: several segments, three reigns, a commit marker that is behind the end, and two checkpoints. */
const write = async ({
  journal: directory,
  checkpoints,
}: Place): Promise<{ hashes: Hashes; safe: number; last: number }> => {
  const hashes = new Map<number, string>();
  const state = new OrderState();
  const fix = new KeptFixSessions(SESSIONS);
  const options = { directory, sync: 'none', segmentBytes: SEGMENT_BYTES, onDurable: () => {}, onFailure } as const;
  const journal = await Journal.open(options, () => {});
  const batch = new RecordBatch();
  const own = randomEntries(SEED, ENGINE_ENTRIES).toSpliced(REPLACED_AT, 0, ...REPLACED);
  const ofSessions = fixEntries(Math.floor(own.length / FIX_EVERY));
  const entries = own
    .flatMap((entry, at): (Entry | FixEntry)[] =>
      at % FIX_EVERY === FIX_EVERY - 1 ? [entry, ofSessions.shift()!] : [entry],
    )
    .map((entry, at) => (at > 0 && at % REIGN_EVERY === 0 ? { kind: 'epoch' as const, instance: `of-${at}` } : entry));
  for (const entry of REPLACED) assert.ok(entries.includes(entry), `${entry.kind} is not in the journal`);
  for (const wanted of MUST_HAVE)
    assert.ok(
      entries.some(({ kind }) => kind === wanted),
      `no ${wanted} in the journal`,
    );
  for (const [at, entry] of entries.entries()) {
    if (isOfSession(entry)) {
      const offset = batch.reserve(fixRecordBytes(entry));
      batch.commit(writeFixEntry(batch.bytes, offset, entry));
    } else {
      const offset = batch.reserve();
      batch.commit(writeEntry(batch.bytes, batch.view, offset, entry));
    }
    if (batch.count < 1 + (at % 3) && at !== entries.length - 1) continue;
    const block = journal.append({ epoch: 1 + Math.floor(at / REIGN_EVERY), batch });
    applyBlock(state, block);
    fix.apply(block);
    hashes.set(state.applied, `${state.hash} ${sessionsText(fix, journal)}`);
    const due = CHECKPOINTS_AT.some((each) => each >= block.header.firstSequence && each <= state.applied);
    if (due)
      writeCheckpoint(
        checkpoints,
        { state, sessions: fix },
        {
          instance: 'b',
          sequence: state.applied,
          epoch: block.header.epoch,
          chainCrc: block.header.crc,
          stateHash: state.hash,
          codeVersion: ENGINE_VERSION,
          takenAt: 1,
        },
      );
    if (at < entries.length - 3 * UNSAFE_BLOCKS) journal.sync();
  }
  const { durable } = journal;
  journal.close();
  assert.ok(durable < entries.length && readdirSync(directory).length > 3, `${durable}, ${readdirSync(directory)}`);
  return { hashes, safe: durable, last: entries.length };
};

/** What an engine does when it starts: it reads nothing in front of its checkpoint. */
const recover = async ({ journal: directory, checkpoints }: Place): Promise<Recovered> => {
  let warned = 0;
  try {
    const onWarning = (): void => {
      warned += 1;
    };
    const options = { sync: 'none', fixSessions: SESSIONS, onDurable: () => {}, onFailure, onWarning } as const;
    const { journal, replayed } = await recoverJournal({ ...options, journal: directory, checkpoints });
    const sessions = sessionsText(replayed.fix, journal);
    journal.close();
    const { state, from } = replayed;
    assert.equal(state.applied, journal.end.sequence);
    assert.equal(state.recomputedHash(), state.hash);
    return { kind: 'state', sequence: state.applied, hash: `${state.hash} ${sessions}`, from, warned };
  } catch (error) {
    assert.ok(error instanceof JournalCorrupt, String(error));
    assert.equal((error as CodedError).code, 'HF-7201');
    return { kind: 'stopped', error };
  }
};

/** Bytes of a segment up to the zeros behind its last block, and some of them. */
const usedBytes = (bytes: Buffer): number => {
  let end = 0;
  for (let block = decodeBlock(bytes, 0); block !== null; block = decodeBlock(bytes, end)) end += block.bytes.length;
  return Math.min(bytes.length, end + 32);
};

const contentOf = (place: Place): Map<string, Buffer> =>
  new Map(
    [place.journal, place.checkpoints].flatMap((directory) =>
      readdirSync(directory).map((name) => [join(directory, name), readFileSync(join(directory, name))] as const),
    ),
  );

test('an engine whose directory was altered at any byte, cut off at any length or lacks segments has the right state or stops with the offset', async (context) => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast directory é-'));
  const place = { journal: join(root, 'journal'), checkpoints: join(root, 'checkpoints') };
  try {
    const { hashes, safe, last } = await write(place);
    const good = contentOf(place);
    const restore = (): void => {
      for (const directory of [place.journal, place.checkpoints])
        for (const name of readdirSync(directory)) if (!good.has(join(directory, name))) rmSync(join(directory, name));
      for (const [path, bytes] of good) writeFileSync(path, bytes);
    };
    const removed = { state: 0, stopped: 0 };
    const seen: Record<string, { whole: number; shorter: number; stopped: number; otherCheckpoint: number }> = {};
    const look = async (what: string, path: string, altered: Uint8Array, from = place): Promise<void> => {
      writeFileSync(path, altered);
      const found = await recover(from);
      const name = path.slice(root.length + 1);
      const read = from === place ? '' : ', all of it read';
      const kind = `${what} ${/commit-marker|checkpoint|segment/.exec(name)![0]}${read}`;
      const counts = seen[kind] ?? { whole: 0, shorter: 0, stopped: 0, otherCheckpoint: 0 };
      seen[kind] = counts;
      if (found.kind === 'stopped') {
        assert.ok(Number.isInteger(found.error.offset) && found.error.file.includes('segment-'), name);
        counts.stopped += 1;
      } else {
        assert.equal(found.hash, hashes.get(found.sequence), `${name}, ${what}: another state at ${found.sequence}`);
        // A marker that was lost can tell of nothing; the journal beside it is whole.
        assert.ok(found.sequence >= safe, `${name}, ${what}: ${found.sequence}, but ${safe} were safe`);
        if (found.sequence === last) counts.whole += 1;
        else counts.shorter += 1;
        if (found.warned > 0) counts.otherCheckpoint += 1;
        else if (kind.endsWith('checkpoint')) assert.fail(`${name}, ${what}: an altered checkpoint was used`);
      }
      restore();
    };
    /** A segment is read from the checkpoint on, and all of it where there is none. */
    const lookAt = async (what: string, path: string, altered: Uint8Array): Promise<void> => {
      await look(what, path, altered);
      if (path.includes('segment-'))
        await look(what, path, altered, { ...place, checkpoints: join(root, 'no checkpoints') });
    };
    const older = [...good.keys()].filter((path) => path.endsWith('.bin')).sort()[0];
    for (const [path, bytes] of good) {
      // It is read when the newer one is damaged: then it is as good as it was.
      if (path === older) continue;
      const used = path.includes('segment-') ? usedBytes(bytes) : bytes.length;
      for (let at = FIRST; at < used; at += STRIDE) {
        const altered = Buffer.from(bytes);
        altered[at]! ^= 1 << (at % 8);
        await lookAt('altered', path, altered);
      }
      for (let length = FIRST; length < used; length += STRIDE) await lookAt('cut', path, bytes.subarray(0, length));
    }
    const segments = [...good.keys()].filter((path) => path.includes('segment-')).sort();
    const firstIn = (path: string): number => Number(/\d{16}/.exec(path)![0]);
    const [olderAt, newerAt] = [...good.keys()]
      .filter((path) => path.endsWith('.bin'))
      .sort()
      .map(firstIn);
    for (const damagedCheckpoint of [null, 'newer', 'both'] as const) {
      const covered = damagedCheckpoint === null ? newerAt! : damagedCheckpoint === 'newer' ? olderAt! : 0;
      for (let missing = 1; missing < segments.length; missing++) {
        for (const path of segments.slice(0, missing)) rmSync(path);
        for (const path of good.keys())
          if (
            path.endsWith('.bin') &&
            (damagedCheckpoint === 'both' || (damagedCheckpoint !== null && firstIn(path) === newerAt))
          )
            writeFileSync(path, 'damaged');
        const found = await recover(place);
        const what = `without the oldest ${missing} segments, checkpoint ${damagedCheckpoint} damaged`;
        if (firstIn(segments[missing]!) <= covered + 1) {
          assert.equal(found.kind === 'state' ? found.hash : found.error.message, hashes.get(last), what);
        } else {
          assert.equal(found.kind, 'stopped', what);
          assert.deepEqual(
            found.kind === 'stopped' && [found.error.offset, found.error.file],
            [0, segments[missing]],
            what,
          );
        }
        removed[found.kind] += 1;
        restore();
      }
    }
    // In the middle, where the checkpoint covers it or where it does not.
    for (let gone = 1; gone < segments.length - 1; gone++) {
      rmSync(segments[gone]!);
      const found = await recover(place);
      const isCovered = firstIn(segments[gone + 1]!) <= newerAt!;
      assert.equal(found.kind, isCovered ? 'state' : 'stopped', `without ${segments[gone]}`);
      restore();
    }
    context.diagnostic(JSON.stringify({ ...seen, removed }));
    assert.ok(removed.state > 0 && removed.stopped > 0);
    assert.ok(
      seen['altered segment, all of it read']!.stopped > 300 / STRIDE &&
        seen['altered checkpoint']!.otherCheckpoint > 500 / STRIDE,
    );
    assert.ok(
      seen['altered segment']!.stopped > 100 / STRIDE && seen['altered segment']!.whole > 100 / STRIDE,
      'damage in front of the checkpoint is not looked for, behind it is found',
    );
    assert.ok(
      seen['cut segment, all of it read']!.stopped > 300 / STRIDE &&
        seen['cut checkpoint']!.otherCheckpoint > 500 / STRIDE,
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});
