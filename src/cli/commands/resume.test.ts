import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../../core/base/canonical-json.ts';
import { powerOff, powerOn } from '../../sim/power.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { planCommand } from './plan.ts';
import { type ResumeOptions, resumeCommand } from './resume.ts';
import { statusCommand } from './status.ts';

const resume = (firm: SimulatedFirm, options: Partial<ResumeOptions> = {}) =>
  resumeCommand(contextOf(firm, { terminal: new FakeTerminal({ interactive: true, answers: ['trading'] }) }), {
    acceptExposure: null,
    reason: 'the site is flooded',
    dryRun: false,
    yes: false,
    ...options,
  });
const named = (json: Json) => (json as { readonly acceptExposure: string }).acceptExposure;
const halted = (firm: SimulatedFirm) =>
  Object.values(firm.world.record!.grants).some(({ mode }) => mode.kind === 'halted');

function firmWithoutAlfa(): SimulatedFirm {
  const firm = new SimulatedFirm({ shape: { sitePolicy: 'automatic', afterPeerLoss: 'halt' } });
  for (const host of firm.world.hosts) if (host.site === 'alfa') powerOff(firm.world, host);
  firm.passUntil('bravo serves', () => firm.world.record?.activeSite === 'bravo' && firm.world.unserved() === null);
  return firm;
}

test('a plan says beforehand that the survivor will halt, and the status says so afterwards', async () => {
  const firm = new SimulatedFirm({ shape: { sitePolicy: 'approval', afterPeerLoss: 'halt' } });
  for (const host of firm.world.hosts) if (host.site === 'alfa') powerOff(firm.world, host);
  firm.pass(4000);
  const plan = await planCommand(contextOf(firm), { move: 'failover', toSite: 'bravo' });
  assert.match(plan.text.replace(/\s+/g, ' '), /STARTS db, engine halts without alfa-db, alfa-eng1, alfa-eng2/);
  const { text } = await statusCommand(contextOf(firmWithoutAlfa()), { maxAgeMs: 10_000 });
  assert.match(
    text.replace(/\s+/g, ' '),
    /HOLD db, engine halted until one of alfa-db, alfa-eng1, alfa-eng2 has caught up → or holdfast resume/,
  );
  assert.match(text, /NO NEW RISK ACCEPTED/);
  assert.match(text, /HALTED/);
});

test('a halt is ended by a risk officer who names the exposure exactly; then it goes on exposed, on their name', async () => {
  const firm = firmWithoutAlfa();
  assert.ok(halted(firm));
  const preview = await resume(firm, { dryRun: true });
  assert.equal(preview.exitCode, 0);
  assert.equal(named(preview.json), 'db:alfa-db,engine:alfa-eng1+alfa-eng2');
  assert.ok(halted(firm), 'a dry run changes nothing');
  const isUsage = (error: unknown) => error instanceof HoldfastError && error.code === 'HF-8003';
  await assert.rejects(resume(firm), isUsage);
  await assert.rejects(resume(firm, { acceptExposure: named(preview.json), reason: ' ' }), isUsage);

  const wrong = await resume(firm, { acceptExposure: 'db:alfa-db' });
  assert.equal(wrong.exitCode, 3);
  assert.match(wrong.text, /HF-4121/);
  firm.person = { name: 'paul', role: 'approver' };
  assert.match((await resume(firm, { acceptExposure: named(preview.json) })).text, /REFUSED HF-4001/);
  assert.ok(halted(firm));

  firm.person = { name: 'rhea', role: 'risk-officer' };
  const done = await resume(firm, { acceptExposure: named(preview.json) });
  assert.equal(done.exitCode, 0, done.text);
  const { mode } = Object.values(firm.world.record!.grants).find(({ component }) => component === 'db')!;
  assert.ok(mode.kind === 'degraded' && mode.accepted?.by === 'rhea' && mode.accepted.reason === 'the site is flooded');
  const again = await resume(firm, { acceptExposure: named(preview.json) });
  assert.match(again.text, /HF-4120/);
  const acknowledged = firm.world.writesAcknowledged;
  firm.pass(3000);
  assert.ok(firm.world.writesAcknowledged > acknowledged + 10, 'orders pass');
  assert.deepEqual(firm.world.checkers.violations, []);
});

test('what was accepted is over when somebody elsewhere has caught up', async () => {
  const firm = firmWithoutAlfa();
  const { json } = await resume(firm, { dryRun: true });
  await resume(firm, { acceptExposure: named(json) });
  for (const host of firm.world.hosts) if (host.site === 'alfa') powerOn(firm.world, host);
  firm.passUntil('all is strict', () =>
    Object.values(firm.world.record!.grants).every(({ mode }) => mode.kind === 'strict'),
  );
});
