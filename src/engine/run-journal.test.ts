import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupId, revision, runId } from '../core/base/ids.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { GroupSurroundings } from './group-surroundings.ts';
import { RunJournal } from './run-journal.ts';

const GROUP = groupId('trading');

test('a refused write that shows a newer head leaves the journal unknown, and the group busy, until its entry is read', () => {
  const mirror = new AuthorityMirror();
  mirror.snapshot({}, { revision: revision(1), incarnation: 'one', now: 0 });
  const journal = new RunJournal(GROUP, { mirror } as GroupSurroundings);
  assert.deepEqual([journal.known, journal.busy], [true, false], 'an empty journal is known');
  const head = { number: 4, run: runId('trading-2') };
  mirror.learn({ [keys.journalHead(GROUP)]: { value: head, revision: revision(9) } }, 1);
  assert.deepEqual([journal.known, journal.busy], [false, true]);
  mirror.change(
    [{ key: keys.journalEntry(GROUP, 4), value: { number: 4, run: 'trading-2', events: [] } }],
    revision(9),
    2,
  );
  assert.deepEqual([journal.known, journal.busy], [true, false]);
});
