import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseEntry } from '../oms/journal-entry.ts';
import { OrderStore } from '../oms/order-store.ts';
import { postgresAvailable, ThrowawayPostgres } from '../oms/throwaway-postgres.ts';
import type { FrontConfig, LoadConfig } from './config.ts';
import { Generator } from './generator.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { StandInEngine } from './stand-in-engine.ts';
import type { Verification } from './verification.ts';
import { Verifier, type VerifierOptions } from './verify.ts';

const hasCanaries = async (postgres: ThrowawayPostgres, count: number): Promise<boolean> => {
  const rows = await postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM canary').catch(() => []);
  return (rows[0]?.n ?? 0) >= count;
};

/** Rows are edited in a transaction of the test's own and put back by another. */
test('the two-way check', {
  skip: postgresAvailable ? false : 'no embedded PostgreSQL for this machine',
}, async (suite) => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast verify é '));
  const ledgerDir = join(directory, 'ledger');
  let postgres: ThrowawayPostgres;
  let engine: StandInEngine;
  let options: VerifierOptions & { readonly fronts: readonly FrontConfig[] };
  before(async () => {
    postgres = await ThrowawayPostgres.start();
    engine = await StandInEngine.listen();
    writeFileSync(join(directory, 'token'), 'secret', { mode: 0o600 });
    const fronts = [{ site: 'north', orders: engine.address, database: postgres.address }];
    const config: LoadConfig = {
      clients: ['c1', 'c2'],
      ratePerSecond: 1000,
      commitsPerSecond: 100,
      commitLanes: 2,
      symbols: ['ABC', 'XYZ'],
      replacePercent: 10,
      seed: 7,
      fronts,
      ledgerDir,
      control: { host: '127.0.0.1', port: 0, tokenFile: join(directory, 'token') },
      outage: { sustainedMs: 1000, maxGapMs: 100 },
      probeEveryMs: 10,
      silentAfterMs: 150,
      preallocateBytes: 1024 * 1024,
      unknownAfterMs: 1000,
    };
    const generator = new Generator(config, () => {});
    await generator.start();
    const deadline = performance.now() + 60_000;
    while (engine.requests.size < 1000 || !(await hasCanaries(postgres, 60))) {
      assert.ok(performance.now() < deadline, 'the generator sent too little');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await generator.stop();
    const store = await OrderStore.open({
      database: postgres.address,
      stream: 'engine',
      epoch: 1,
      holder: 'oms',
      deadlineMs: 30_000,
    });
    await store.apply(
      engine.journal.map((entry) => parseEntry(entry)!),
      () => true,
    );
    store.close();
    options = {
      ledgerDir,
      fronts,
      venue: { ...engine.address, firm: 'firm' },
      stream: 'engine',
      deadlineMs: 15_000,
      catchUpMs: 200,
    };
  });
  after(async () => {
    await engine.close();
    await postgres.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const verify = (changes: Partial<VerifierOptions> = {}): Promise<Verification> =>
    new Verifier({ ...options, ...changes }).verify();
  /** Some order of the engine that meets a condition. */
  const someOrder = (holds: (order: { [name: string]: unknown }) => boolean) => {
    const found = [...engine.requests.values()].find((each) => each['target'] === undefined && holds(each));
    assert.ok(found);
    return found;
  };
  /** Runs a check in a world that is edited, and puts the world back. */
  const edited = async (edit: () => () => void, check: (found: Verification) => void): Promise<void> => {
    const restore = edit();
    try {
      check(await verify());
    } finally {
      restore();
    }
  };
  const withRows = async (
    change: string,
    values: unknown[],
    back: string,
    check: (found: Verification) => void,
  ): Promise<void> => {
    const rows = await postgres.query(change, values);
    assert.equal(rows.length, 1);
    check(await verify());
    await postgres.query(back, [JSON.stringify(rows[0])]);
  };

  await suite.test('finds nothing in a world where everything is as it was promised', async () => {
    const found = await verify();
    assert.deepEqual([found.verdict, found.reasons], ['met', []]);
    assert.ok(found.ordersAcked! > 800 && found.commitsAcked! > 50);
    assert.equal(found.staleWritesAccepted, 0);
    assert.deepEqual(found.executionsLost, []);
  });

  await suite.test('names an acknowledged order that the engine has lost', async () => {
    const order = someOrder(() => true);
    await edited(
      () => {
        engine.requests.delete(order.id);
        return () => engine.requests.set(order.id, order);
      },
      (found) => assert.deepEqual([found.verdict, found.ordersLost], ['missed', [order.id]]),
    );
  });

  await suite.test('names an acknowledged cancel request that the engine has lost', async () => {
    const cancel = [...engine.requests.values()].find((each) => each['target'] !== undefined)!;
    await edited(
      () => {
        engine.requests.delete(cancel.id);
        return () => engine.requests.set(cancel.id, cancel);
      },
      (found) => assert.deepEqual([found.verdict, found.ordersLost], ['missed', [cancel.id]]),
    );
  });

  for (const [field, value] of [
    ['price', 1],
    ['qty', 100_000],
    ['side', 'X'],
    ['symbol', 'OTHER'],
    ['seq', 1_000_000],
    ['epoch', 99],
  ] as const) {
    await suite.test(`names an order whose ${field} was altered at the engine`, async () => {
      const order = someOrder(() => true);
      const original = order[field];
      await edited(
        () => {
          Object.assign(order, { [field]: value });
          return () => {
            Object.assign(order, { [field]: original });
          };
        },
        (found) => {
          assert.equal(found.verdict, 'missed');
          assert.equal(found.ordersAltered?.[0]?.id, order.id);
        },
      );
    });
  }

  await suite.test('names an order that was never sent, wherever it appears', async () => {
    const template = someOrder((each) => each['state'] === 'open');
    const ghost = { ...template, id: 'ghost', seq: engine.journal.length + 1 };
    await edited(
      () => {
        engine.requests.set('ghost', ghost);
        return () => engine.requests.delete('ghost');
      },
      (found) => assert.deepEqual([found.verdict, found.ordersNeverSent], ['missed', ['ghost']]),
    );
    await edited(
      () => {
        engine.reports.push({ ...engine.reports[0]!, kind: 'accepted', n: engine.reports.length + 1, id: 'ghost' });
        return () => engine.reports.pop();
      },
      (found) => assert.deepEqual([found.verdict, found.ordersNeverSent], ['missed', ['ghost']]),
    );
  });

  await suite.test('names an order that the exchange booked twice, and one that it never got', async () => {
    const accepted = engine.reports.find((report) => report['kind'] === 'accepted')!;
    await edited(
      () => {
        engine.reports.push({ ...accepted, n: engine.reports.length + 1 });
        return () => engine.reports.pop();
      },
      (found) => assert.deepEqual([found.verdict, found.ordersDuplicated], ['missed', [accepted['id']]]),
    );
    const at = engine.reports.findIndex((report) => report['kind'] === 'accepted');
    await edited(
      () => {
        engine.reports[at] = { t: 'report', n: at + 1, kind: 'other' };
        return () => {
          engine.reports[at] = accepted;
        };
      },
      (found) => assert.deepEqual([found.verdict, found.ordersLost], ['missed', [accepted['id']]]),
    );
  });

  await suite.test('names an execution that the client has and the exchange has not', async () => {
    const at = engine.reports.findIndex((report) => report['kind'] === 'fill');
    const fill = engine.reports[at]!;
    await edited(
      () => {
        engine.reports[at] = { t: 'report', n: at + 1, kind: 'other' };
        return () => {
          engine.reports[at] = fill;
        };
      },
      (found) => {
        assert.equal(found.verdict, 'missed');
        assert.ok(found.executionsLost?.includes(String(fill['exec'])));
      },
    );
  });

  await suite.test('reports stale writes that the exchange let through', async () => {
    await edited(
      () => {
        engine.staleWritesAccepted = 1;
        return () => {
          engine.staleWritesAccepted = 0;
        };
      },
      (found) => assert.deepEqual([found.verdict, found.staleWritesAccepted], ['missed', 1]),
    );
  });

  await suite.test('names a commit that was acknowledged and deleted, altered, or never sent', async () => {
    const [{ id } = { id: '' }] = await postgres.query<{ id: string }>(
      'SELECT id FROM canary ORDER BY id OFFSET 20 LIMIT 1',
    );
    const back = 'INSERT INTO canary SELECT * FROM json_populate_record(null::canary, $1::json) ON CONFLICT DO NOTHING';
    await withRows('DELETE FROM canary WHERE id = $1 RETURNING *', [id], back, (found) =>
      assert.deepEqual([found.verdict, found.commitsLost], ['missed', [id]]),
    );
    await postgres.query(`UPDATE canary SET payload = payload || '!' WHERE id = $1`, [id]);
    const altered = await verify();
    assert.deepEqual([altered.verdict, altered.commitsAltered?.map((each) => each.id)], ['missed', [id]]);
    await postgres.query(`UPDATE canary SET payload = rtrim(payload, '!') WHERE id = $1`, [id]);
    await postgres.query(`INSERT INTO canary VALUES ('ghost', 'c1', 'boo', '')`);
    const ghost = await verify();
    assert.deepEqual([ghost.verdict, ghost.commitsNeverSent], ['missed', ['ghost']]);
    await postgres.query(`DELETE FROM canary WHERE id = 'ghost'`);
    assert.equal((await verify()).verdict, 'met');
  });

  await suite.test('names orders and trades that order management lost, altered, or applied twice', async () => {
    const open = someOrder((each) => each['state'] === 'open').id;
    const back = 'INSERT INTO orders SELECT * FROM json_populate_record(null::orders, $1::json)';
    await withRows('DELETE FROM orders WHERE id = $1 RETURNING *', [open], back, (found) =>
      assert.deepEqual([found.verdict, found.persistedMissing], ['missed', [open]]),
    );
    const filled = someOrder((each) => each['state'] === 'filled').id;
    await postgres.query(
      `INSERT INTO trades SELECT exec || '-again', order_id, price, qty, seq + 1000000, epoch FROM trades WHERE order_id = $1`,
      [filled],
    );
    const twice = await verify();
    assert.equal(twice.persistedAltered?.[0]?.id, filled);
    assert.deepEqual(twice.executionsLost, [`x-${filled}-again`]);
    await postgres.query(`DELETE FROM trades WHERE exec LIKE '%-again'`);
    assert.equal((await verify()).verdict, 'met');
  });

  await suite.test('what cannot be read is inconclusive with the reason, and never counted as nothing', async () => {
    const away = { host: '127.0.0.1', port: 1 };
    const [front] = options.fronts;
    const noEngine = await verify({ fronts: [{ ...front!, orders: away }] });
    assert.deepEqual([noEngine.verdict, noEngine.ordersLost, noEngine.commitsLost], ['inconclusive', null, []]);
    assert.match(noEngine.reasons.join(), /the engine could not be read/);
    const noDatabase = await verify({ fronts: [{ ...front!, database: { ...postgres.address, port: 1 } }] });
    assert.deepEqual([noDatabase.verdict, noDatabase.commitsLost, noDatabase.ordersLost], ['inconclusive', null, []]);
    const noVenue = await verify({ venue: { ...away, firm: 'firm' } });
    assert.deepEqual(
      [noVenue.verdict, noVenue.staleWritesAccepted, noVenue.executionsLost],
      ['inconclusive', null, null],
    );
    const noLedger = await verify({ ledgerDir: join(directory, 'nowhere') });
    assert.deepEqual([noLedger.verdict, noLedger.ordersAcked, noLedger.ordersNeverSent], ['inconclusive', null, null]);
  });

  await suite.test('an order management that is behind is inconclusive, not lossy', async () => {
    engine.release({ kind: 'epoch', instance: 'e1' });
    const behind = await verify();
    assert.equal(behind.verdict, 'inconclusive');
    assert.match(behind.reasons.join(), /order management is at entry/);
    engine.journal.pop();
  });

  await suite.test('a database that weakens commits makes claims about them inconclusive', async () => {
    const copy = join(directory, 'weakened');
    cpSync(ledgerDir, copy, { recursive: true });
    const ledger = LedgerWriter.open(join(copy, 'commits.ledger'));
    ledger.append({ k: 'weakened', site: 'north', setting: 'synchronous_commit = off', at: 1 });
    await ledger.close();
    const found = await verify({ ledgerDir: copy });
    assert.equal(found.verdict, 'inconclusive');
    assert.match(found.reasons.join(), /synchronous_commit = off/);
  });

  await suite.test('unknown requests are resolved and listed, present ones and absent ones', async () => {
    const copy = join(directory, 'unknown');
    cpSync(ledgerDir, copy, { recursive: true });
    const ledger = LedgerWriter.open(join(copy, 'orders.ledger'));
    ledger.append({ k: 'new', id: 'lost-on-the-way', client: 'c1', symbol: 'ABC', side: 'B', price: 1, qty: 1, at: 1 });
    ledger.append({ k: 'unknown', id: 'lost-on-the-way', at: 1 });
    await ledger.close();
    const found = await verify({ ledgerDir: copy });
    assert.equal(found.verdict, 'met');
    assert.ok(found.unknownResolved.ordersAbsent?.includes('lost-on-the-way'));
  });
});
