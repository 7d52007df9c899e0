import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakOf } from './break.ts';
import { BreakHistory } from './break-history.ts';
import type { Reconciliation } from './reconciliation.ts';
import { historyText, runText } from './view.ts';

const found = breakOf({
  kind: 'missing-fill',
  book: 'database',
  account: 'c1',
  symbol: 'ABC',
  order: 'o1',
  effects: [{ account: 'c1', symbol: 'ABC', lots: -250 }],
  fills: [{ exec: 'x1', order: 'o1', account: 'c1', symbol: 'ABC', side: 'B', price: 10, qty: 250 }],
  detail: 'x1',
  what: 'database lacks execution x1 of order o1',
});
const run: Reconciliation = {
  verdict: 'breaks',
  reasons: ['positions could not be read: no route'],
  breaks: [{ ...found, severity: 'alert' }],
  timing: { settled: [], inFlight: [] },
  positions: [
    {
      account: 'c1',
      symbol: 'ABC',
      lots: { exchange: 250, database: 0 },
      alone: null,
      breaks: [found.id],
      inFlight: false,
    },
    { account: 'c2', symbol: 'XYZ', lots: { exchange: 1, database: 0 }, alone: null, breaks: [], inFlight: true },
  ],
  compared: { books: ['exchange', 'database'], positions: 2, orders: 5, fills: 4 },
  thresholds: { toleranceLots: 0.001, alertAboveLots: 100 },
  passes: 9,
  elapsedMs: 2104.4,
};
const history = new BreakHistory();
history.apply({ k: 'found', at: 0, found });

test('a run is told with its verdict first, what could not be read, and each break with its age and executions', () => {
  const text = runText(run, (id) => history.find(id), 7_200_000);
  assert.match(text, /^breaks: 1 found, 1 above the alert threshold\n {2}positions could not be read: no route\n/);
  assert.match(text, /c1 +ABC +250 +0/);
  assert.doesNotMatch(text, /XYZ/);
  assert.match(text, /1 positions differ by nothing but what is in flight/);
  assert.match(text, /alert +missing-fill +database +c1 +ABC +-250 +2 h +x1 250@10 +database lacks execution x1/);
});

test('a break that somebody accepted is shown by that name and not counted', () => {
  const accepted = new BreakHistory();
  accepted.apply({ k: 'found', at: 0, found });
  accepted.apply({ k: 'resolved', at: 1, id: found.id, by: 'ada', why: 'known', as: 'accepted' });
  const text = runText({ ...run, verdict: 'clean', reasons: [] }, (id) => accepted.find(id), 10);
  assert.match(text, /^clean: nothing differs beyond the tolerance, but for 1 accepted by name\n/);
  assert.match(text, /accepted by ada +missing-fill/);
});

test('stored breaks are told with what has become of them', () => {
  assert.equal(historyText([], 0), 'no breaks\n');
  assert.match(historyText(history.all, 30_000), /30 s +open +database lacks/);
  history.apply({ k: 'resolved', at: 40_000, id: found.id, by: 'ada', why: 'booked by hand', as: 'corrected' });
  assert.match(historyText(history.all, 60_000), /corrected by ada, 1970-01-01T00:00:40\.000Z: booked by hand/);
  history.apply({ k: 'found', at: 70_000, found });
  history.apply({ k: 'gone', at: 75_000, id: found.id });
  assert.match(historyText(history.all, 90_000), /5 s +gone \(reopened 1 times\)/);
});
