import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { asRecord, type JsonRecord } from '../base/json-record.ts';
import type { ControlClient } from '../control/control-client.ts';
import { TradingProcess } from '../testing/child-process.ts';
import type { LineClient } from '../testing/line-client.ts';
import { type EngineUnderTest, leaseIn, TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { postgresAvailable, ThrowawayPostgres } from './throwaway-postgres.ts';

const PATIENT_MS = 20_000;

test('recovery of order management', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  let postgres: ThrowawayPostgres;
  let world: TradingWorld;
  let engine: EngineUnderTest;
  let client: LineClient;
  let oms: TradingProcess;
  let control: ControlClient;
  let orders = 0;

  const must = async (method: string, params: object): Promise<JsonRecord> => {
    const outcome = await control.call(method, params, PATIENT_MS);
    if (outcome.kind === 'ok') return outcome.result;
    return assert.fail(`${method} ${JSON.stringify(params)}: ${JSON.stringify(outcome)}`);
  };
  const act = async (action: string, epoch = 1): Promise<JsonRecord> =>
    asRecord((await must('act', { epoch, action })).detail)!;
  const start = async (epoch: number): Promise<void> => {
    oms = await TradingProcess.start('oms', [join(world.directory, 'oms.json')]);
    control = await world.control(oms.port('control'), 'oms-1');
    await must('promote', { epoch, leaseUntilNs: leaseIn(120_000), ackSet: [], tradingEnabled: true });
  };
  const order = async (): Promise<string> => {
    orders += 1;
    const id = `o${orders}`;
    client.send({ t: 'new', id, symbol: 'XYZ', side: 'B', price: 100, qty: 5 });
    await client.expect((message) => message.t === 'ack' && message.id === id, PATIENT_MS);
    return id;
  };
  const cancel = async (target: string): Promise<void> => {
    client.send({ t: 'cancel', id: `c-${target}`, target });
    await client.expect((message) => message.t === 'cancelled' && message.target === target, PATIENT_MS);
  };
  const stored = async (): Promise<string[]> =>
    (await postgres.query<{ id: string }>('SELECT id FROM orders ORDER BY seq')).map(({ id }) => id);
  const business = async (): Promise<JsonRecord> => asRecord((await must('status', {})).business)!;

  before(async () => {
    postgres = await ThrowawayPostgres.start();
    world = await TradingWorld.open({ fillShare: 0 });
    engine = await world.engine('engine-1');
    await engine.promote(1, [], 600_000);
    client = await engine.client('c1');
    const { host, port, user, database } = postgres.address;
    writeFileSync(join(world.directory, 'password'), 'unused\n', { mode: 0o600 });
    world.write('oms', {
      instance: 'oms-1',
      dataDir: 'oms-1',
      control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
      engines: [{ host: '127.0.0.1', port: engine.process.port('orders') }],
      venues: [{ name: 'venue', host: '127.0.0.1', port: world.venue.port('venue'), firm: 'ACME' }],
      database: { host, port, user, database, passwordFile: 'password' },
      lagWarnMs: 50,
    });
    await start(1);
  });
  after(async () => {
    control?.close();
    await oms?.kill();
    client?.close();
    await world?.close();
    await postgres?.close();
  });

  await suite.test('every action is named by hello; one that is not is refused', async () => {
    const hello = await must('hello', {});
    assert.deepEqual(hello.actions, ['stop-accepting', 'snapshot-open-orders', 'reconcile', 'reload', 'resume']);
    const outcome = await control.call('act', { epoch: 1, action: 'explode' }, PATIENT_MS);
    assert.equal(outcome.kind === 'refused' && outcome.code, 'unknown-method');
    const inherited = await control.call('act', { epoch: 1, action: 'toString' }, PATIENT_MS);
    assert.equal(inherited.kind === 'refused' && inherited.code, 'unknown-method');
  });

  await suite.test('stopped it takes nothing, says so, and its open orders are kept in a file', async () => {
    for (let count = 0; count < 5; count += 1) await order();
    await waitUntil('all are stored', async () => (await stored()).length === 5);
    assert.equal((await act('stop-accepting')).accepting, false);
    await cancel('o1');
    await order();
    await waitUntil('it says how far it is behind', async () => {
      const { lagEntries, lagMs } = await business();
      return Number(lagEntries) > 0 && Number(lagMs) > 0;
    });
    const status = await must('status', {});
    assert.deepEqual([status.health, status.reason], ['degraded', 'it was told to stop accepting']);
    assert.deepEqual(await stored(), ['o1', 'o2', 'o3', 'o4', 'o5']);
    const { count, file } = await act('snapshot-open-orders');
    assert.equal(count, 5);
    const lines = readFileSync(join(world.directory, 'oms-1', String(file)), 'utf8')
      .trim()
      .split('\n');
    assert.deepEqual(
      lines.slice(1).map((line) => (JSON.parse(line) as { id: string }).id),
      ['o1', 'o2', 'o3', 'o4', 'o5'],
    );
  });

  await suite.test('what is still to be taken is told from what is wrong', async () => {
    const { stored: here, atVenues, agree, behind, breaks } = await act('reconcile');
    assert.deepEqual(
      { here, atVenues, agree, behind, breaks },
      { here: 5, atVenues: 5, agree: 4, behind: 2, breaks: 0 },
    );
  });

  await suite.test(
    'a process that is started again in the same epoch goes on standing still until it resumes',
    async () => {
      control.close();
      await oms.kill();
      await start(1);
      await order();
      assert.equal((await act('reload')).activeOrders, 5);
      assert.equal((await stored()).length, 5);
      const resumed = await act('resume');
      assert.deepEqual([resumed.accepting, resumed.caughtUp], [true, true]);
      assert.equal((await stored()).length, 7);
      const { agree, behind, breaks } = await act('reconcile');
      assert.deepEqual({ agree, behind, breaks }, { agree: 6, behind: 0, breaks: 0 });
    },
  );

  await suite.test('an order that the database has otherwise than engine and exchange is a break', async () => {
    await postgres.query(`UPDATE orders SET state = 'cancelled' WHERE id = 'o2'`);
    const { breaks, named } = await act('reconcile');
    assert.equal(breaks, 1);
    assert.match(
      String(named),
      /^o2 unknown-here \(stored: not open; exchange: open, 0 filled; engine: open, 0 filled\)$/,
    );
    await postgres.query(`UPDATE orders SET state = 'open' WHERE id = 'o2'`);
  });

  await suite.test('a newer epoch ends the standing still of an older one, and refuses its actions', async () => {
    await act('stop-accepting');
    control.close();
    await oms.kill();
    await start(2);
    await order();
    await waitUntil('it is stored', async () => (await stored()).length === 8);
    const outcome = await control.call('act', { epoch: 1, action: 'stop-accepting' }, PATIENT_MS);
    assert.equal(outcome.kind === 'refused' && outcome.code, 'stale-epoch');
  });
});
