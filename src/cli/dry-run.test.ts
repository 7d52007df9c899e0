import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandContext } from './command-context.ts';
import type { CommandOutcome } from './command-outcome.ts';
import { activateCommand } from './commands/activate.ts';
import { adoptCommand } from './commands/authority.ts';
import { acknowledgeCommand, brakeCommand } from './commands/brakes.ts';
import { fenceCommand } from './commands/fence.ts';
import { moveCommand } from './commands/move.ts';
import { DryRunEnd, dryRunOutcome, readOnly } from './dry-run.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from './simulated-controllers.test.ts';

const move = { toSite: null, overrides: [], reason: '', acceptDataLoss: null, wait: true };
const asked = { consent: { yes: false, digest: null } };
const scripted = { consent: { yes: true, digest: null } };

/** What each command would ask for; on a firm in which all is well. */
const commands: readonly (readonly [would: string, run: (context: CommandContext) => Promise<CommandOutcome>])[] = [
  ['switchover trading → bravo', (context) => moveCommand(context, { ...move, ...asked, verb: 'switchover' })],
  ['switchover trading → bravo', (context) => moveCommand(context, { ...move, ...scripted, verb: 'failback' })],
  ['activate trading at alfa', (context) => activateCommand(context, { site: 'alfa', yes: false, wait: true })],
  [
    'fence alfa-eng1',
    (context) => fenceCommand(context, { instance: 'alfa-eng1', lift: false, attest: false, reason: 'r', yes: false }),
  ],
  [
    'unfence alfa-eng1',
    (context) => fenceCommand(context, { instance: 'alfa-eng1', lift: true, attest: false, reason: '', yes: true }),
  ],
  [
    'attest that the host of alfa-eng1 is off',
    (context) => fenceCommand(context, { instance: 'alfa-eng1', lift: false, attest: true, reason: 'r', yes: true }),
  ],
  ['freeze trading', (context) => brakeCommand(context, { what: 'freeze', lift: false, reason: 'r', minutes: 5 })],
  ['unfreeze trading', (context) => brakeCommand(context, { what: 'freeze', lift: true, reason: '', minutes: null })],
  [
    'begin maintenance of trading',
    (context) => brakeCommand(context, { what: 'maintenance', lift: false, reason: 'r', minutes: null }),
  ],
  ['acknowledge the runs of trading', (context) => acknowledgeCommand(context, null)],
  ['adopt the restored authority for trading', (context) => adoptCommand(context, { reason: 'r', yes: true })],
];

for (const [would, run] of commands)
  test(`a dry run shows that it would ${would}, asks nobody and sends nothing that changes anything`, async () => {
    const firm = new SimulatedFirm();
    for (const json of [false, true]) {
      const terminal = new FakeTerminal({ interactive: true });
      const base = contextOf(firm, { terminal, json });
      const context = { ...base, dryRun: true, session: { ...base.session, controllers: readOnly(firm) } };
      const end = await run(context).catch((error: unknown) => error);
      assert.ok(end instanceof DryRunEnd, String(end));
      const outcome = dryRunOutcome(context, end);
      assert.equal(outcome.exitCode, 0);
      assert.ok(outcome.text.startsWith(`DRY RUN would ${would}, as `), outcome.text);
      assert.equal((outcome.json as { readonly would: string }).would, would);
      assert.deepEqual(terminal.questions, []);
    }
    assert.deepEqual(
      firm.asked.filter(({ kind }) => kind !== 'status' && kind !== 'plan'),
      [],
    );
  });

test('a dry run of what a rule refuses is that refusal, with --yes too; one that the role does not allow ends with 1', async () => {
  const firm = new SimulatedFirm();
  const base = contextOf(firm);
  const context = { ...base, dryRun: true, session: { ...base.session, controllers: readOnly(firm) } };
  for (const consent of [asked, scripted]) {
    const refused = await moveCommand(context, { ...move, ...consent, verb: 'failover' });
    assert.equal(refused.exitCode, 3);
    assert.match(refused.text, /R-VERDICT blocks/);
  }
  const observer = { ...context, session: { ...context.session, person: { name: 'Olga', role: 'observer' } } };
  const request = { kind: 'acknowledge', group: 'trading' } as const;
  const outcome = dryRunOutcome(observer, new DryRunEnd(request));
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.text, /acknowledge needs operator; Olga is observer/);
});
