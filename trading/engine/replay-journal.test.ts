import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { JournalRemoved } from '../journal/recovery-start.ts';
import { applyEntries, journalEntries } from '../testing/journalled.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { takeCheckpoint } from './checkpoint-taker.ts';
import type { Entry } from './entry.ts';
import { OrderState } from './order-state.ts';
import { type Replayed, type ReplayGoal, replayJournal } from './replay-journal.ts';

const ENTRIES = 3000;
const entries = randomEntries(31, ENTRIES);
const root = mkdtempSync(join(tmpdir(), 'holdfast replay é-'));
const journal = join(root, 'journal');
const checkpoints = join(root, 'checkpoints');
await journalEntries(journal, entries);
after(() => rmSync(root, { recursive: true }));

const stateOf = (count: number): OrderState => {
  const state = new OrderState();
  applyEntries(state, entries.slice(0, count));
  return state;
};

const timeOf = (entry: Entry): number | null => ('at' in entry ? entry.at : null);
/** How many entries there were at a moment: up to the first order or request that was sequenced after it. */
const countAt = (atMs: number): number => {
  const next = entries.findIndex((entry) => (timeOf(entry) ?? 0) > atMs);
  return next === -1 ? ENTRIES : next;
};

const replay = (goal: ReplayGoal, from: string | null = null): Replayed =>
  replayJournal({ journal, checkpoints: from, goal, onDamaged: (error) => assert.fail(error) });

const assertIs = ({ state }: Replayed, count: number, what: string): void =>
  assert.deepEqual([state.applied, state.hash], [count, stateOf(count).hash], what);

const POSITIONS = [0, 1, 2, 3, 4, 9, 1023, 1024, 1025, 1026, 2047, 2048, 2049, 2500, 2999, 3000];
const times = entries.map(timeOf).filter((time) => time !== null);
const MOMENTS = [0, times[0]! - 1, times[0]!, times[1]!, times.at(-1)!, times.at(-1)! + 1_000_000].concat(
  [400, 410, 430, 600, 800].flatMap((at) => [times[at]! - 1, times[at]!, times[at]! + 1]),
);

test('a replay to any position is the state after that entry, and beyond the end it is the state now', () => {
  for (const sequence of POSITIONS) assertIs(replay({ kind: 'sequence', sequence }), sequence, `${sequence}`);
  assertIs(replay({ kind: 'sequence', sequence: 1_000_000 }), ENTRIES, 'beyond the end');
  assertIs(replay({ kind: 'now' }), ENTRIES, 'now');
});

test('a replay to any moment is the state before the first order or request after it', () => {
  assert.ok(new Set(MOMENTS.map(countAt)).size > 10);
  for (const atMs of MOMENTS) assertIs(replay({ kind: 'moment', atMs }), countAt(atMs), `${atMs}`);
});

test('with checkpoints the states are the same, also where the journal begins behind what was removed', async () => {
  for (const sequence of [1024, 2048]) {
    const stateHash = stateOf(sequence).hash;
    const outcome = await takeCheckpoint({ instance: 'b', journal, checkpoints, sequence, stateHash });
    assert.equal(outcome.kind, 'taken', JSON.stringify(outcome));
  }
  for (const sequence of POSITIONS)
    assertIs(replay({ kind: 'sequence', sequence }, checkpoints), sequence, `${sequence}`);
  for (const atMs of MOMENTS) assertIs(replay({ kind: 'moment', atMs }, checkpoints), countAt(atMs), `${atMs}`);

  // What retention may remove: whole segments that the older checkpoint covers.
  const firstIn = (name: string): number => Number(/\d{16}/.exec(name)![0]);
  const [older] = readdirSync(checkpoints).sort().map(firstIn);
  const segments = readdirSync(journal).filter((name) => name.startsWith('segment-'));
  const removable = segments.filter((_, at) => firstIn(segments[at + 1] ?? '9'.repeat(16)) <= older! + 1);
  assert.ok(
    removable.length > 1 && removable.length < segments.length - 1,
    `${removable.length} of ${segments.length}`,
  );
  for (const name of removable) unlinkSync(join(journal, name));
  const first = firstIn(segments[removable.length]!);
  const seen = { same: 0, refused: 0 };
  const check = (goal: ReplayGoal, count: number, reachable: boolean): void => {
    const what = JSON.stringify({ ...goal, count, first });
    if (reachable) assertIs(replay(goal, checkpoints), count, what);
    else assert.throws(() => replay(goal, checkpoints), /HF-720[17] /, what);
    seen[reachable ? 'same' : 'refused'] += 1;
  };
  for (const sequence of POSITIONS) check({ kind: 'sequence', sequence }, sequence, sequence >= older!);
  // A moment is one of the state of the checkpoint when an order before it in what is kept says so.
  const told = entries.slice(first - 1, older!).findLast((entry) => timeOf(entry) !== null);
  for (const atMs of MOMENTS)
    check({ kind: 'moment', atMs }, countAt(atMs), told !== undefined && atMs >= timeOf(told)!);
  assert.ok(seen.same > 10 && seen.refused > 5, JSON.stringify(seen));
  assert.throws(() => replay({ kind: 'moment', atMs: times[0]! }, checkpoints), JournalRemoved);
});

test('the tool takes a position or a time, and says which entry it reached', () => {
  const tool = join(import.meta.dirname, 'replay.ts');
  const run = (...args: string[]): { sequence: number; stateHash: string } =>
    JSON.parse(execFileSync(process.execPath, [tool, '--journal', journal, '--json', ...args], { encoding: 'utf8' }));
  const atMs = times.at(-40)!;
  const count = countAt(atMs);
  const byTime = run('--to', new Date(atMs).toISOString());
  assert.deepEqual([byTime.sequence, byTime.stateHash], [count, stateOf(count).hash]);
  assert.deepEqual(run('--to', String(count)).stateHash, byTime.stateHash);
  assert.equal(run().sequence, ENTRIES);
  const early = spawnSync(process.execPath, [tool, '--journal', journal, '--to', '1970-01-01T00:00:01Z'], {
    encoding: 'utf8',
  });
  assert.deepEqual([early.status, early.stderr.split(' ')[0]], [1, 'HF-7207']);
  const wrong = spawnSync(process.execPath, [tool, '--journal', journal, '--to', 'yesterday'], { encoding: 'utf8' });
  assert.deepEqual(
    [wrong.status, wrong.stderr.split('\n')[0]],
    [2, 'HF-7101 --to yesterday is no sequence and no time'],
  );
});
