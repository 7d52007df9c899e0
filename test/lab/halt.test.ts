import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { commandProblems, runWords } from '../../lab/evidence-look.ts';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import { exposureIn, exposureText } from '../../src/core/authority/resume.ts';
import { activeSite, LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;
const POWER_OFF_MS = 10 * minute;
const STILL_MS = 2000;

describe('a survivor whose policy is to halt', { timeout: 20 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-halt', {
      ratePerSecond: 100,
      overlays: [join(import.meta.dirname, 'halting.yaml')],
    });
  });
  afterEach((context) => lab.noteResult(context));
  after(() => lab?.close());

  it('takes over, takes no new risk, and goes on when a copy elsewhere has caught up', async () => {
    const taken = await loseTheActiveSite(lab);
    await standsStill(lab, 'first halt');
    await lab.heal(taken);
    await lab.settled();
    await lab.platform.mark('caught up');
    await lab.acknowledged('caught up', 100);
    await counted(lab);
  });

  it('goes on when a risk officer accepts the exposure by name, and is strict again later', async () => {
    await lab.acknowledge();
    const taken = await loseTheActiveSite(lab);
    await standsStill(lab, 'second halt');
    const group = await lab.platform.group();
    await lab.platform.demand('Rhea Risk', {
      kind: 'resume',
      group: lab.topology.groups[0]!.id,
      acceptExposure: exposureText(exposureIn(group.record as unknown as GroupRecord)),
      reason: 'the suite says so',
    });
    await lab.platform.mark('resumed');
    await lab.acknowledged('resumed', 100);
    assert.ok((await lab.platform.flow('resumed')).commitsAcked > 0, 'commits are acknowledged as well');
    await lab.heal(taken);
    await lab.settled();
    await counted(lab);
  });
});

/** @returns the fault, with the other site holding everything and some of it halted. */
async function loseTheActiveSite(lab: LabUnderTest) {
  const before = await lab.settled();
  const power = await lab.break({ kind: 'site-power-off', site: activeSite(before) }, POWER_OFF_MS);
  const taken = await lab.takenOver(before.record!.epoch);
  assert.notEqual(activeSite(taken), activeSite(before));
  const { grants } = taken.record as unknown as GroupRecord;
  assert.deepEqual(
    Object.values(grants)
      .flatMap(({ component, mode }) => (mode.kind === 'halted' ? [component] : []))
      .toSorted(),
    [lab.component('postgres').id, lab.component('trading-engine').id].toSorted(),
  );
  const last = runWords(lab.evidence()).findLast(({ kind }) => kind === 'run-closed');
  assert.equal(last?.data['result'], 'completed');
  assert.match(String(last?.data['reason']), /no new risk is taken/);
  return power;
}

/** Cancels of what is open may still pass; then nothing is acknowledged any more. */
async function standsStill(lab: LabUnderTest, name: string): Promise<void> {
  let window = 0;
  await lab.eventually('nothing is acknowledged', minute, async () => {
    window += 1;
    const mark = `${name} ${window}`;
    await lab.platform.mark(mark);
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    const { ordersAcked, commitsAcked } = await lab.platform.flow(mark);
    lab.narrate(`${mark}: ${ordersAcked} orders, ${commitsAcked} commits`);
    return ordersAcked === 0 && commitsAcked === 0;
  });
}

async function counted(lab: LabUnderTest): Promise<void> {
  assert.deepEqual(commandProblems(lab.evidence()), []);
  const { verdict, reasons, staleWritesAccepted: stale } = await lab.verified();
  assert.deepEqual({ verdict, reasons, stale }, { verdict: 'met', reasons: [], stale: 0 });
}
