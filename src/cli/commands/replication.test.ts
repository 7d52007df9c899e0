import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, SimulatedFirm } from '../simulated-controllers.test.ts';
import { parseReplication } from '../view/replication-view.ts';
import { replicationCommand } from './replication.ts';

function powerOff(firm: SimulatedFirm, id: string): void {
  const host = firm.world.hosts.find((each) => each.id === id);
  assert.ok(host);
  firm.world.network.silence(host.id);
  host.agent.crash();
  host.gate.reset();
  for (const instance of host.instances) instance.die();
}

test('an idle primary: nothing is behind by anything, long after the last record', async () => {
  const firm = new SimulatedFirm();
  firm.world.load(false);
  firm.pass(120_000);
  const outcome = await replicationCommand(contextOf(firm));
  assert.equal(outcome.exitCode, 0, outcome.text);
  const [group] = parseReplication(outcome.json).groups;
  assert.ok(group && group.paths.length >= 4, outcome.text);
  for (const { to, behind, behindMs, transactions } of group.paths)
    for (const amount of [behind, behindMs, transactions])
      assert.deepEqual([to, amount.certainty, amount.value], [to, 'counted', 0]);
});

test('the table names policy, state and who is waited for; nobody waits for the archive', async () => {
  const { text } = await replicationCommand(contextOf(new SimulatedFirm()));
  assert.match(text, /^REPLICATION {2}trading, epoch 1 .*bravo leads$/m);
  assert.match(text, /^PRIMARY db: alfa-db, strict$/m);
  assert.match(text, /^● alfa-db → bravo-db +sync +in-sync +yes /m);
  assert.match(text, /^● alfa-db → wit-db +async +in-sync +no /m);
  assert.match(text, /^WORST .*that bravo watches/m);
  assert.doesNotMatch(text, /undefined|null|NaN/);
});

test('a copy that lost its power is lost, and what it lacks is estimated from what it said last: 1', async () => {
  const firm = new SimulatedFirm();
  powerOff(firm, 'bravo-d');
  firm.pass(9000);
  const outcome = await replicationCommand(contextOf(firm));
  assert.equal(outcome.exitCode, 1, outcome.text);
  assert.match(outcome.text, /^✕ alfa-db → bravo-db +sync +lost +no +~\d/m);
  assert.match(
    outcome.text.replaceAll(/\n +/g, ' '),
    /how far.*not counted: alfa-db (has lost it|does not have it).*: bravo-db/,
  );
  assert.match(outcome.text, /^PRIMARY db: alfa-db, DEGRADED$/m);
});

test('when the primary is not heard, nothing about its copies is shown as zero: unknown, with the last value', async () => {
  const firm = new SimulatedFirm();
  firm.loseActiveSite();
  firm.pass(3000);
  const outcome = await replicationCommand(contextOf(firm));
  const [group] = parseReplication(outcome.json).groups;
  const path = group?.paths.find(({ to }) => to === 'bravo-db');
  assert.equal(path?.state, 'unknown', outcome.text);
  assert.equal(path.behind.certainty, 'unknown');
  assert.match(path.behind.why ?? '', /nothing fresh of alfa-db/);
  assert.notEqual(outcome.exitCode, 0);
});

test('a group of another name is a slip', async () => {
  await assert.rejects(replicationCommand({ ...contextOf(new SimulatedFirm()), group: 'nothing' }), /HF-8007|no group/);
});
