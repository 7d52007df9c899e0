import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HoldfastError } from '../wire/holdfast-error.ts';
import type { CommandContext } from './command-context.ts';
import { healthCommand } from './commands/health.ts';
import { runsCommand } from './commands/runs.ts';
import { statusCommand } from './commands/status.ts';
import { watchCommand } from './commands/watch.ts';
import { contextOf, SimulatedFirm } from './simulated-controllers.test.ts';

const looking: readonly (readonly [name: string, look: (context: CommandContext) => Promise<unknown>])[] = [
  ['status', (context) => statusCommand(context, { maxAgeMs: 60_000 })],
  ['status -w', (context) => watchCommand(context, { maxAgeMs: 60_000 })],
  ['health', healthCommand],
  ['runs', (context) => runsCommand(context, null)],
  ['runs last', (context) => runsCommand(context, 'last')],
];

for (const [name, look] of looking)
  test(`${name} of a group that does not exist is an error that names those that do`, async () => {
    const firm = new SimulatedFirm();
    await assert.rejects(
      look({ ...contextOf(firm), group: 'tradign' }),
      (error) => error instanceof HoldfastError && error.code === 'HF-8007' && error.next.includes('trading'),
    );
  });

test('a group that exists and never moved has no runs', async () => {
  const firm = new SimulatedFirm();
  const outcome = await runsCommand({ ...contextOf(firm), group: 'trading' }, null);
  assert.equal(outcome.exitCode, 0);
});
