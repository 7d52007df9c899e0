import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf, SimulatedFirm } from '../simulated-controllers.test.ts';
import type { GroupAgreement } from '../view/agreement-screen.ts';
import { latencyCommand, networkCheckCommand } from './network.ts';

const subjectsOf = (json: unknown) =>
  (json as { readonly agreement: readonly GroupAgreement[] }).agreement.flatMap(({ subjects }) => subjects);

test('on a platform on which all is well every vantage names the same writer', async () => {
  const outcome = await networkCheckCommand(contextOf(new SimulatedFirm()));
  assert.equal(outcome.exitCode, 0, outcome.text);
  const subjects = subjectsOf(outcome.json);
  assert.ok(subjects.length >= 4, outcome.text);
  for (const { subject, verdict, with: agrees } of subjects) {
    assert.equal(verdict, 'agree', `${subject}\n${outcome.text}`);
    assert.ok(agrees.length >= 3, outcome.text);
  }
  assert.match(outcome.text, /^AGREEMENT .*every vantage names the same$/m);
  assert.match(outcome.text, /^LATENCY {2}not measured /m);
  assert.doesNotMatch(outcome.text, /undefined|null|NaN/);
});

test('a controller that does not answer is unknown, which is no agreement', async () => {
  const firm = new SimulatedFirm();
  firm.loseActiveSite();
  firm.pass(500);
  const outcome = await networkCheckCommand(contextOf(firm));
  assert.equal(outcome.exitCode, 5, outcome.text);
  assert.match(outcome.text, /^UNKNOWN controller alfa: it did not answer \(active site, /m);
});

test('after a take-over the old site is unknown and the new writer is named', async () => {
  const firm = new SimulatedFirm({ shape: { sitePolicy: 'automatic' } });
  firm.loseActiveSite();
  firm.pass(40_000);
  const { text, json } = await networkCheckCommand(contextOf(firm));
  const site = subjectsOf(json).find(({ subject }) => subject === 'active site');
  assert.equal(site?.agreed?.writer, 'bravo', text);
  assert.equal(site.against.length, 0, text);
});

test('where nothing is measured the latency is unknown, and that is said', async () => {
  const { exitCode, text } = await latencyCommand(contextOf(new SimulatedFirm()));
  assert.equal(exitCode, 5);
  assert.match(text, /no "network:" section/);
});

test('a group of another name is a slip', async () => {
  await assert.rejects(networkCheckCommand({ ...contextOf(new SimulatedFirm()), group: 'nothing' }), /no group/);
});
