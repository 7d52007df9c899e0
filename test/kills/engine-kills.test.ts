import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingFrom } from './kill-report.ts';
import { runKills } from './kill-run.ts';

const ROUNDS = Number(process.env['HOLDFAST_KILL_ROUNDS'] ?? 6);
const SEED = Number(process.env['HOLDFAST_KILL_SEED'] ?? 20_261_121);

test('engines killed at random moments under load: no acknowledged order is lost, none is entered twice, all books and states agree', async (context) => {
  const report = await runKills({ rounds: ROUNDS, seed: SEED });
  context.diagnostic(JSON.stringify(report));
  assert.ok(report.kills >= ROUNDS);
  assert.deepEqual(missingFrom(report), [], 'a kind of request or report that never occurred');
});

test('a firm whose primary acknowledges without its replicas is found out', async () => {
  await assert.rejects(
    runKills({ rounds: 5, seed: 1, alone: true, only: 'everybody' }),
    /seed 1, round \d .*clients and engine/s,
  );
});

test('everything stands still for longer than a lease during a take-over: the run has its verdict, and says what it was stopped by', async (context) => {
  const report = await runKills({ rounds: 2, seed: 3, only: 'primary-then-all-stand-still' });
  context.diagnostic(JSON.stringify({ stops: report.stops, asksRepeated: report.asksRepeated }));
  assert.ok((report.stops['a signal stopped this process']?.mostMs ?? 0) > 3000, JSON.stringify(report.stops));
});

test('over FIX, what an exchange had not read when it was killed with the primary is sent to it by the successor, and what it refuses is refused once', async (context) => {
  const report = await runKills({ rounds: 2, seed: 5, overFix: true, only: 'exchange-that-had-not-read-and-primary' });
  const { duplicatesRefused, kills, requests } = report;
  context.diagnostic(JSON.stringify({ duplicatesRefused, kills, requests }));
  assert.equal(report.staleWritesAccepted, 0);
});

test('over FIX, an exchange killed before it says so, together with the primary, knows what its successor sends again, and enters nothing twice', async (context) => {
  const report = await runKills({ rounds: 3, seed: 6, overFix: true, only: 'exchange-before-it-says-so-and-primary' });
  const { duplicatesRefused, kills, requests } = report;
  context.diagnostic(JSON.stringify({ duplicatesRefused, kills, requests }));
  assert.ok(duplicatesRefused > 0, 'nothing was sent again that the exchange knew');
  assert.equal(report.staleWritesAccepted, 0);
});
