import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { GroupView } from '../../lab/demo/status-view.ts';
import { commandProblems, runWords, stopsOf } from '../../lab/evidence-look.ts';
import type { Fault } from '../../lab/fault.ts';
import { activeSite, LabUnderTest, standbySite } from './lab-under-test.ts';

const minute = 60_000;
/** Of `selfFenceAfterMs`: the last renewal before the cut is younger than that, and there is time for the next one after it. */
const SHORT_SHARE = 0.47;
const LONG_MS = 90_000;

describe('a partition of the active site', { timeout: 12 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-partition');
  });
  afterEach((context) => lab.noteResult(context));
  after(() => lab?.close());

  const short: readonly (readonly [string, (active: string, standby: string) => Fault])[] = [
    ['of all its links', (active) => ({ kind: 'site-isolated', site: active as never })],
    ['from the standby site alone', (active, standby) => ({ kind: 'cut', between: [active, standby] })],
  ];
  for (const [what, faultOf] of short)
    it(`${what}, shorter than the lease, causes no failover and loses nothing`, async () => {
      const before = await lab.settled();
      const active = activeSite(before);
      await lab.platform.mark(`short ${what}`);
      await lab.break(
        faultOf(active, standbySite(lab.topology, active)),
        SHORT_SHARE * lab.topology.timing.selfFenceAfterMs,
      );
      await lab.faultsOver();
      // Whoever were to act on what it saw meanwhile would have by now: detection takes at most the silence ceiling.
      await lab.platform.mark(`after ${what}`);
      await lab.acknowledged(`after ${what}`, 1000);
      const after = await lab.settled();
      assert.equal(after.record?.epoch, before.record?.epoch);
      assert.equal(after.run?.run, before.run?.run, 'no run was opened');
      assert.deepEqual(holders(after), holders(before));
      const { verdict, reasons } = await lab.verified();
      assert.deepEqual({ verdict, reasons }, { verdict: 'met', reasons: [] });
    });

  it('longer than the lease: the old holders have stopped themselves before the other side is promoted, although clients and exchange still reach them', async () => {
    const before = await lab.settled();
    const active = activeSite(before);
    await lab.platform.mark('isolation');
    const fault = await lab.break({ kind: 'site-isolated', site: active, keep: ['outside', 'venues'] }, LONG_MS);
    const taken = await lab.takenOver(before.record!.epoch);
    assert.equal(activeSite(taken), standbySite(lab.topology, active));
    await lab.heal(fault);
    const after = await lab.settled();
    const evidence = lab.evidence();
    const run = taken.run!.run;
    const promoted = runWords(evidence, run).find(
      (word) => word.kind === 'step-started' && word.data['step'] === 'promote-components',
    );
    assert.ok(promoted, `no controller recorded that it began to promote in ${run}`);
    for (const { component, from } of taken.run!.plan.moves) {
      assert.ok(from !== null);
      const stops = stopsOf(evidence, from).filter((stop) => stop.wallMs > fault.startedAt);
      const ended = stops.find((stop) => stop.how === 'exited' || stop.how === 'gate');
      lab.narrate(
        `${component}: ${stops.map((stop) => `${stop.how} ${Math.round(stop.wallMs - fault.startedAt)} ms`).join(', ')} after the cut; promotion began after ${Math.round(promoted.wallMs - fault.startedAt)} ms`,
      );
      assert.ok(ended, `nothing says when ${from} ended: ${JSON.stringify(stops)}`);
      assert.ok(
        stops.some((stop) => stop.how !== 'exited'),
        `${from} was not stopped by its own agent or gate: ${JSON.stringify(stops)}`,
      );
      assert.ok(
        ended.monoMs < promoted.monoMs,
        `${from} ended ${ended.monoMs - promoted.monoMs} ms after the promotion began`,
      );
      assert.ok(ended.wallMs < promoted.wallMs + 1);
    }
    const proofs = taken.run!.proofs.map((proof) => [proof.scope, proof.method]);
    assert.ok(
      proofs.every(([, method]) => method === 'lease-expired'),
      JSON.stringify(proofs),
    );
    assert.deepEqual(commandProblems(evidence), []);
    const found = await lab.verified();
    assert.deepEqual(
      { verdict: found.verdict, reasons: found.reasons, stale: found.staleWritesAccepted },
      { verdict: 'met', reasons: [], stale: 0 },
    );
    assert.equal(activeSite(after), activeSite(taken), 'the heal changed nothing');
  });
});

const holders = ({ record }: GroupView) =>
  Object.values(record?.grants ?? {}).map(({ component, holder, epoch }) => ({ component, holder, epoch }));
