import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { venueEndpoint } from '../../lab/layout.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;

describe('a firm with two exchanges', { timeout: 10 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-exchanges', { overlays: [join(import.meta.dirname, 'two-venues.yaml')] });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  const at = (venue: string): Promise<LineClient> => {
    const { host, port } = lab.platform.context.book.realAddress(venueEndpoint(venue, 'session'));
    return LineClient.open(port, host);
  };

  it('both run, and each trades its own symbols only', async () => {
    const told: string[] = [];
    for (const venue of ['exchange', 'second']) {
      const client = await at(venue);
      client.send({ t: 'logon', firm: 'VISITOR', session: 's', epoch: 1 }, { t: 'drop-copy', after: 0 });
      for (const symbol of ['ALPHA', 'DELTA'])
        client.send({ t: 'new', id: symbol, symbol, side: 'B', price: 1, qty: 1 });
      const answer = await client.expect(({ kind, id }) => kind !== undefined && id === 'DELTA');
      const first = await client.expect(({ kind, id }) => kind !== undefined && id === 'ALPHA');
      told.push(`${venue}: ${first['kind']} ${answer['kind']}`);
      client.close();
    }
    assert.deepEqual(told, ['exchange: accepted rejected', 'second: rejected accepted']);
  });

  it('the exchange that is traded at is killed under load and comes back with everything that it acknowledged', async () => {
    await lab.platform.mark('before-kill');
    await lab.acknowledged('before-kill', 300);
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
    const { verdict, reasons, staleWritesAccepted } = await lab.verified();
    assert.deepEqual(
      { verdict, reasons, staleWritesAccepted },
      { verdict: 'met', reasons: [], staleWritesAccepted: 0 },
    );
  });
});
