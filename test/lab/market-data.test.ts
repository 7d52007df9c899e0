import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { instanceEndpoint, venueEndpoint } from '../../lab/layout.ts';
import type { Instance } from '../../src/core/topology/topology.ts';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { activeSite, LabUnderTest } from './lab-under-test.ts';

const minute = 60_000;
/** What the firm's topology promises for market data. */
const recoveredWithinMs = 15_000;

describe('market data of a firm', { timeout: 15 * minute }, () => {
  let lab: LabUnderTest;
  before(async () => {
    lab = await LabUnderTest.open('suite-market-data', { overlays: [join(import.meta.dirname, 'market-data.yaml')] });
  });
  after(() => lab?.close());
  afterEach((context) => lab?.noteResult(context));

  const siteOf = ({ host }: Instance) => lab.topology.hosts.find((each) => each.id === host)!.site;
  const services = () => lab.component('market-data').instances;
  const addressOf = (instance: Instance, service: 'prices' | 'queries') =>
    lab.platform.context.book.realAddress(instanceEndpoint(instance.id, service));
  /** Null while nobody answers. */
  const ask = async (
    instance: Instance,
    service: 'prices' | 'queries',
    question: object,
  ): Promise<JsonRecord | null> => {
    const { host, port } = addressOf(instance, service);
    const client = await LineClient.open(port, host).catch(() => null);
    if (client === null) return null;
    client.send(question);
    await waitUntil('it answers or ends', () => client.received.length > 0 || client.closed, 5000).catch(() => {});
    client.close();
    return client.received[0] ?? null;
  };
  const isFresh = async (instance: Instance): Promise<boolean> => {
    const answer = await ask(instance, 'prices', { t: 'freshness' });
    return answer?.stale === false && Number(answer.ageMs) <= 5000;
  };
  const untilFresh = (instance: Instance) =>
    lab.eventually(`${instance.id} is fresh`, 4 * recoveredWithinMs, () => isFresh(instance));
  const booksOf = async (symbols: readonly string[], instance: Instance): Promise<string> => {
    const books = [];
    for (const symbol of symbols) {
      const book = await ask(instance, 'prices', { t: 'book', symbol });
      books.push([symbol, book?.bids, book?.asks, book?.lastPrice, book?.phase]);
    }
    return JSON.stringify(books);
  };
  const booksOfExchange = async (): Promise<{ readonly symbols: string[]; readonly text: string }> => {
    const { host, port } = lab.platform.context.book.realAddress(venueEndpoint('exchange', 'recovery'));
    const client = await LineClient.open(port, host);
    client.send({ t: 'snapshot' });
    await client.expect(({ t }) => t === 'snapshot-end');
    // Of a symbol to which nothing ever happened, as the one of dry runs, no feed says anything.
    const books = client.received.filter(
      ({ t, bids, asks, lastPrice }) =>
        t === 'book' && (bids as []).length + (asks as []).length + Number(lastPrice) > 0,
    );
    client.close();
    const shown = books.map(({ symbol, bids, asks, lastPrice, phase }) => [symbol, bids, asks, lastPrice, phase]);
    return { symbols: books.map(({ symbol }) => String(symbol)), text: JSON.stringify(shown) };
  };

  it('is fresh in both sites, also where nobody trades', async () => {
    for (const instance of services()) await untilFresh(instance);
    await lab.platform.mark('fresh');
    await lab.acknowledged('fresh', 500);
    for (const instance of services()) {
      const answer = await ask(instance, 'prices', { t: 'freshness' });
      const [venue] = answer!.venues as JsonRecord[];
      lab.narrate(`${instance.id}: ${JSON.stringify(venue)}`);
      assert.ok(Number(venue!.sequence) > 500);
      assert.equal(venue!.skipped, 0);
    }
  });

  it('is stale in the site that is cut off from the exchange, and only there', async () => {
    const active = activeSite(await lab.settled());
    const [cut, other] = [
      services().find((each) => siteOf(each) !== active)!,
      services().find((each) => siteOf(each) === active)!,
    ];
    const fault = await lab.break({ kind: 'cut', between: [siteOf(cut), 'exchange'] }, minute);
    await lab.eventually(
      `${cut.id} is stale`,
      30_000,
      async () => (await ask(cut, 'prices', { t: 'freshness' }))?.stale === true,
    );
    assert.ok(await isFresh(other), 'the other one hears the exchange');
    await lab.heal(fault);
    const healedAtMs = performance.now();
    await untilFresh(cut);
    const tookMs = performance.now() - healedAtMs;
    lab.narrate(`${cut.id} was fresh ${Math.round(tookMs)} ms after the path was healed`);
    assert.ok(tookMs <= recoveredWithinMs, `${tookMs} ms`);
  });

  it('comes back by itself when its process is killed, fresh within what is promised', async () => {
    const active = activeSite(await lab.settled());
    const instance = services().find((each) => siteOf(each) === active)!;
    const killedAtMs = performance.now();
    await lab.break({ kind: 'kill', target: { kind: 'instance', instance: instance.id } }, null);
    await lab.eventually(
      'it is gone',
      20_000,
      async () => (await ask(instance, 'prices', { t: 'freshness' })) === null,
    );
    await untilFresh(instance);
    const tookMs = performance.now() - killedAtMs;
    lab.narrate(`${instance.id} was fresh ${Math.round(tookMs)} ms after it was killed`);
    assert.ok(tookMs <= recoveredWithinMs, `${tookMs} ms`);
  });

  it('order management answers at the active site only, and says how far it is behind', async () => {
    const active = activeSite(await lab.settled());
    for (const instance of lab.component('order-management').instances) {
      const answer = await ask(instance, 'queries', { t: 'orders', limit: 5 });
      if (siteOf(instance) === active) {
        assert.equal((answer!.orders as unknown[]).length, 5);
        assert.ok(Number((answer!.asOf as JsonRecord).lagMs) < 5000, JSON.stringify(answer!.asOf));
      } else assert.equal(answer?.code, 'not-primary');
    }
  });

  it('has the exchange’s books in both sites once nothing happens any more, and nothing was lost meanwhile', async () => {
    const { verdict, reasons } = await lab.verified();
    assert.deepEqual({ verdict, reasons }, { verdict: 'met', reasons: [] });
    await lab.break({ kind: 'kill', target: { kind: 'process', key: 'load' } }, null);
    for (const instance of services()) {
      let seen = '';
      await lab
        .eventually(`${instance.id} has the exchange’s books`, 20_000, async () => {
          const before = await booksOfExchange();
          const mine = await booksOf(before.symbols, instance);
          const changed = (await booksOfExchange()).text !== before.text;
          seen = `${changed ? 'the exchange goes on' : 'nothing happens'}; exchange ${before.text}, service ${mine}`;
          return !changed && before.symbols.length > 0 && mine === before.text;
        })
        .catch(async (error: Error) => {
          const answer = await ask(instance, 'prices', { t: 'freshness' });
          lab.narrate(`${JSON.stringify(answer)}; ${seen}`);
          throw error;
        });
    }
  });
});
