import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { siteId } from '../../core/base/ids.ts';
import { loseSite } from '../../sim/faults.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { adoptCommand } from './authority.ts';
import { type MoveOptions, moveCommand } from './move.ts';
import { planCommand } from './plan.ts';

const typing = (...answers: readonly string[]) => new FakeTerminal({ interactive: true, answers });
const adopting = (firm: SimulatedFirm, reason = 'snapshot of 02:00') =>
  adoptCommand(contextOf(firm, { terminal: typing('trading') }), { reason, yes: false });
const adopted = (json: Json) =>
  (json as { adopted: { believed: string[]; doubted: string[]; epochTo: number } }).adopted;
const serving = (firm: SimulatedFirm) =>
  firm.passUntil('everything serves', () => firm.world.unserved() === null, 60_000);

function restoredFirm(): SimulatedFirm {
  const firm = new SimulatedFirm();
  firm.world.authority.backUp();
  firm.pass(2000);
  firm.world.authority.restore();
  firm.pass(8000);
  return firm;
}

test('a restored authority is refused by R-INCARNATION until an admin adopts it with a reason; then the recorded holders serve again', async () => {
  const firm = restoredFirm();
  const plan = await planCommand(contextOf(firm), { move: 'failover', toSite: 'bravo' });
  assert.equal(plan.exitCode, 3);
  assert.match(plan.text.replace(/\s+/g, ' '), /holdfast authority adopt --reason TEXT/);
  const epoch = firm.world.record?.epoch ?? 0;

  await assert.rejects(
    adopting(firm, ''),
    (error: unknown) => error instanceof HoldfastError && error.code === 'HF-8003',
  );
  firm.person = { name: 'rhea', role: 'risk-officer' };
  assert.match((await adopting(firm)).text, /REFUSED HF-4001/);
  assert.equal(firm.world.record?.epoch, epoch, 'blocked until then');

  firm.person = { name: 'ada', role: 'admin' };
  const outcome = await adopting(firm);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.deepEqual(adopted(outcome.json).doubted, []);
  assert.deepEqual(firm.world.record?.adopted?.by, 'ada');
  assert.equal(firm.world.record?.adopted?.reason, 'snapshot of 02:00');
  assert.ok((firm.world.record?.epoch ?? 0) > epoch + 500);
  serving(firm);
  assert.equal(firm.world.record?.activeSite, 'alfa');
  assert.equal(firm.world.record?.adopted?.by, 'ada', 'kept by later changes of the record');
});

test('a backup from before a move is doubted: nobody is given the component before a risk officer accepts the loss', async () => {
  const firm = new SimulatedFirm();
  firm.world.authority.backUp();
  const move: MoveOptions = {
    verb: 'switchover',
    toSite: 'bravo',
    overrides: [],
    reason: '',
    acceptDataLoss: null,
    consent: { yes: false, digest: null },
    wait: true,
  };
  assert.equal((await moveCommand(contextOf(firm, { terminal: typing('bravo') }), move)).exitCode, 0);
  firm.pass(3000);
  firm.world.authority.restore();
  firm.pass(8000);
  const outcome = await adopting(firm);
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(outcome.text, /doubted: .*db/);
  firm.pass(8000);
  const stuck = firm.world.record;
  assert.ok(Object.values(stuck?.grants ?? {}).every((grant) => grant.holder === null));
  const failover: MoveOptions = { ...move, verb: 'failover', acceptDataLoss: 'orders:unknown' };
  const done = await moveCommand(contextOf(firm, { terminal: typing('bravo') }), failover);
  assert.equal(done.exitCode, 0, done.text);
  serving(firm);
});

test('what was not heard is not believed: adoption waits for every instance, or for two people', async () => {
  const firm = restoredFirm();
  loseSite(firm.world, siteId('alfa'));
  firm.pass(6000);
  const outcome = await adopting(firm);
  assert.equal(outcome.exitCode, 3);
  assert.match(outcome.text, /REFUSED HF-4118[\s\S]+not heard: [\s\S]+alfa-db[\s\S]+--attest --reason TEXT/);
});

test('there is nothing to adopt while the authority is the one that wrote the record', async () => {
  const firm = new SimulatedFirm();
  assert.match((await adopting(firm)).text, /REFUSED HF-4118[\s\S]+nothing to adopt/);
});
