import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asRecord, type JsonRecord } from '../base/json-record.ts';
import type { Status } from '../control/contract.ts';
import { ControlClient } from '../control/control-client.ts';
import { TradingProcess } from '../testing/child-process.ts';
import type { ExchangeClient } from '../testing/exchange-client.ts';
import { LineClient } from '../testing/line-client.ts';
import { VENUE_TOKEN, VenueUnderTest } from '../testing/venue-under-test.ts';
import { waitUntil } from '../testing/wait-until.ts';

const PATIENT_MS = 20_000;

test('market data of a whole exchange', async (suite) => {
  let venue: VenueUnderTest;
  let service: TradingProcess;
  let control: ControlClient;
  let member: ExchangeClient;
  const epoch = 1;
  let orders = 0;
  const events: JsonRecord[] = [];

  const must = async (method: string, params: object): Promise<JsonRecord> => {
    const outcome = await control.call(method, params, PATIENT_MS);
    if (outcome.kind === 'ok') return outcome.result;
    return assert.fail(`${method} ${JSON.stringify(params)}: ${JSON.stringify(outcome)}`);
  };
  const status = async (): Promise<Status> => (await must('status', {})) as unknown as Status;
  const act = async (action: string): Promise<JsonRecord> => asRecord((await must('act', { epoch, action })).detail)!;
  const start = async (): Promise<void> => {
    const { ports } = venue;
    const address = (name: string) => ({ host: '127.0.0.1', port: ports[name]! });
    const file = join(venue.directory, 'market-data.json');
    writeFileSync(
      file,
      JSON.stringify({
        instance: 'md-1',
        dataDir: 'md-1',
        control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
        publish: { host: '127.0.0.1', port: 0 },
        venues: [{ name: 'venue', feedA: address('feedA'), feedB: address('feedB'), recovery: address('recovery') }],
      }),
    );
    service = await TradingProcess.start('market-data', [file]);
    control = await ControlClient.open({
      host: '127.0.0.1',
      port: service.port('control'),
      token: VENUE_TOKEN,
      instance: 'md-1',
      deadlineMs: PATIENT_MS,
      onEvent: (event) => events.push(event),
    });
  };
  const flow = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each++) {
      orders += 1;
      const draw = Math.imul(orders, 0x9e37_79b1) >>> 0;
      const price = 95 + ((draw >>> 8) % 10);
      member.new({
        id: `o${orders}`,
        symbol: draw % 2 === 0 ? 'X' : 'Y',
        side: (draw >>> 4) % 2,
        price,
        quantity: 1 + (draw % 9),
      });
      if (orders % 5 === 4) member.cancel({ id: `c${orders}`, target: `o${orders - 3}` });
    }
    const last = `o${orders}`;
    await member.expect(({ id }) => id === last);
  };
  const ask = async (client: LineClient, question: object): Promise<JsonRecord> => {
    const from = client.received.length;
    client.send(question);
    await waitUntil(
      'it is answered',
      () => client.received.slice(from).some(({ t }) => t !== 'market' && t !== 'fresh'),
      PATIENT_MS,
    );
    return client.received.slice(from).find(({ t }) => t !== 'market' && t !== 'fresh')!;
  };
  /** The service's books and the exchange's own, both as they are when nothing happens any more. */
  const booksAgree = async (): Promise<boolean> => {
    const client = await LineClient.open(service.port('publish'));
    const recovery = await LineClient.open(venue.ports['recovery']!);
    recovery.send({ t: 'snapshot' });
    await recovery.expect(({ t }) => t === 'snapshot-end', PATIENT_MS);
    let agree = true;
    for (const { symbol, bids, asks, lastPrice, phase } of recovery.received.filter(({ t }) => t === 'book')) {
      const book = await ask(client, { t: 'book', symbol });
      agree &&=
        JSON.stringify([bids, asks, lastPrice, phase]) ===
        JSON.stringify([book.bids, book.asks, book.lastPrice, book.phase]);
    }
    recovery.close();
    client.close();
    return agree;
  };
  const untilBooksAgree = () => waitUntil('the books agree', booksAgree, PATIENT_MS);

  before(async () => {
    venue = await VenueUnderTest.open({ marketData: {}, selfTrade: 'allow' });
    member = await venue.seated();
    await flow(100);
    await start();
  });
  after(async () => {
    control?.close();
    await service?.kill();
    await venue?.close();
  });

  const untilFresh = () => waitUntil('it is well', async () => (await status()).health === 'ok', PATIENT_MS);

  await suite.test('a cold start has the books and fresh data long before 15 s are over', async () => {
    const startedAtMs = performance.now();
    await untilFresh();
    await must('test-order', { epoch });
    const tookMs = performance.now() - startedAtMs;
    assert.ok(tookMs < 5000, `${tookMs} ms`);
    const { role, releasing, business } = await status();
    assert.deepEqual({ role, releasing, symbols: business.symbols }, { role: 'standby', releasing: false, symbols: 2 });
    assert.ok(await booksAgree());
  });

  await suite.test('a subscriber gets every symbol at once, then what changes, the newest always', async () => {
    const client = await LineClient.open(service.port('publish'));
    client.send({ t: 'subscribe', depth: 2 });
    await client.expect(({ t, symbol }) => t === 'market' && symbol === 'Y', PATIENT_MS);
    await client.expect(({ t, stale }) => t === 'fresh' && stale === false, PATIENT_MS);
    await flow(200);
    member.new({ id: 'best', symbol: 'X', side: 0, price: 94, quantity: 7 });
    await member.expect(({ id }) => id === 'best');
    await untilBooksAgree();
    const book = await ask(await LineClient.open(service.port('publish')), { t: 'book', symbol: 'X', depth: 2 });
    await waitUntil(
      'the newest was told',
      () => {
        const newest = client.received.findLast(({ t, symbol }) => t === 'market' && symbol === 'X');
        return (
          JSON.stringify([newest?.bids, newest?.asks, newest?.lastPrice]) ===
          JSON.stringify([book.bids, book.asks, book.lastPrice])
        );
      },
      PATIENT_MS,
    );
    assert.ok((book.bids as unknown[]).length <= 2);
    const marks = await ask(client, { t: 'marks' });
    assert.equal((marks.marks as JsonRecord).X, book.lastPrice);
    client.send({ t: 'subscribe', symbols: 'X' });
    await client.expect(({ code }) => code === 'bad-message', PATIENT_MS);
    client.close();
  });

  await suite.test('what one feed loses the other brings, and what both lose is filled', async () => {
    await venue.admin({ feed: 'A', drop: 5 });
    await flow(50);
    await untilBooksAgree();
    await venue.admin({ feed: 'A', drop: 2 });
    await venue.admin({ feed: 'B', drop: 2 });
    await flow(1);
    await flow(50);
    await untilBooksAgree();
    const { business } = await status();
    assert.ok(Number(business.filled) > 0, JSON.stringify(business));
    assert.equal(business.skipped, 0);
  });

  await suite.test('the recovery plan’s steps are answered, each with what it found', async () => {
    assert.deepEqual(await act('reconnect'), { feedA: true, feedB: true });
    const { symbols } = await act('snapshot');
    assert.equal(symbols, 2);
    assert.equal((await act('fill-gaps')).sequence, (await status()).position.sequence);
    const { ageMs, inMarketHours } = await act('check-freshness');
    assert.ok(Number(ageMs) <= 5000);
    assert.equal(inMarketHours, true);
    assert.ok(await booksAgree());
  });

  await suite.test('a process that is killed has everything again after its cold start', async () => {
    control.close();
    await service.kill();
    await flow(50);
    await start();
    const startedAtMs = performance.now();
    await must('test-order', { epoch });
    assert.ok(performance.now() - startedAtMs < 15_000);
    assert.ok(await booksAgree());
  });

  await suite.test('told to stop it hears and answers nothing until it is told to go on', async () => {
    const client = await LineClient.open(service.port('publish'));
    client.send({ t: 'subscribe' });
    await client.expect(({ t }) => t === 'fresh', PATIENT_MS);
    await must('demote', { epoch });
    await waitUntil('its subscribers are cut', () => client.closed, PATIENT_MS);
    const { role, reason } = await status();
    assert.deepEqual({ role, reason }, { role: 'closed', reason: 'it was told to stop' });
    const refused = await control.call('act', { epoch, action: 'snapshot' }, PATIENT_MS);
    assert.equal(refused.kind === 'refused' && refused.code, 'not-ready');
    const late = await LineClient.open(service.port('publish'));
    assert.equal((await ask(late, { t: 'marks' })).code, 'closed');
    await flow(20);
    assert.deepEqual(await act('reconnect'), { feedA: true, feedB: true });
    await untilFresh();
    await untilBooksAgree();
  });

  await suite.test('another run of the exchange is taken up from a snapshot', async () => {
    const before = Number((await status()).business.snapshots);
    const ports = venue.ports;
    await venue.restartAt(ports);
    member = await venue.seated();
    await flow(30);
    await waitUntil(
      'a snapshot of the new run was taken',
      async () => Number((await status()).business.snapshots) > before,
      PATIENT_MS,
    );
    await untilBooksAgree();
  });

  await suite.test(
    'an exchange that falls silent in market hours is stale after 5 s, and that is said at once',
    async () => {
      await venue.server.close();
      events.length = 0;
      await waitUntil(
        'a status says bad',
        () => events.some(({ event, status: told }) => event === 'status' && (told as Status).health === 'bad'),
        PATIENT_MS,
      );
      const { business, reason } = await status();
      assert.ok(Number(business.marketDataAgeMs) > 5000);
      assert.match(reason ?? '', /market data is older than 5000 ms/);
      const refused = await control.call('act', { epoch, action: 'check-freshness' }, PATIENT_MS);
      assert.equal(refused.kind === 'refused' && refused.code, 'not-ready');
      const dry = await control.call('test-order', { epoch }, PATIENT_MS);
      assert.equal(dry.kind === 'refused' && dry.code, 'not-ready');
    },
  );

  await suite.test('an exchange that comes back is taken up again by itself', async () => {
    await venue.startAt(venue.ports);
    member = await venue.seated();
    await flow(20);
    await untilFresh();
    await untilBooksAgree();
  });
});
