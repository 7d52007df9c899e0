import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataClass } from '../../core/topology/planning.ts';
import { contextOf, SimulatedFirm } from '../simulated-controllers.test.ts';
import { rpoCommand } from './rpo.ts';

const orders = {
  id: 'orders',
  rpoMs: 0,
  store: 'db',
  keptBy: { kind: 'synchronous', of: ['db'], everyMs: null, stated: true },
} as unknown as DataClass;
const reports = {
  id: 'reports',
  rpoMs: 300_000,
  store: 'reporting',
  keptBy: { kind: 'outside', of: ['reporting'], everyMs: null, stated: false },
} as unknown as DataClass;

function firmWith(...dataClasses: readonly DataClass[]): SimulatedFirm {
  const firm = new SimulatedFirm();
  for (const { core } of firm.world.controllers) Object.assign(core!.config, { dataClasses });
  return firm;
}

function switchOff(firm: SimulatedFirm, id: string): () => void {
  const host = firm.world.hosts.find((each) => each.id === id);
  assert.ok(host);
  firm.world.network.silence(host.id);
  host.agent.crash();
  host.gate.reset();
  for (const instance of host.instances) instance.die();
  return () => {};
}

const flat = (text: string) => text.replaceAll(/\n +/g, ' ');

test('a class that a copy elsewhere is waited for is proved to lose nothing: 0', async () => {
  const outcome = await rpoCommand(contextOf(firmWith(orders)));
  assert.equal(outcome.exitCode, 0, outcome.text);
  assert.match(outcome.text, /^● orders +0s +synchronous, db +0 +proved +at most \d+ ms +kept$/m);
  assert.match(flat(outcome.text), /db: nothing\. bravo-db has everything that was acknowledged/);
  assert.match(flat(outcome.text), /EXPOSED \d stretches, [\d.]+ s in sum, from the history that bravo keeps; timed/);
  assert.doesNotMatch(outcome.text, /undefined|null|NaN/);
});

test('what nobody measures is unknown, never 0: 5', async () => {
  const outcome = await rpoCommand(contextOf(firmWith(orders, reports)));
  assert.equal(outcome.exitCode, 5, outcome.text);
  assert.match(
    outcome.text,
    /^\? reports +5min +outside, reporting \(not stated\) +\? +unknown +\? unknown +unknown$/m,
  );
  assert.match(flat(outcome.text), /reports: reporting is not run by Holdfast/);
});

test('without the second copy an RPO of 0 is not kept, the stretch is told, and what is not counted is said', async () => {
  const firm = firmWith(orders);
  switchOff(firm, 'bravo-d');
  firm.pass(9000);
  const outcome = await rpoCommand(contextOf(firm));
  assert.notEqual(outcome.exitCode, 0, outcome.text);
  assert.doesNotMatch(outcome.text, /^● orders/m);
  assert.match(flat(outcome.text), /db \(DEGRADED\): ~\d+ bytes of the log more than \S+-db/);
  assert.match(outcome.text, /^EXPOSED \d stretches, \d+(\.\d)? s in sum/m);
  assert.match(flat(outcome.text), /db ▶ since \d\d:\d\d:\d\dZ, .* epoch 1: without bravo-db/);
});

test('nothing was promised: that is said, and is no success: 5', async () => {
  const outcome = await rpoCommand(contextOf(new SimulatedFirm()));
  assert.equal(outcome.exitCode, 5);
  assert.match(outcome.text, /told of no promise: dataClasses of the topology file/);
});

test('with --json the same as data', async () => {
  const { json } = await rpoCommand(contextOf(firmWith(orders), { json: true }));
  const told = json as unknown as {
    classes: { id: string; verdict: string }[];
    exposures: { ledger: { intervals: unknown[] } };
  };
  assert.deepEqual(
    told.classes.map(({ id, verdict }) => [id, verdict]),
    [['orders', 'kept']],
  );
  assert.equal(told.exposures.ledger.intervals.length, 3, 'from the first grant until the copies had caught up');
});

test('evidence that is not there is no ledger without stretches: the command says which path', async () => {
  const context = contextOf(firmWith(orders));
  await assert.rejects(rpoCommand(context, { evidence: ['/nowhere/at/all'] }), { code: 'HF-6010' });
  await assert.rejects(rpoCommand(context, { evidence: [import.meta.dirname] }), { code: 'HF-6010' });
});
