import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KeptSession } from '../fix/kept-session.ts';
import { applyEntries, journalEntries } from '../testing/journalled.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { CheckpointDamaged, loadCheckpoint, newestCheckpoint, type Provenance, writeCheckpoint } from './checkpoint.ts';
import { takeCheckpoint } from './checkpoint-taker.ts';
import type { Entry } from './entry.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';
import { replayJournal } from './replay-journal.ts';
import { ENGINE_VERSION } from './version.ts';

interface Bench {
  readonly root: string;
  readonly journal: string;
  readonly checkpoints: string;
}

const inDirectory = (name: string, body: (bench: Bench) => Promise<void> | void): void => {
  test(name, async () => {
    const root = mkdtempSync(join(tmpdir(), 'holdfast checkpoint é-'));
    try {
      await body({ root, journal: join(root, 'journal'), checkpoints: join(root, 'checkpoints') });
    } finally {
      rmSync(root, { recursive: true });
    }
  });
};

const stateOf = (entries: readonly Entry[]): OrderState => {
  const state = new OrderState();
  applyEntries(state, entries);
  return state;
};

const provenanceOf = (state: OrderState): Provenance => ({
  instance: 'b',
  sequence: state.applied,
  epoch: 1,
  chainCrc: 7,
  stateHash: state.hash,
  codeVersion: ENGINE_VERSION,
  takenAt: 1,
});

/** One session that has a message and numbers set aside. */
const sessions = new KeptFixSessions('every');
sessions.take(
  KeptSession.restored('exchange', {
    numbers: { nextOut: 67, nextIn: 12 },
    places: Float64Array.from({ length: 66 }, (_, number) => (number === 65 ? 31 : 0)),
    messages: [{ seq: 65, msgType: 'D', sendingMs: 7, possResend: false, fields: Buffer.from('11=o\u0001') }],
  }),
);

const ignore = () => {};

inDirectory('a checkpoint says where it comes from and holds the same state', ({ checkpoints }) => {
  const state = stateOf(randomEntries(1, 300));
  const file = writeCheckpoint(checkpoints, { state, sessions }, provenanceOf(state));
  const { state: loaded, provenance, sessions: there } = loadCheckpoint(file);
  assert.equal(loaded.hash, state.hash);
  assert.deepEqual(provenance, provenanceOf(state));
  const session = there.of('exchange');
  assert.deepEqual(session.numbers, { nextOut: 67, nextIn: 12 });
  assert.deepEqual(session.held, sessions.of('exchange').held);
});

inDirectory('a checkpoint altered at any byte is not used', ({ checkpoints }) => {
  const state = stateOf(randomEntries(2, 40));
  const file = writeCheckpoint(checkpoints, { state, sessions }, provenanceOf(state));
  const good = readFileSync(file);
  for (let at = 0; at < good.length; at++) {
    const bytes = Buffer.from(good);
    bytes[at]! ^= 1 << (at % 8);
    writeFileSync(file, bytes);
    assert.throws(() => loadCheckpoint(file), CheckpointDamaged, `byte ${at}`);
  }
});

inDirectory('a state that is not what its provenance says never becomes a checkpoint', ({ checkpoints }) => {
  const state = stateOf(randomEntries(3, 40));
  assert.throws(
    () => writeCheckpoint(checkpoints, { state, sessions }, { ...provenanceOf(state), stateHash: '0123456789abcdef' }),
    /HF-7206 .*its state has the hash/,
  );
  assert.equal(newestCheckpoint(checkpoints, { onDamaged: ignore }), null);
});

inDirectory('the newest two are kept; a damaged one is told of and the one before is used', ({ checkpoints }) => {
  const entries = randomEntries(4, 300);
  for (const count of [100, 200, 300]) {
    const state = stateOf(entries.slice(0, count));
    writeCheckpoint(checkpoints, { state, sessions }, provenanceOf(state));
  }
  const names = readdirSync(checkpoints).sort();
  assert.equal(names.length, 2);
  writeFileSync(join(checkpoints, names[1]!), 'torn');
  const told: string[] = [];
  const newest = newestCheckpoint(checkpoints, { onDamaged: ({ message }) => void told.push(message) });
  assert.equal(newest?.provenance.sequence, 200);
  assert.match(told.join(), /HF-7206 load the checkpoint .*checkpoint-0+300\.bin: it is no checkpoint/);
});

inDirectory('one of an older format, which holds no FIX sessions, is passed over by name', ({ checkpoints }) => {
  const state = stateOf(randomEntries(5, 40));
  const file = writeCheckpoint(checkpoints, { state, sessions }, provenanceOf(state));
  const bytes = readFileSync(file);
  bytes.write('HFC2', 0);
  writeFileSync(file, bytes);
  const told: string[] = [];
  assert.equal(newestCheckpoint(checkpoints, { onDamaged: ({ message }) => void told.push(message) }), null);
  assert.match(told.join(), /HF-7206 .*in an older format, which holds no FIX sessions/);
});

