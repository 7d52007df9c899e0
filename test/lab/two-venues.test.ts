import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { labFirm } from '../../lab/agent-config.ts';
import { instanceEndpoint, venueEndpoint } from '../../lab/layout.ts';
import type { InstanceId } from '../../src/core/base/ids.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
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

  // Last: these orders are in no ledger.
  it('the engine trades each symbol at its exchange', async () => {
    const { book, topology } = lab.platform.context;
    const fronts = topology.components.filter(({ kind }) => kind === 'front').flatMap(({ instances }) => instances);
    // A front that leads nowhere resets who connects, also before it has noticed that it is connected.
    const logOn = async (id: InstanceId): Promise<LineClient | null> => {
      const { host, port } = book.addressFrom('outside', instanceEndpoint(id, 'orders'));
      const client = await LineClient.open(port, host).catch(() => null);
      client?.send({ t: 'logon', client: 'visitor' });
      await waitUntil('it answers or closes', () => client === null || client.closed || client.received.length > 0);
      return client?.received.some(({ t }) => t === 'logon-ok') ? client : null;
    };
    let serving: LineClient | null = null;
    await lab.eventually('a front serves', 20_000, async () => {
      for (const { id } of fronts) serving ??= await logOn(id);
      return serving !== null;
    });
    const client = serving!;
    client.send({ t: 'new', id: 'at-both-1', symbol: 'ALPHA', side: 'B', price: 1, qty: 1 });
    client.send({ t: 'new', id: 'at-both-2', symbol: 'DELTA', side: 'B', price: 1, qty: 1 });
    for (const id of ['at-both-1', 'at-both-2']) await client.expect((told) => told.t === 'ack' && told.id === id);
    const found: unknown[] = [];
    for (const venue of ['exchange', 'second']) {
      const exchange = await at(venue);
      for (const id of ['at-both-1', 'at-both-2']) {
        const state = async (): Promise<unknown> => {
          exchange.received.splice(0);
          exchange.send({ t: 'status', firm: labFirm, ids: [id] });
          const { orders } = await exchange.expect(({ t }) => t === 'status');
          return (orders as { state: string }[])[0]!.state;
        };
        const isIts = (venue === 'exchange') === (id === 'at-both-1');
        if (isIts) await lab.eventually('it is there', 20_000, async () => (await state()) !== 'unknown');
        found.push([venue, id, (await state()) !== 'unknown']);
      }
      exchange.close();
    }
    assert.deepEqual(found, [
      ['exchange', 'at-both-1', true],
      ['exchange', 'at-both-2', false],
      ['second', 'at-both-1', false],
      ['second', 'at-both-2', true],
    ]);
    client.close();
  });
});
