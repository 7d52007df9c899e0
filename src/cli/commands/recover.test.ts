import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { announceCommand } from './announce.ts';
import { moveCommand } from './move.ts';
import { recoverCommand } from './recover.ts';
import { beforeMoveCommand, validateCommand } from './validate.ts';

const typing = (...answers: readonly (string | null)[]) => new FakeTerminal({ interactive: true, answers });
const wish = (component: string) => ({ component, runbook: null, reason: 'odd', yes: false, wait: true });
const POLICY = { approval: true, ticket: true, noticeMs: 1_800_000, watchMs: 60_000, outsideMarketHours: true };

test('a recovery shows its plan, asks for the component, runs, and the checks afterwards pass', async () => {
  const firm = new SimulatedFirm();
  const terminal = typing('oms');
  const outcome = await recoverCommand(contextOf(firm, { terminal }), wish('oms'));
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(terminal.questions[0]!, /\(oms\)/);
  for (const said of [/^PLAN {4}recover oms/m, /stop-accepting +ok/, /restart +ok/, /check +ok/])
    assert.match(terminal.output, said);
  assert.match(outcome.text, /recover oms: completed as trading-2/);
  const validated = await validateCommand(contextOf(firm, { terminal }));
  assert.equal(validated.exitCode, 0, validated.text);
  assert.match(validated.text, /VERDICT pass: trading/);
  assert.match(validated.text, /– redis +not applicable/);
});

test('an engine that is recovered has every acknowledged order and serves under a newer epoch', async () => {
  const firm = new SimulatedFirm();
  const before = firm.world.record!;
  const outcome = await recoverCommand(contextOf(firm, { terminal: typing('engine') }), wish('engine'));
  assert.equal(outcome.exitCode, 0, outcome.text);
  const { record } = firm.world;
  assert.ok(record!.epoch > before.epoch);
  assert.equal(record!.grants['engine' as never]!.holder, before.grants['engine' as never]!.holder);
  firm.pass(2000);
  // The checkers hear of people only through the world, and of this one through the API.
  assert.deepEqual(
    firm.world.checkers.violations.filter(({ invariant }) => invariant !== 'I5'),
    [],
  );
});

test('a component without a plan is refused, and nothing is asked', async () => {
  const firm = new SimulatedFirm();
  const outcome = await recoverCommand(contextOf(firm, { terminal: typing() }), wish('db'));
  assert.equal(outcome.exitCode, 2, outcome.text);
  assert.match(outcome.text, /HF-4123/);
});

test('a planned move under the shipped policy is held up by each prerequisite by name, and goes on once a risk officer overrides them', async () => {
  const firm = new SimulatedFirm({ shape: { plannedMove: POLICY } });
  firm.person = { name: 'omar', role: 'operator' };
  const before = await beforeMoveCommand(contextOf(firm, { terminal: typing() }), { toSite: null, ticket: null });
  assert.equal(before.exitCode, 1, before.text);
  for (const id of ['P-APPROVAL', 'P-TICKET', 'P-NOTICE']) assert.match(before.text, new RegExp(`✕ ${id}`));
  const move = (overrides: readonly string[]) => ({
    verb: 'switchover' as const,
    toSite: null,
    overrides,
    reason: 'drill',
    acceptDataLoss: null,
    ticket: 'CHG-1',
    consent: { yes: false, digest: null },
    wait: true,
  });
  await announceCommand(contextOf(firm, { terminal: typing() }), { ticket: 'CHG-1', reason: 'drill' });
  const refused = await moveCommand(contextOf(firm, { terminal: typing() }), move([]));
  assert.equal(refused.exitCode, 3, refused.text);
  assert.match(refused.text, /REFUSED HF-4122/);
  assert.match(refused.text, /--override P-APPROVAL --reason TEXT/);
  firm.person = { name: 'rhea', role: 'risk-officer' };
  const outcome = await moveCommand(contextOf(firm, { terminal: typing('bravo') }), move(['P-NOTICE']));
  assert.equal(outcome.exitCode, 0, outcome.text);
  const brakes = firm.world.authority.value<{ maintenance: unknown; watch?: { run: string } }>('brakes/trading');
  assert.deepEqual([brakes?.maintenance, brakes?.watch?.run], [null, 'trading-2']);
});
