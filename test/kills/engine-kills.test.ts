import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runKills } from './kill-run.ts';

const ROUNDS = Number(process.env['HOLDFAST_KILL_ROUNDS'] ?? 6);
const SEED = Number(process.env['HOLDFAST_KILL_SEED'] ?? 20_261_121);

test('engines killed at random moments under load: no acknowledged order is lost, none is entered twice, all books and states agree', async (context) => {
  const report = await runKills({ rounds: ROUNDS, seed: SEED });
  context.diagnostic(JSON.stringify(report));
  assert.ok(report.kills >= ROUNDS);
  assert.ok(report.fills > 0 && report.cancels > 0 && report.rejectedByExchange > 0 && report.rejectedToClients > 0);
});

test('a firm whose primary acknowledges without its replicas is found out', async () => {
  await assert.rejects(
    runKills({ rounds: 5, seed: 1, alone: true, only: 'everybody' }),
    /seed 1, round \d .*clients and engine/s,
  );
});
