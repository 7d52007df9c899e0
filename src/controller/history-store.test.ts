import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revision } from '../core/base/ids.ts';
import { HistoryStore } from './history-store.ts';

test('what the authority said is kept once, in order, without what only passes', () => {
  const history = new HistoryStore(':memory:');
  const record = { value: { epoch: 1 }, revision: revision(4) };
  history.see(
    {
      kind: 'authority-snapshot',
      revision: revision(5),
      incarnation: 'one',
      entries: { 'group/trading': record, 'lease/trading/engine': record },
    },
    10,
  );
  history.see(
    {
      kind: 'authority-changed',
      revision: revision(6),
      changes: [
        { key: 'group/trading', value: { epoch: 2 } },
        { key: 'leader-renewal', value: 7 },
      ],
    },
    20,
  );
  history.see(
    {
      kind: 'authority-snapshot',
      revision: revision(6),
      incarnation: 'one',
      entries: { 'group/trading': { value: { epoch: 2 }, revision: revision(6) } },
    },
    30,
  );
  history.see(
    { kind: 'authority-changed', revision: revision(7), changes: [{ key: 'group/trading', value: null }] },
    40,
  );
  const entries = history.read({ after: 0, limit: 10, prefix: 'group/' });
  assert.deepEqual(
    entries.map(({ at, revision: seen, value }) => [at, seen, value]),
    [
      [10, 4, { epoch: 1 }],
      [20, 6, { epoch: 2 }],
      [40, 7, null],
    ],
  );
  assert.deepEqual(history.read({ after: entries[1]?.number ?? 0, limit: 10, prefix: '' }).length, 1);
  history.close();
});

test('the same revision of a restored authority is another entry', () => {
  const history = new HistoryStore(':memory:');
  for (const incarnation of ['one', 'two'])
    history.see(
      {
        kind: 'authority-snapshot',
        revision: revision(4),
        incarnation,
        entries: { leader: { value: incarnation, revision: revision(4) } },
      },
      1,
    );
  assert.equal(history.read({ after: 0, limit: 10, prefix: '' }).length, 2);
  history.close();
});