inDirectory('another version of the code does not trust it', ({ checkpoints }) => {
  const state = stateOf(randomEntries(5, 40));
  assert.throws(
    () => writeCheckpoint(checkpoints, { state, sessions }, { ...provenanceOf(state), codeVersion: 'older' }),
    /taken by version older/,
  );
});

inDirectory(
  'from a checkpoint and the entries after it comes the same state as from the first entry',
  async (bench) => {
    const { journal, checkpoints } = bench;
    const entries = randomEntries(6, 5000);
    await journalEntries(journal, entries);
    const at = 2048;
    const hash = stateOf(entries.slice(0, at)).hash;
    const outcome = await takeCheckpoint({ instance: 'b', journal, checkpoints, sequence: at, stateHash: hash });
    assert.equal(outcome.kind, 'taken', JSON.stringify(outcome));
    const options = { journal, onDamaged: (error: Error) => assert.fail(error) };
    const whole = replayJournal({ ...options, checkpoints: null, goal: { kind: 'now' } });
    const short = replayJournal({ ...options, checkpoints, goal: { kind: 'now' } });
    assert.deepEqual([whole.state.hash, whole.applied], [stateOf(entries).hash, 5000]);
    assert.equal(short.state.hash, whole.state.hash);
    assert.ok(short.applied < 5000 - at + 8 && short.checkpoint !== null);

    // The next one is built on it.
    const next = await takeCheckpoint({
      instance: 'b',
      journal,
      checkpoints,
      sequence: 4096,
      stateHash: stateOf(entries.slice(0, 4096)).hash,
    });
    assert.equal(next.kind, 'taken', JSON.stringify(next));

    for (const sequence of [1, 77, 2047, 2049, 4999]) {
      const { state } = replayJournal({ ...options, checkpoints, goal: { kind: 'sequence', sequence } });
      assert.deepEqual([state.applied, state.hash], [sequence, stateOf(entries.slice(0, sequence)).hash]);
    }
    const moment = entries.findIndex((entry, index) => index > 1000 && entry.kind === 'order');
    const entry = entries[moment] as Extract<Entry, { kind: 'order' }>;
    const before = replayJournal({ ...options, checkpoints, goal: { kind: 'moment', atMs: entry.at - 1 } });
    assert.equal(before.state.applied, moment);
  },
);

inDirectory(
  'a running state that is not what the journal amounts to is no checkpoint',
  async ({ journal, checkpoints }) => {
    await journalEntries(journal, randomEntries(7, 2000));
    const order = { instance: 'b', journal, checkpoints, sequence: 1024, stateHash: 'aaaaaaaaaaaaaaaa' };
    const outcome = await takeCheckpoint(order);
    assert.match(outcome.kind === 'failed' ? outcome.reason : '', /the running state is aaaaaaaaaaaaaaaa/);
    assert.equal(newestCheckpoint(checkpoints, { onDamaged: ignore }), null);
  },
);

inDirectory('the process that takes a checkpoint comes after all other work', async ({ journal, checkpoints }) => {
  await journalEntries(journal, randomEntries(11, 100));
  const taking = takeCheckpoint({ instance: 'b', journal, checkpoints, sequence: 1, stateHash: 'aaaaaaaaaaaaaaaa' });
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);
  const taker = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('take-checkpoint.ts'));
  assert.equal(getPriority(taker), constants.priority.PRIORITY_LOW);
  await taking;
});

inDirectory('a checkpoint of another history is passed over', async ({ journal, checkpoints }) => {
  const entries = randomEntries(8, 500);
  await journalEntries(journal, entries);
  const other = stateOf(randomEntries(9, 250));
  writeCheckpoint(checkpoints, { state: other, sessions }, provenanceOf(other));
  const strangers: string[] = [];
  const { state } = replayJournal({
    journal,
    checkpoints,
    goal: { kind: 'now' },
    onDamaged: (error) => assert.fail(error),
    onStranger: ({ file }) => void strangers.push(file),
  });
  assert.deepEqual([state.hash, strangers.length], [stateOf(entries).hash, 1]);
});

inDirectory('the tool says what a journal amounts to, at any sequence', async ({ journal }) => {
  const entries = randomEntries(10, 600);
  await journalEntries(journal, entries);
  const tool = join(import.meta.dirname, 'replay.ts');
  const output = execFileSync(process.execPath, [tool, '--journal', journal, '--to', '321', '--json'], {
    encoding: 'utf8',
  });
  const { sequence, stateHash, applied } = JSON.parse(output) as {
    sequence: number;
    stateHash: string;
    applied: number;
  };
  assert.deepEqual([sequence, stateHash, applied], [321, stateOf(entries.slice(0, 321)).hash, 321]);
});
