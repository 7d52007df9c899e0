import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it, type TestContext } from 'node:test';
import { activeSite, LabUnderTest, standbySite } from '../lab/lab-under-test.ts';
import { reasonToSkipNamespaces } from './netns-lab.under-test.ts';
import { closedWithoutResidue, countedBothWays, outageSeen } from './netns-platform.under-test.ts';

const skip = await reasonToSkipNamespaces();
const darkForMs = 300_000;
/** What two busy processors carry beside routers and a delayer. */
const ordersPerSecond = 100;

describe('the platform on a lab of network namespaces', { skip, timeout: 400_000 }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-platform', { ground: 'netns', ratePerSecond: ordersPerSecond });
  });
  afterEach((context) => lab?.noteResult(context));
  after(async () => {
    if (lab === undefined) return;
    await closedWithoutResidue(lab);
  });

  const counted = (context: TestContext) => countedBothWays(lab, context);
  const seen = (context: TestContext, mark: string) => outageSeen(lab, context, mark);

  it('is active at the preferred site, strict, every host heard by every controller', async (context) => {
    const view = await lab.settled();
    assert.equal(activeSite(view), 'nyc');
    assert.deepEqual(
      view.hosts.filter(({ connected, state }) => !connected || state !== 'healthy'),
      [],
    );
    await counted(context as TestContext);
  });

  it('an engine that is killed is replaced, and nothing acknowledged is missing', async (context) => {
    const { record } = await lab.settled();
    const instance = record!.grants[lab.component('trading-engine').id]!.holder!;
    await lab.platform.mark('engine');
    await lab.break({ kind: 'kill', target: { kind: 'instance', instance } }, null);
    await lab.takenOver(record!.epoch);
    await seen(context as TestContext, 'engine');
    await counted(context as TestContext);
  });

  it('a site that loses its power is replaced by the other; power that returns changes nothing', async (context) => {
    // Refused is not done: an authority that elects a leader at this moment is asked again.
    const isAcknowledged = () =>
      lab.acknowledge().then(
        () => true,
        () => false,
      );
    await lab.eventually('the take-over is acknowledged', 60_000, isAcknowledged);
    const view = await lab.settled();
    const lost = activeSite(view);
    await lab.platform.mark('power');
    const power = await lab.break({ kind: 'site-power-off', site: lost }, darkForMs);
    const taken = await lab.takenOver(view.record!.epoch);
    assert.equal(activeSite(taken), standbySite(lab.topology, lost));
    await seen(context as TestContext, 'power');
    await lab.heal(power);
    const back = await lab.settled();
    assert.equal(back.record!.epoch, taken.record!.epoch, 'a second take-over');
    assert.equal(activeSite(back), activeSite(taken));
    assert.deepEqual(
      back.instances.filter(({ site, observation }) => site === lost && observation?.role === 'primary'),
      [],
      'what came back is primary of nothing',
    );
    await counted(context as TestContext);
  });
});
