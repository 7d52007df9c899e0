import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attestation } from '../../core/authority/attestation.ts';
import { powerOff } from '../../sim/power.ts';
import { HoldfastError } from '../../wire/holdfast-error.ts';
import { contextOf, FakeTerminal, SimulatedFirm } from '../simulated-controllers.test.ts';
import { fenceCommand } from './fence.ts';
import { moveCommand } from './move.ts';
import { planCommand } from './plan.ts';
import { runsCommand } from './runs.ts';
import { statusCommand } from './status.ts';

const typing = (...answers: readonly string[]) => new FakeTerminal({ interactive: true, answers });
const wish = { instance: 'alfa-db', lift: false, attest: true, reason: 'PDU off, seen dark', yes: false };
const as = (firm: SimulatedFirm, name: string, role: 'operator' | 'approver' | 'admin') => {
  firm.person = { name, role };
  return contextOf(firm, { terminal: typing('alfa-db') });
};
const failover = { move: 'failover', toSite: 'bravo' } as const;

/** The gate of the database's host stopped, then the whole host did: nothing can prove that the old primary is silent. */
function unprovableFirm(): SimulatedFirm {
  const firm = new SimulatedFirm();
  const host = firm.world.hosts.find((each) => each.instances.some(({ id }) => id === 'alfa-db'))!;
  host.gate.freeze();
  firm.pass(1500);
  powerOff(firm.world, host);
  firm.pass(8000);
  return firm;
}

const words = (text: string) => text.replace(/\s+/g, ' ');
const attestations = (firm: SimulatedFirm) =>
  firm.world.authority.value<{ attestations?: Attestation[] }>('brakes/trading')?.attestations ?? [];

test('a fence that nothing proves is attested by two different people, then the move goes on and the proof names both', async () => {
  const firm = unprovableFirm();
  const before = await planCommand(contextOf(firm), failover);
  assert.equal(before.exitCode, 3);
  assert.match(before.text, /R-FENCE +fence not proven/);
  assert.match(words(before.text), /two people: holdfast fence alfa-db --attest --reason TEXT/);

  await assert.rejects(
    fenceCommand(as(firm, 'ada', 'approver'), { ...wish, reason: ' ' }),
    (error: unknown) => error instanceof HoldfastError && error.code === 'HF-8003',
  );
  const weak = await fenceCommand(as(firm, 'omar', 'operator'), wish);
  assert.match(weak.text, /REFUSED HF-4001[\s\S]+attesting that a host is off needs\s+approver/);

  const first = await fenceCommand(as(firm, 'ada', 'approver'), wish);
  assert.equal(first.exitCode, 4, first.text);
  const twice = await fenceCommand(as(firm, 'ada', 'approver'), wish);
  assert.equal(twice.exitCode, 4);
  assert.match(twice.text, /REFUSED HF-4119 a second person is needed/);
  firm.pass(5000);
  assert.equal(firm.world.record?.epoch, 1, 'one person alone changes nothing');
  const screen = await statusCommand(contextOf(firm), { maxAgeMs: 10_000 });
  assert.match(screen.text, /ATTESTED OFF by ada, WAITS for a second\s+person: alfa-db/);

  const second = await fenceCommand(as(firm, 'ben', 'approver'), { ...wish, reason: 'I stand beside it' });
  assert.equal(second.exitCode, 0, second.text);
  assert.equal(attestations(firm)[0]?.confirmed?.by, 'ben');
  firm.person = { name: 'omar', role: 'operator' };
  const moved = await moveCommand(contextOf(firm, { terminal: typing('bravo') }), {
    verb: 'failover',
    toSite: 'bravo',
    overrides: [],
    reason: '',
    acceptDataLoss: null,
    consent: { yes: false, digest: null },
    wait: true,
  });
  assert.equal(moved.exitCode, 0, moved.text);
  const run = await runsCommand(contextOf(firm), 'last');
  assert.match(run.text, /alfa-db: attested/);
  assert.match(words(run.text), /ada \(approver\).*"PDU off, seen dark"; confirmed by ben \(approver\)/);
});

test('what a host can say for itself is not attested, and neither is what a gate will prove', async () => {
  const firm = new SimulatedFirm();
  const alive = await fenceCommand(as(firm, 'ada', 'approver'), wish);
  assert.equal(alive.exitCode, 3);
  assert.match(alive.text, /REFUSED HF-4107[\s\S]+answers/);
  powerOff(firm.world, firm.world.hosts.find((each) => each.instances.some(({ id }) => id === 'alfa-db'))!);
  firm.pass(4000);
  const needless = await fenceCommand(as(firm, 'ada', 'approver'), wish);
  assert.equal(needless.exitCode, 3);
  assert.match(needless.text, /needs no attestation|holds nothing/);
  assert.deepEqual(attestations(firm), []);
});
