import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { allProved, fateScreen, parseFateReport } from '../view/fate-screen.ts';
import { fatesCommand } from './fates.ts';

const fates = (instance: string | null = null, orders: readonly string[] = []) =>
  fatesCommand(contextOf(new SimulatedFirm(), { terminal: new FakeTerminal({ interactive: false, answers: [] }) }), {
    instance,
    orders,
  });

test('the engine that is primary tells what its take-over came to', async () => {
  const outcome = await fates();
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(outcome.text, /^FATES {3}\S+ took over in epoch \d+/);
  assert.match(outcome.text, /venue: session proven by epoch, 0 reports missed/);
});

test('an order that was not in doubt is said not to be among them', async () => {
  const outcome = await fates(null, ['c1-9']);
  assert.match(outcome.text, /note {4}c1-9 is not among those that were in doubt/);
});

test('an instance that is not there is a slip, and one that is not primary tells nothing', async () => {
  const absent = await fates('nobody');
  assert.deepEqual([absent.exitCode, /HF-4002/.test(absent.text)], [2, true], absent.text);
  const standby = await fates('bravo-eng1');
  assert.deepEqual([standby.exitCode, /HF-4124/.test(standby.text)], [1, true], standby.text);
});

const order = { kind: 'order', client: 'c1', symbol: 'X', venue: 'nyse' };
const told = {
  epoch: 4,
  instance: 'engine-b',
  at: '2026-11-21T00:00:00.000Z',
  settledAfterMs: null,
  venues: { nyse: { session: 'word', missedReports: 2, cancelled: 0 } },
  orders: { open: 3, pending: 1 },
  fates: { 'order open by missed-report': 1 },
  inDoubt: [
    { ...order, id: 'c1-1', fate: 'open', proof: { by: 'missed-report', report: 7 } },
    { ...order, id: 'c1-2', fate: 'pending', proof: null },
  ],
  inDoubtCount: 2,
};

test('what has no proof yet is marked, and the whole is not called proved before it has', () => {
  const report = parseFateReport(told);
  const screen = fateScreen(report, report.inDoubt).join('\n');
  assert.match(screen, /2 in doubt, \? 1 without a proof/);
  assert.match(screen, /c1-1 .*report 7, missed/);
  assert.match(screen, /c1-2 .*\? nothing yet/);
  assert.equal(allProved(report), false);
  const [first] = told.inDoubt;
  assert.equal(allProved(parseFateReport({ ...told, inDoubt: [first], inDoubtCount: 1 })), true);
  const more = parseFateReport({ ...told, inDoubt: [first], inDoubtCount: 5 });
  assert.equal(allProved(more), false, 'the rest is not known while it is not settled');
  assert.match(fateScreen(more, more.inDoubt).join('\n'), /the first 1 of 5: all are in takeover-4\.json/);
});

test('an answer that is no report is refused with the place', () => {
  assert.throws(() => parseFateReport({ ...told, inDoubt: [{ id: 'x' }] }), /takeover\.inDoubt\[0\]/);
});
