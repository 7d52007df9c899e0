import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;

describe('a firm that trades over FIX', { timeout: 10 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-fix', {
      ratePerSecond: 200,
      overlays: [join(import.meta.dirname, 'fix-exchange.yaml')],
    });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  const counted = async () => {
    const { verdict, reasons, staleWritesAccepted } = await lab.verified();
    assert.deepEqual(
      { verdict, reasons, staleWritesAccepted },
      { verdict: 'met', reasons: [], staleWritesAccepted: 0 },
    );
  };

  it('its engine is killed under load: the next one goes on with the session, and nothing is lost or booked twice', async () => {
    await lab.acknowledge();
    const { record } = await lab.settled();
    const engine = lab.component('trading-engine');
    const holder = record!.grants[engine.id]!.holder!;
    await lab.platform.mark('killed');
    await lab.break({ kind: 'kill', target: { kind: 'instance', instance: holder } }, null);
    await lab.takenOver(record!.epoch);
    await lab.platform.mark('taken-over');
    await lab.acknowledged('taken-over', 300);
    await lab.settled();
    await counted();
  });

  it('the exchange is killed under load and goes on with the session', async () => {
    await lab.platform.mark('before-kill');
    await lab.acknowledged('before-kill', 200);
    await lab.break({ kind: 'kill', target: { kind: 'process', key: 'venue/exchange' } }, null);
    const gone = () =>
      lab.pidOf('venue/exchange').then(
        () => false,
        () => true,
      );
    await lab.eventually('the exchange is gone', 20_000, gone);
    await lab.restart('venue/exchange');
    await lab.platform.mark('after-restart');
    await lab.acknowledged('after-restart', 300);
    await counted();
  });
});
