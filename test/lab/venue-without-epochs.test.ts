import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;

describe('an exchange whose sessions know no epochs', { timeout: 10 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    const overlays = [join(import.meta.dirname, 'venue-without-epochs.yaml')];
    lab = await LabUnderTest.open('suite-no-epochs', { overlays });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  it('a frozen engine is taken over, its session is confirmed dead, and thawed it gets nothing acknowledged', async () => {
    const before = await lab.settled();
    const component = lab.component('trading-engine');
    const holder = before.record!.grants[component.id]!.holder!;
    await lab.platform.mark('freeze');
    const frozenMs = 4 * lab.topology.timing.selfFenceAfterMs;
    await lab.break({ kind: 'freeze', target: { kind: 'instance', instance: holder } }, frozenMs);
    const { record } = await lab.takenOver(before.record!.epoch);
    const successor = record!.grants[component.id]!;
    assert.notEqual(successor.holder, holder);
    await lab.acknowledged('freeze', 300);
    await lab.faultsOver();
    const { host } = component.instances.find(({ id }) => id === successor.holder)!;
    const data = join(lab.directory.instance(host, successor.holder!), 'data');
    const report = JSON.parse(readFileSync(join(data, `takeover-${successor.epoch}.json`), 'utf8'));
    assert.equal(report.venues.exchange.session, 'word');
    assert.ok(report.settledAfterMs !== null);
    const group = lab.topology.groups[0]!.id;
    const told = await lab.platform.ask('Olivia Observer', { kind: 'fates', group, instance: null });
    assert.ok(told.kind === 'ok', JSON.stringify(told));
    const { epoch, instance, inDoubt } = told.result as unknown as typeof report;
    assert.deepEqual([epoch, instance], [successor.epoch, successor.holder]);
    // Orders go on meanwhile; what proved their fate does not change.
    const proofs = (fates: typeof report.inDoubt) =>
      fates.map(({ id, proof }: { id: string; proof: unknown }) => [id, proof]);
    assert.deepEqual(proofs(inDoubt), proofs(report.inDoubt).slice(0, 1000), 'what is in the file is told');
    lab.narrate(`settled after ${report.settledAfterMs} ms: ${JSON.stringify(report.fates)}`);
    await lab.platform.mark('thawed');
    await lab.acknowledged('thawed', 300);
    const { verdict, reasons, staleWritesAccepted } = await lab.verified();
    assert.deepEqual(
      { verdict, reasons, staleWritesAccepted },
      { verdict: 'met', reasons: [], staleWritesAccepted: 0 },
    );
  });
});
