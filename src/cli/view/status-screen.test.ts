import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusCommand } from '../commands/status.ts';
import { readKnowledge } from '../read-knowledge.ts';
import { contextOf, SimulatedFirm } from '../simulated-controllers.test.ts';
import { asciiText } from './glyph.ts';
import { healthExitCode, healthScreen } from './health-screen.ts';
import { standingOf } from './standing.ts';
import { statusScreen } from './status-screen.ts';

async function screenOf(firm: SimulatedFirm): Promise<string> {
  const lines = statusScreen(await readKnowledge(firm));
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  for (const line of lines) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
  return lines.join('\n');
}

/** One machine without power, for good. */
function switchOff(firm: SimulatedFirm, id: string): void {
  const host = firm.world.hosts.find((each) => each.id === id);
  assert.ok(host);
  firm.world.network.silence(host.id);
  host.agent.crash();
  host.gate.reset();
  for (const instance of host.instances) instance.die();
}

test('a healthy firm: who is active, which epoch, who can take over, and that nothing would stop it', async () => {
  const screen = await screenOf(new SimulatedFirm());
  assert.match(screen, /^● HEALTHY {2}alfa serves; 3 components held, 3 sites heard +\d\d:\d\d:\d\dZ bravo leads$/m);
  assert.match(screen, /^STATE {3}active alfa · epoch 1 · new risk accepted · STRICT$/m);
  assert.match(screen, /^QUORUM {2}authority heard [\d.]+ s ago · controllers 3\/3 · bravo answers and leads/m);
  assert.match(screen, /^AUTO {4}instance automatic · site approval$/m);
  assert.match(screen, /^NEXT {4}✓ bravo can take over: bravo-db, bravo-eng1, bravo-oms$/m);
  assert.match(screen, /^STOPS {3}only that nothing has failed \(R-VERDICT\)$/m);
  assert.match(screen, /^● alfa +healthy +ACTIVE +3\/3/m);
  assert.match(screen, /^● db +alfa-db +primary, releasing/m);
  assert.doesNotMatch(screen, /WHY|undefined|null|NaN/);
});

test('the active site is lost: the verdict first, then the one command, and last values only with their age', async () => {
  const firm = new SimulatedFirm();
  firm.loseActiveSite();
  firm.pass(9000);
  const screen = await screenOf(firm);
  const lines = screen.split('\n');
  assert.match(lines[0]!, /^✕ ALFA LOST \d+(\.\d)? s {2}site down: 2\/3 observers +\d\d:/);
  assert.match(lines[1]!, /^DO {6}holdfast approve [0-9a-f]{16} SiteDown: failover trading → bravo$/);
  assert.match(lines[2]!, /loss no acknowledged write · fence wait at most [\d.]+ s/);
  assert.match(screen, /controllers 2\/3 \(silent: alfa\)/);
  assert.match(screen, /^✕ alfa +failed +ACTIVE +3\/3 +\? of 5 +0\/3 +\d/m);
  assert.match(screen, /\? unknown, was primary \d/);
  assert.match(screen, /^STOPS {3}nothing: every rule passes$/m);
  assert.match(screen, /^WHY {5}SiteDown: alfa/m);
  assert.match(screen, /… \d more: holdfast health/);
  assert.doesNotMatch(lines.filter((line) => line.includes('alfa-')).join('\n'), /primary, releasing/);
});

test('a Redis that lets writers in elsewhere than beside them is said, with the epoch', async () => {
  const firm = new SimulatedFirm({ shape: { servers: true, instancePolicy: 'automatic' } });
  assert.doesNotMatch(await screenOf(firm), /cache on/);
  firm.world.instances.get('alfa-cache' as never)!.die();
  firm.pass(1500);
  assert.match(
    (await screenOf(firm)).replace(/\n +/g, ' '),
    /cache on bravo-cache for alfa-cache, epoch 2, lost: not known/,
  );
});

test('a Redis that leads with another history than it had is said, with what that cost', async () => {
  const firm = new SimulatedFirm({ shape: { servers: true, instancePolicy: 'automatic' } });
  for (const id of ['alfa-cache', 'bravo-cache']) firm.world.instances.get(id as never)!.die();
  firm.pass(9000);
  assert.match(
    (await screenOf(firm)).replace(/\n +/g, ' '),
    /cache on alfa-cache with another history, epoch 1, lost: not known/,
  );
});

test('durability that is degraded says since when, and what is at risk or that it is not counted', async () => {
  const firm = new SimulatedFirm();
  switchOff(firm, 'bravo-d');
  firm.pass(9000);
  const screen = await screenOf(firm);
  assert.match(screen, /^◐ DEGRADED {2}alfa serves; db acknowledged without a peer/m);
  assert.match(
    screen.replaceAll(/\n +/g, ' '),
    /db DEGRADED \d+(\.\d)? s, (at risk: log [\d,]+ ahead of|exposure not counted)/,
  );
  assert.match(screen, /bravo cannot take over: db: nobody \(bravo-db host bravo-d is failed\)/);
  assert.match(screen, /^STOPS {3}R-CANDIDATE ✕ db: bravo-db/m);
});

test('frozen automation is in the first line, with who, until when and why below', async () => {
  const firm = new SimulatedFirm();
  await firm.ask({ kind: 'freeze', group: 'trading', lift: false, reason: 'exchange test', minutes: 30 });
  const screen = await screenOf(firm);
  assert.match(screen, /^● HEALTHY, FROZEN {2}alfa serves; automation frozen by ada/m);
  assert.match(
    screen.replaceAll(/\n +/g, ' '),
    /FROZEN by ada until \d\d:\d\d:\d\dZ \((30 min|29 min \d+ s) left\): exchange test/,
  );
});

