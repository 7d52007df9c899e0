import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder } from '../../test/builders/facts.ts';
import { groupId, revision, runId } from '../core/base/ids.ts';
import { keys } from './authority-keys.ts';
import { AuthorityMirror } from './authority-mirror.ts';
import type { Transaction } from './authority-port.ts';
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

test('a change that leaves somebody without a holder is refused where their last renewal is another one than is known, gates included', () => {
  const { facts, record } = new FactsBuilder({ delegatedDatabase: true, gatedDatabase: true });
  const mirror = new AuthorityMirror();
  const renewal = { value: {}, revision: revision(40) };
  const entries = { [keys.lease(GROUP, DB)]: renewal, [keys.lease(GROUP, ENGINE)]: renewal };
  mirror.snapshot(entries, { revision: revision(50), incarnation: 'one', now: 0 });
  const compared: string[] = [];
  const around = {
    mirror,
    controller: 'bravo',
    topology: facts.topology,
    leadership: { term: 1, comparison: () => ({ key: 'leader', revision: revision(5) }) },
    transact: ({ compare }: Transaction) => compared.push(...compare.map((each) => `${each.key} ${each.revision}`)),
  } as unknown as GroupSurroundings;
  const journal = new RunJournal(GROUP, around);
  const seat = { component: DB, holder: null, lock: 20, epoch: record.epoch };
  const change = { events: [], brakes: null, leases: true, previous: null, before: [] } as const;
  const delegates = { [DB]: seat };
  journal.commit(facts, runId('trading-3'), { ...change, record: { ...record, delegates } }, () => {});
  assert.ok(compared.includes(`${keys.lease(GROUP, DB)} 40`));
  assert.ok(!compared.includes(`${keys.lease(GROUP, ENGINE)} 40`), 'that is held');
});
