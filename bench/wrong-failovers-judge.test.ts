import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FreezeSeen, judge, type RunSeen } from './wrong-failovers-judge.ts';

const freeze: FreezeSeen = {
  name: 'freeze-1',
  instance: 'engine-a',
  atMs: 10_000,
  settledAtMs: 20_000,
  outageMs: 500,
  problem: null,
};
const takeover: RunSeen = {
  run: 'run-2',
  openedAtMs: 10_300,
  detectedAtMs: 10_290,
  runbook: 'failover-instance',
  trigger: 'PrimaryDown',
  scope: 'instance',
  moves: [{ component: 'engine', from: 'engine-a', to: 'engine-b' }],
  result: 'completed',
  raised: 1,
};
const seen = { runs: [takeover], freezes: [freeze], standstills: [], epochFrom: 1, epochTo: 2, goalMs: 600, stops: 0 };

test('a take-over of what was frozen, within the goal, is what was asked for', () => {
  const { verdict, wrong } = judge(seen);
  assert.equal(verdict, 'met');
  assert.deepEqual(wrong, []);
});

test('a run that no fault asked for is wrong', () => {
  const wild = { ...takeover, run: 'run-3', openedAtMs: 60_000, detectedAtMs: 59_990 };
  const { verdict, wrong } = judge({ ...seen, runs: [takeover, wild], epochTo: 3 });
  assert.equal(verdict, 'missed');
  assert.deepEqual(
    wrong.map(({ run, why }) => [run?.run, why]),
    [['run-3', 'nothing was broken']],
  );
});

test('a second take-over after one fault is wrong, and one that follows a failed one is not', () => {
  const second = { ...takeover, run: 'run-3', openedAtMs: 15_000 };
  assert.equal(judge({ ...seen, runs: [takeover, second], epochTo: 3 }).wrong.length, 1);
  const failed = { ...takeover, result: 'failed' };
  assert.equal(judge({ ...seen, runs: [failed, second], epochTo: 3 }).wrong.length, 0);
});

test('a take-over that also takes the right of somebody healthy is wrong, and so is one of a site', () => {
  const wide = {
    ...takeover,
    moves: [...takeover.moves, { component: 'database', from: 'database-a', to: 'database-b' }],
  };
  assert.equal(judge({ ...seen, runs: [wide] }).verdict, 'missed');
  assert.equal(judge({ ...seen, runs: [{ ...takeover, scope: 'site' }] }).verdict, 'missed');
});

test('an epoch that rose without a run is wrong', () => {
  const { verdict, wrong } = judge({ ...seen, epochTo: 3 });
  assert.equal(verdict, 'missed');
  assert.equal(wrong[0]?.run, null);
});

test('a processor that stood still right before makes a wrong failover inconclusive; one that did so earlier or briefly does not', () => {
  const runs = [takeover, { ...takeover, run: 'run-3', openedAtMs: 60_000 }];
  const verdictWith = (endedAtMs: number, lastedMs: number) =>
    judge({ ...seen, runs, epochTo: 3, standstills: [{ processor: 0, endedAtMs, lastedMs }] }).verdict;
  assert.equal(verdictWith(59_900, 400), 'inconclusive');
  assert.equal(verdictWith(59_900, 100), 'missed');
  assert.equal(verdictWith(50_000, 400), 'missed');
});

test('an outage beyond the goal is missed, unless processors stood still for what is beyond it', () => {
  const freezes = [{ ...freeze, outageMs: 700 }];
  const verdictWith = (lastedMs: number) =>
    judge({ ...seen, freezes, standstills: [{ processor: 1, endedAtMs: 10_400, lastedMs }] }).verdict;
  assert.equal(judge({ ...seen, freezes }).verdict, 'missed');
  assert.equal(verdictWith(50), 'missed');
  assert.equal(verdictWith(150), 'inconclusive');
});

test('a freeze of which no outage was seen, or no freeze at all, meets nothing', () => {
  assert.equal(judge({ ...seen, freezes: [{ ...freeze, outageMs: null }] }).verdict, 'missed');
  assert.equal(judge({ ...seen, runs: [], freezes: [], epochTo: 1 }).verdict, 'missed');
});

test('of a run whose processes somebody stopped and continued nothing is judged, and what was wrong is still named', () => {
  const wild = { ...takeover, run: 'run-3', openedAtMs: 60_000 };
  assert.equal(judge({ ...seen, stops: 1 }).verdict, 'inconclusive');
  const { verdict, wrong } = judge({ ...seen, runs: [takeover, wild], epochTo: 3, stops: 1 });
  assert.equal(verdict, 'inconclusive');
  assert.equal(wrong.length, 1);
});