test('maintenance and a fenced instance are shown', async () => {
  const firm = new SimulatedFirm();
  await firm.ask({ kind: 'maintenance', group: 'trading', end: false, reason: 'new switch', minutes: null });
  await firm.ask({
    kind: 'fence',
    group: 'trading',
    instance: 'bravo-eng2',
    attest: false,
    lift: false,
    reason: 'noise',
  });
  firm.pass(500);
  const screen = (await screenOf(firm)).replaceAll(/\n +/g, ' ');
  assert.match(screen, /MAINTENANCE by ada until lifted: new switch/);
  assert.match(screen, /fenced by a person: bravo-eng2/);
});

test('without a leader nothing that only a leader knows is claimed', async () => {
  const firm = new SimulatedFirm();
  for (const controller of firm.world.controllers) if (controller.site !== 'wit') controller.crash();
  firm.world.authority.loseQuorum(true);
  const screen = await screenOf(firm);
  assert.match(screen, /^\? NO (LEADER|QUORUM) {2}/);
  assert.match(screen, /nothing can be approved or run/);
  assert.match(screen, /^NEXT {4}\? unknown: no controller leads, so no dry run$/m);
  assert.match(screen.replaceAll(/\n +/g, ' '), /wit answers, does not lead; last leader bravo/);
  assert.match(screen, /^WHY {5}\? unknown: only a leader diagnoses, and none answered$/m);
  assert.doesNotMatch(screen, /HEALTHY {2}/);
});

test('a silent authority: the copy is shown, called stale, and status ends with 5', async () => {
  const firm = new SimulatedFirm();
  firm.world.authority.loseQuorum(true);
  firm.pass(13_000);
  const screen = await screenOf(firm);
  assert.match(screen, /^\? NO QUORUM {2}the authority is silent for \d+ s: nothing/);
  assert.match(screen, /can be approved or run/);
  assert.match(screen, /authority heard \d+ s ago, stale/);
  const outcome = await statusCommand(contextOf(firm), { maxAgeMs: 10_000 });
  assert.equal(outcome.exitCode, 5);
  assert.match(outcome.text, /^STALE {3}HF-8009 what bravo knows is \d+ s old$/m);
  assert.ok(outcome.text.trimEnd().split('\n').length <= 24);
});

test('an instance that is not heard is unknown with its last value and age, never blank and never the last value alone', async () => {
  const firm = new SimulatedFirm();
  switchOff(firm, 'alfa-d');
  firm.pass(1500);
  const knowledge = await readKnowledge(firm);
  const group = knowledge.status.groups[0]!;
  const instances = group.instances.map((each) =>
    each.instance === 'alfa-db' ? { ...each, state: 'unknown' as const, fresh: false, ageMs: 42_000 } : each,
  );
  const doubtful = { ...knowledge, status: { ...knowledge.status, groups: [{ ...group, instances, run: null }] } };
  const screen = statusScreen(doubtful).join('\n');
  assert.match(screen, /^\? db +alfa-db +\? unknown, was primary 42 s ago/m);
  assert.notEqual(standingOf(doubtful, doubtful.status.groups[0]!).word, 'HEALTHY');
  const health = healthScreen(doubtful).join('\n');
  assert.match(
    health,
    /^\? alfa-db +unknown +\? was primary, holds +\? unknown +\? unknown +\? unknown +\? unknown +42 s$/m,
  );
});

test('an instance that was never seen says so', async () => {
  const knowledge = await readKnowledge(new SimulatedFirm());
  const group = knowledge.status.groups[0]!;
  const instances = group.instances.map((each) => ({
    ...each,
    state: 'unknown' as const,
    fresh: false,
    ageMs: null,
    observation: null,
  }));
  const screen = statusScreen({
    ...knowledge,
    status: { ...knowledge.status, groups: [{ ...group, instances }] },
  }).join('\n');
  assert.match(screen, /\? unknown, never seen/);
});

test('health shows four depths and every observer, and ends 0, 1 or 5', async () => {
  const firm = new SimulatedFirm();
  const well = await readKnowledge(firm);
  assert.equal(healthExitCode(well), 0);
  const screen = healthScreen(well).join('\n');
  assert.match(screen, /INSTANCE +STATE +ROLE +PROCESS +APPLICATION +BUSINESS +END TO END +AGE/);
  assert.match(screen, /^● alfa-db +healthy +primary, holds +● ok +● ok +● ok +● ok/m);
  assert.match(screen, /^● bravo-db +healthy +standby +● ok +● ok +● ok +– /m);
  for (const observer of ['alfa', 'bravo', 'wit']) assert.match(screen, new RegExp(`SEEN FROM ${observer}`));
  firm.loseActiveSite();
  firm.pass(9000);
  const lost = await readKnowledge(firm);
  assert.equal(healthExitCode(lost), 1);
  assert.match(healthScreen(lost).join('\n'), /✕ alfa-d +alfa +failed .*✕ silent/);
});

test('a group that was never activated says what to do', async () => {
  const firm = new SimulatedFirm({ settleMs: 300 });
  const screen = await screenOf(firm);
  assert.match(screen, /^\? NOT ACTIVE {2}trading was never activated/);
  assert.match(screen, /^DO {6}holdfast activate SITE/m);
});

test('in ASCII the screen keeps its columns and has no other character', async () => {
  const screen = await screenOf(new SimulatedFirm());
  const ascii = asciiText(screen);
  assert.equal(ascii.length, screen.length);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the range that is meant
  assert.match(ascii, /^[\u0000-\u007f]+$/);
  assert.match(ascii, /^H alfa +healthy/m);
});
