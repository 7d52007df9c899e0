import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { errorOutcome } from '../view/error-outcome.ts';
import { parseStatus } from '../view/status-view.ts';
import { approveCommand } from './approve.ts';
import { acknowledgeCommand, brakeCommand } from './brakes.ts';
import { fenceCommand } from './fence.ts';
import { type MoveOptions, moveCommand } from './move.ts';
import { planCommand } from './plan.ts';
import { runsCommand } from './runs.ts';

const planned: MoveOptions = {
  verb: 'switchover',
  toSite: null,
  overrides: [],
  reason: '',
  acceptDataLoss: null,
  consent: { yes: false, digest: null },
  wait: true,
};

const typing = (...answers: readonly (string | null)[]) => new FakeTerminal({ interactive: true, answers });
const changes = (firm: SimulatedFirm) =>
  firm.asked.filter(({ kind }) => kind === 'move' || kind === 'approve' || kind === 'fence');
const coded = (code: string, exitCode: number) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError, String(error));
  assert.equal(error.code, code);
  assert.equal(errorOutcome(error).exitCode, exitCode);
  return true;
};
const digestOf = (json: Json) => (json as { digest: string }).digest;

test('a switchover shows topology, plan and rules, asks for the target, follows the steps and shows the topology again', async () => {
  const firm = new SimulatedFirm();
  const terminal = typing('bravo');
  const outcome = await moveCommand(contextOf(firm, { terminal }), planned);
  assert.equal(outcome.exitCode, 0, outcome.text);
  const story = [
    /HEALTHY {2}alfa serves/,
    /^PLAN {4}switchover trading, digest/m,
    /from here on only forward/,
    /✓ R-FENCE/,
    /✓ {2}6 grant +ok/,
    /✓ 11 residue-check +ok/,
    /✓ completed/,
  ];
  let from = 0;
  for (const part of story) {
    const at = terminal.output.slice(from).search(part);
    assert.ok(at >= 0, `${part} after ${from}:\n${terminal.output}`);
    from += at;
  }
  assert.match(terminal.questions[0]!, /Type the target's name to go on \(bravo\)/);
  assert.match(outcome.text, /HEALTHY {2}bravo serves/);
  assert.match(outcome.text, /switchover trading → bravo: completed as trading-2/);
});

test('another name than the target does nothing', async () => {
  for (const typed of ['alfa', '', null]) {
    const firm = new SimulatedFirm();
    await assert.rejects(moveCommand(contextOf(firm, { terminal: typing(typed) }), planned), coded('HF-8005', 1));
    assert.deepEqual(changes(firm), []);
  }
});

test('without a terminal and without --yes nothing is done, and the exit code is 2', async () => {
  const firm = new SimulatedFirm();
  await assert.rejects(moveCommand(contextOf(firm), planned), coded('HF-8004', 2));
  await assert.rejects(
    moveCommand(contextOf(firm, { terminal: typing('bravo'), json: true }), planned),
    coded('HF-8004', 2),
  );
  await assert.rejects(
    moveCommand(contextOf(firm), { ...planned, consent: { yes: true, digest: null } }),
    coded('HF-8004', 2),
  );
  assert.deepEqual(changes(firm), []);
});

test('a script gives the digest of the plan that it has seen; another digest is refused', async () => {
  const firm = new SimulatedFirm();
  const context = contextOf(firm, { json: true });
  const plan = await planCommand(context, { move: 'switchover', toSite: null });
  assert.equal(plan.exitCode, 0);
  const stale = await moveCommand(context, { ...planned, consent: { yes: true, digest: 'ffffffffffffffff' } });
  assert.equal(stale.exitCode, 1);
  assert.match(stale.text, /REFUSED HF-4104 the plan is another one now/);
  const outcome = await moveCommand(context, { ...planned, consent: { yes: true, digest: digestOf(plan.json) } });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.equal((outcome.json as { run: { result: string } }).run.result, 'completed');
});

test('a failover while all is well is refused by R-VERDICT before anybody is asked; overriding it needs a reason', async () => {
  const firm = new SimulatedFirm();
  const terminal = typing('bravo');
  const failover = { ...planned, verb: 'failover' } as const;
  const refused = await moveCommand(contextOf(firm, { terminal }), failover);
  assert.equal(refused.exitCode, 3);
  assert.match(refused.text, /^REFUSED HF-4116 no failure is proved/);
  assert.deepEqual(terminal.questions, []);
  assert.deepEqual(changes(firm), []);
  const overriding = { ...failover, overrides: ['R-VERDICT'] };
  await assert.rejects(moveCommand(contextOf(firm, { terminal }), overriding), coded('HF-8008', 2));
  const done = await moveCommand(contextOf(firm, { terminal }), { ...overriding, reason: 'smoke' });
  assert.equal(done.exitCode, 0, done.text);
});

test('a rule that nobody may override is named as such', async () => {
  const context = contextOf(new SimulatedFirm(), { terminal: typing('bravo') });
  const wish = { ...planned, overrides: ['R-FENCE'], reason: 'in a hurry' };
  await assert.rejects(
    moveCommand(context, wish),
    (error: Error) => coded('HF-8008', 2)(error) && /no flag overrides R-FENCE/.test(error.message),
  );
  await assert.rejects(moveCommand(context, { ...wish, overrides: ['R-NONE'] }), coded('HF-8008', 2));
});

test('failback says what it is and goes to the preferred site that is not active', async () => {
  const firm = new SimulatedFirm();
  assert.equal((await moveCommand(contextOf(firm, { terminal: typing('bravo') }), planned)).exitCode, 0);
  firm.pass(3000);
  const terminal = typing('alfa');
  const outcome = await moveCommand(contextOf(firm, { terminal }), { ...planned, verb: 'failback' });
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(terminal.output, /failback is a switchover to the most preferred serving site that is not active: alfa/);
});

test('without a leader a plan is unknown: 5', async () => {
  const firm = new SimulatedFirm();
  for (const controller of firm.world.controllers) if (controller.site !== 'wit') controller.crash();
  firm.world.authority.loseQuorum(true);
  await assert.rejects(planCommand(contextOf(firm), { move: 'failover', toSite: null }), coded('HF-8006', 5));
});

test('a plan that a rule would refuse ends as 3, one for an unknown site as 2', async () => {
  const firm = new SimulatedFirm();
  assert.equal((await planCommand(contextOf(firm), { move: 'failover', toSite: null })).exitCode, 3);
  assert.equal((await planCommand(contextOf(firm), { move: 'failover', toSite: 'nowhere' })).exitCode, 2);
  assert.equal((await planCommand(contextOf(firm), { move: 'switchover', toSite: 'wit' })).exitCode, 3);
});

test('an approval names the plan that waits, and the run that it allows is followed', async () => {
  const firm = new SimulatedFirm();
  firm.loseActiveSite();
  const waiting = async () =>
    parseStatus(((await firm.ask({ kind: 'status' })) as { result: Json }).result).groups[0]!.decision;
  firm.pass(8000);
  const decision = await waiting();
  assert.equal(decision?.verdict, 'ask-approval');
  const approve = { digest: decision.digest, minutes: 5, acceptDataLoss: null, yes: false, wait: true };
  await assert.rejects(
    approveCommand(contextOf(firm, { terminal: typing('bravo') }), { ...approve, digest: 'ffff' }),
    coded('HF-4104', 1),
  );
  const terminal = typing('bravo');
  const outcome = await approveCommand(contextOf(firm, { terminal }), approve);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(terminal.output, /DO {6}holdfast approve/);
  assert.match(outcome.text, /bravo serves/);
});

test('an observer may look and may not act', async () => {
  const firm = new SimulatedFirm();
  firm.person = { name: 'olga', role: 'observer' };
  const context = contextOf(firm, { terminal: typing('bravo') });
  assert.equal((await planCommand(context, { move: 'switchover', toSite: null })).exitCode, 0);
  const outcome = await moveCommand(context, planned);
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.text, /REFUSED HF-4001 your role does not allow it/);
});

