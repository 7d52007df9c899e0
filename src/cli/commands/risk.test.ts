import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { siteId } from '../../core/base/ids.ts';
import type { Role } from '../../core/operator/operator-request.ts';
import { loseSite } from '../../sim/faults.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { approveCommand } from './approve.ts';
import { type MoveOptions, moveCommand } from './move.ts';
import { planCommand } from './plan.ts';

const typing = (...answers: readonly string[]) => new FakeTerminal({ interactive: true, answers });
const failover: MoveOptions = {
  verb: 'failover',
  toSite: 'bravo',
  overrides: [],
  reason: '',
  acceptDataLoss: null,
  consent: { yes: false, digest: null },
  wait: true,
};

/** Bravo was away while alfa went on alone; then alfa was lost, and bravo came back without the newest writes. */
function behindFirm(): SimulatedFirm {
  const firm = new SimulatedFirm();
  const back = loseSite(firm.world, siteId('bravo'));
  firm.passUntil('alfa goes on alone', () =>
    Object.values(firm.world.record?.grants ?? {}).every((grant) => !grant.promotable.join().includes('bravo')),
  );
  firm.pass(3000);
  loseSite(firm.world, siteId('alfa'));
  back();
  firm.pass(12_000);
  return firm;
}

test('overriding a rule needs a risk officer: an operator is warned, then refused with HF-4001', async () => {
  const firm = new SimulatedFirm();
  firm.person = { name: 'omar', role: 'operator' };
  const terminal = typing('bravo');
  const wish = { ...failover, overrides: ['R-VERDICT'], reason: 'NOC sees smoke' };
  const refused = await moveCommand(contextOf(firm, { terminal }), wish);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.text, /REFUSED HF-4001 your role does not allow it/);
  assert.match(refused.text, /overriding R-VERDICT needs\s+risk-officer/);
  assert.match(terminal.output, /ROLE {4}overriding R-VERDICT needs risk-officer; omar is operator/);
  assert.equal(firm.world.record?.activeSite, 'alfa');
  firm.person = { name: 'rhea', role: 'risk-officer' };
  const done = await moveCommand(contextOf(firm, { terminal: typing('bravo') }), wish);
  assert.equal(done.exitCode, 0, done.text);
});

test('the controller itself refuses an override without a reason', async () => {
  const firm = new SimulatedFirm();
  const answer = await firm.ask({
    kind: 'move',
    group: 'trading',
    move: 'failover',
    toSite: 'bravo',
    digest: null,
    overrides: ['R-VERDICT'],
    reason: ' ',
    acceptDataLoss: null,
  });
  assert.equal(answer.kind === 'refused' ? answer.code : answer.kind, 'HF-4109');
});

test('a dry run with an accepted loss shows the plan that would be made and what it would lose, and accepts nothing', async () => {
  const firm = behindFirm();
  firm.person = { name: 'olga', role: 'observer' };
  const context = contextOf(firm);
  const epoch = firm.world.record?.epoch;
  const plain = await planCommand(context, { move: 'failover', toSite: 'bravo' });
  assert.equal(plain.exitCode, 3);
  assert.match(plain.text, /nobody; .*bravo/);
  const preview = await planCommand(context, {
    move: 'failover',
    toSite: 'bravo',
    acceptDataLoss: 'orders:unknown',
    overrides: ['R-VERDICT'],
  });
  assert.equal(preview.exitCode, 0, preview.text);
  assert.match(preview.text, /^LOSS {4}acknowledged writes of /m);
  assert.match(preview.text, /at least log [\d,]+ behind alfa-|cannot be counted from here/);
  assert.match(preview.text, /^DRY RUN shown with the loss of orders:unknown accepted/m);
  assert.match(preview.text, /R-DATA +olga accepted the loss: orders:unknown/);
  firm.pass(3000);
  assert.equal(firm.world.record?.epoch, epoch);
  assert.deepEqual(firm.world.authority.value<{ approvals: Json[] }>('brakes/trading')?.approvals ?? [], []);
  const again = await planCommand(context, { move: 'failover', toSite: 'bravo' });
  assert.equal(again.exitCode, 3);
});

test('the digest of the dry run is the one that a risk officer then runs; nobody weaker can', async () => {
  const firm = behindFirm();
  const as = (role: Role) => {
    firm.person = { name: role, role };
    return contextOf(firm, { json: true });
  };
  const wish = {
    move: 'failover',
    toSite: 'bravo',
    acceptDataLoss: 'orders:unknown',
    overrides: ['R-VERDICT'],
  } as const;
  const { digest } = (await planCommand(as('observer'), wish)).json as { digest: string };
  const risky = {
    ...failover,
    acceptDataLoss: 'orders:unknown',
    overrides: ['R-VERDICT'],
    reason: 'alfa burns',
    consent: { yes: true, digest },
  };
  for (const role of ['operator', 'approver'] as const) {
    const refused = await moveCommand(as(role), risky);
    assert.equal((refused.json as { refused: { code: string } }).refused.code, 'HF-4001');
  }
  const approval = { digest, minutes: 5, acceptDataLoss: 'orders:unknown', yes: true, wait: false };
  const approved = await approveCommand(as('approver'), approval);
  assert.equal((approved.json as { refused: { code: string } }).refused.code, 'HF-4001');
  const done = await moveCommand(as('risk-officer'), risky);
  assert.equal(done.exitCode, 0, done.text);
  assert.equal(firm.world.record?.activeSite, 'bravo');
});
