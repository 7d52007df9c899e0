import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { commandProblems, runWords } from '../../lab/evidence-look.ts';
import { activeSite, LabUnderTest, quick } from './lab-under-test.ts';

const minute = 60_000;
const TIMES = 6;
/** Dark for so long that everything that depends on the leases has happened. */
const DARK_LEASES = 4;
const POWER_OFF_MS = 10 * minute;

describe('power comes back', { timeout: 20 * minute }, () => {
  let lab: LabUnderTest;
  afterEach((context) => lab?.noteResult(context));

  const replaced = () => {
    before(async () => {
      lab = await LabUnderTest.open('suite-power', { ratePerSecond: 100 });
    });
    after(() => lab?.close());

    for (let time = 1; time <= TIMES; time += 1)
      it(`${time}: it comes up closed, follows, and nothing is decided because of it`, async () => {
        await lab.acknowledge();
        const before = await lab.settled();
        const power = await lab.break({ kind: 'site-power-off', site: activeSite(before) }, POWER_OFF_MS);
        const taken = await lab.takenOver(before.record!.epoch);
        await lab.heal(power);
        const after = await lab.settled();
        assert.equal(after.record!.epoch, taken.record!.epoch, 'a second take-over');
        assert.equal(activeSite(after), activeSite(taken));
        await counted(lab);
      });
  };
  // The demo shows one of them.
  if (!quick) describe('to a site that was replaced', replaced);

  describe('to the active site, and nobody had decided about it', () => {
    before(async () => {
      lab = await LabUnderTest.open('suite-power-asked', { ratePerSecond: 100, sitePolicy: 'approval' });
    });
    after(() => lab?.close());

    it('one run after the other does not fail: what came back serves again', async () => {
      const before = await lab.settled();
      const active = activeSite(before);
      const power = await lab.break({ kind: 'site-power-off', site: active }, POWER_OFF_MS);
      await lab.platform.until(
        'a person is asked',
        ({ decision }) =>
          decision?.verdict === 'ask-approval' ? null : `${decision?.verdict ?? 'nothing'}: ${decision?.reason ?? ''}`,
        60_000,
      );
      const dark = performance.now();
      await lab.eventually('it was dark for a while', 60_000, () =>
        Promise.resolve(performance.now() - dark > DARK_LEASES * lab.topology.timing.selfFenceAfterMs),
      );
      assert.equal((await lab.platform.group()).record!.epoch, before.record!.epoch, 'nobody approved it');
      await lab.heal(power);
      await lab.settled();
      const ended = runWords(lab.evidence()).filter(({ kind }) => kind === 'run-closed');
      for (const { run, data } of ended) lab.narrate(`${run}: ${data['result']} ${data['reason']}`);
      assert.deepEqual(
        ended.filter(({ data }) => data['result'] === 'failed').map(({ run, data }) => [run, data['reason']]),
        [],
      );
      await counted(lab);
    });
  });
});

async function counted(lab: LabUnderTest): Promise<void> {
  assert.deepEqual(commandProblems(lab.evidence()), []);
  const { verdict, reasons, staleWritesAccepted: stale } = await lab.verified();
  assert.deepEqual({ verdict, reasons, stale }, { verdict: 'met', reasons: [], stale: 0 });
}