test('fencing ends when the instance is seen to be silent', async () => {
  const firm = new SimulatedFirm();
  const wish = { instance: 'alfa-eng1', lift: false, attest: false, reason: 'odd prices', yes: false };
  await assert.rejects(fenceCommand(contextOf(firm), wish), coded('HF-8004', 2));
  const outcome = await fenceCommand(contextOf(firm, { terminal: typing('alfa-eng1') }), wish);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(outcome.text, /alfa-eng1 is silent/);
  assert.equal((await fenceCommand(contextOf(firm), { ...wish, lift: true })).exitCode, 0);
  await assert.rejects(fenceCommand(contextOf(firm), { ...wish, instance: 'alfa-eng9' }), coded('HF-4002', 2));
});

test('brakes need a reason to be put on and none to be taken off', async () => {
  const firm = new SimulatedFirm();
  const freeze = { what: 'freeze', lift: false, reason: '', minutes: 30 } as const;
  await assert.rejects(brakeCommand(contextOf(firm), freeze), coded('HF-8003', 2));
  const frozen = await brakeCommand(contextOf(firm), { ...freeze, reason: 'exchange test' });
  assert.equal(frozen.exitCode, 0);
  assert.match(frozen.text, /automation is frozen by ada until .+ \(in (30 min|29 min \d+ s)\): exchange test/);
  assert.match((await brakeCommand(contextOf(firm), { ...freeze, lift: true })).text, /no longer frozen/);
  const work = await brakeCommand(contextOf(firm), {
    what: 'maintenance',
    lift: false,
    reason: 'switch',
    minutes: null,
  });
  assert.match(work.text, /in maintenance by ada until lifted: switch/);
});

test('runs are listed newest first, and one is shown with steps, durations and proofs', async () => {
  const firm = new SimulatedFirm();
  await moveCommand(contextOf(firm, { terminal: typing('bravo') }), planned);
  const list = await runsCommand(contextOf(firm), null);
  assert.match(list.text, /trading-2 +✓ completed +alfa → bravo +switchover-site[\s\S]+trading-1 +✓ completed/);
  const one = await runsCommand(contextOf(firm), 'last');
  assert.match(one.text, /✓ completed {2}trading-2/);
  assert.match(one.text, /✓ {2}4 fence +ok/);
  assert.match(one.text, /^PROOFS {2}alfa-db: /m);
  assert.match(one.text, /^ENDED {3}every step is done$/m);
  await assert.rejects(runsCommand(contextOf(firm), 'trading-99'), coded('HF-8012', 2));
  assert.equal((await acknowledgeCommand(contextOf(firm), 'trading-2')).exitCode, 0);
  await assert.rejects(acknowledgeCommand(contextOf(firm), 'trading-99'), coded('HF-8012', 2));
});
