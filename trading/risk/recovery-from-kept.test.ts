import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { parseEntry } from '../oms/journal-entry.ts';
import { OrderStore } from '../oms/order-store.ts';
import { postgresAvailable, ThrowawayPostgres } from '../oms/throwaway-postgres.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { RiskReign } from './risk-reign.ts';

test('a risk engine whose engine no longer has the first entries', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
  timeout: 120_000,
}, async (suite) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast risk é '));
  let postgres: ThrowawayPostgres;
  let engine: StandInEngine;
  let reign: RiskReign;
  let store: OrderStore;
  before(async () => {
    [postgres, engine] = await Promise.all([ThrowawayPostgres.start(), StandInEngine.listen()]);
    const oms = { stream: 'engine', epoch: 1, holder: 'oms', deadlineMs: 15_000 };
    store = await OrderStore.open({ database: postgres.address, ...oms });
  });
  after(async () => {
    reign.close();
    store.close();
    await engine.close();
    await postgres.close();
    rmSync(directory, { recursive: true });
  });
  /** Two entries: an order of 3 that is executed by 2. */
  const trade = (id: string) => {
    engine.release({ kind: 'order', id, client: 'c1', symbol: 'ABC', side: 'B', price: 5, qty: 3 });
    engine.release({ kind: 'fill', id, exec: `x-${id}`, price: 5, qty: 2 });
  };
  const storeAll = () =>
    store.apply(
      engine.journal.slice(store.position.sequence).map((each) => parseEntry(each)!),
      () => true,
    );
  const begin = async (epoch: number) => {
    reign?.close();
    const none = { host: '127.0.0.1', port: 0 };
    reign = await RiskReign.open(
      {
        instance: 'risk',
        dataDir: directory,
        control: none,
        controlTokenFile: '',
        listen: none,
        tokenFile: '',
        token: 'a-risk-token',
        engines: [engine.address],
        marketData: [],
        database: postgres.address,
        databaseDeadlineMs: 15_000,
        stream: 'engine',
        keepEveryEntries: 10,
        initial: [],
      },
      { epoch, mayRelease: () => true, onChanged: () => {}, onStale: () => assert.fail('stale') },
    );
    await waitUntil('it has everything', () => reign.book.through === engine.journal.length && reign.failSafe === null);
  };
  const untilKept = async (through: number) => {
    const kept = () => postgres.query<{ readonly through: number }>('SELECT through::int FROM risk_exposures');
    await waitUntil('exposures are kept', async () => {
      reign.wake();
      return (await kept())[0]?.through === through;
    });
  };
  const recompute = async () => {
    await reign.recovery.begin();
    await reign.recovery.restoreLimits();
    const { begunWith, through, trades, positions } = await reign.recovery.recomputePositions();
    return { begunWith, through, trades, positions };
  };

  await suite.test('says under its name that nothing is kept, and then up to where it is', async () => {
    for (let n = 0; n < 20; n += 1) trade(`o${n}`);
    await storeAll();
    await begin(1);
    assert.equal(engine.stored.get('risk'), 0);
    trade('first');
    await storeAll();
    await untilKept(41);
    for (let n = 0; n < 600; n += 1) trade(`more${n}`);
    await waitUntil('it has everything', () => reign.book.through === engine.journal.length);
    await storeAll();
    await untilKept(1241);
    await waitUntil('the engine is told', () => {
      reign.wake();
      return engine.stored.get('risk') === 1241;
    });
  });

  await suite.test('recomputes from the first entry on while the engine has it', async () => {
    assert.deepEqual(await recompute(), { begunWith: 0, through: 1242, trades: 621, positions: 1 });
    assert.equal(engine.stored.get('risk'), 1241);
  });

  await suite.test('recomputes from the exposures that were kept, and says so', async () => {
    engine.first = 1001;
    trade('late');
    await storeAll();
    await waitUntil('it has everything', () => reign.book.through === engine.journal.length);
    assert.deepEqual(await recompute(), { begunWith: 1241, through: 1244, trades: 622, positions: 1 });
    assert.equal(reign.recovery.recomputeExposures()['begunWith'], 1241);
    assert.equal(reign.book.positions.find('c1', 'ABC').lots, 1244);
  });

  await suite.test('keeps its figures, and fail-safe, when what was kept is of no use', async () => {
    await postgres.query(`UPDATE risk_exposures SET content = replace(content, 'ABC', 'XYZ')`);
    await assert.rejects(
      recompute(),
      /^Error: HF-7207 .* begins at 1001: .*; what was kept is of no use: it is not as it/,
    );
    assert.equal(reign.book.through, 1244);
    assert.match(String(reign.failSafe), /has come to: limits/);
    await assert.rejects(reign.recovery.recomputePositions(), /HF-7207/);
    await waitUntil('it holds back what is removed', () => engine.stored.get('risk') === 0);
    trade('later');
    await waitUntil('it goes on', () => reign.book.through === 1246);
  });

  await suite.test('does not go on from exposures that were kept beyond the end of the engine', async () => {
    await postgres.query(`UPDATE risk_exposures SET content = replace(content, 'XYZ', 'ABC')`);
    await begin(2);
    assert.equal(engine.stored.get('risk'), 1241);
    engine.journal.splice(1200);
    engine.cutConnections();
    await waitUntil('it has begun anew', () => reign.book.through === 0 && engine.stored.get('risk') === 0);
    await waitUntil('it says so', () => /^HF-7207 .* begins at 1001/.test(String(reign.problem)));
    await assert.rejects(recompute(), /what was kept is of no use: the engine came to have no more than 1200$/);
    assert.equal(reign.book.through, 0);
  });
});
