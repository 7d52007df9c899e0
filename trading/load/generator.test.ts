import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { WindowReport } from './fault-window.ts';
import { Generator } from './generator.ts';
import { LedgerReader } from './ledger-reader.ts';
import type { LedgerRecord } from './ledger-record.ts';
import { LineExchange } from './line-exchange.ts';
import { StandInEngine } from './stand-in-engine.ts';

interface World {
  readonly north: StandInEngine;
  readonly south: StandInEngine;
  readonly ledger: () => Promise<LedgerRecord[]>;
  call<Result>(method: string, params?: object): Promise<Result>;
}

/** Of service after an outage before it counts as over. */
const sustainedMs = 400;

const nowhere = { host: '127.0.0.1', port: 1, user: 'none', password: 'none', database: 'none' };

/** A generator in front of two sites; the first one is active. */
const start = async (context: TestContext): Promise<World> => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast load é '));
  const tokenFile = join(directory, 'token');
  writeFileSync(tokenFile, 'secret', { mode: 0o600 });
  const north = await StandInEngine.listen({ instance: 'north' });
  const south = await StandInEngine.listen({ instance: 'south', epoch: 2 });
  south.primary = false;
  const generator = new Generator(
    {
      clients: ['c1', 'c2'],
      ratePerSecond: 1000,
      commitsPerSecond: 0,
      commitLanes: 1,
      symbols: ['ABC'],
      replacePercent: 10,
      seed: 3,
      fronts: [north, south].map((engine) => ({ site: engine.instance, orders: engine.address, database: nowhere })),
      ledgerDir: directory,
      control: { host: '127.0.0.1', port: 0, tokenFile },
      outage: { sustainedMs, maxGapMs: 100 },
      probeEveryMs: 10,
      silentAfterMs: 150,
      preallocateBytes: 1024 * 1024,
      unknownAfterMs: 600,
    },
    () => {},
  );
  await generator.start();
  const control = LineExchange.open('control', { host: '127.0.0.1', port: generator.controlPort });
  context.after(async () => {
    await generator.stop();
    control.close();
    await north.close();
    await south.close();
    rmSync(directory, { recursive: true, force: true });
  });
  let id = 0;
  const call = async <Result>(method: string, params: object = {}): Promise<Result> => {
    id += 1;
    const answer = await control.ask({ id, method, params }, 15_000);
    if (answer['ok'] !== true) throw new Error(JSON.stringify(answer['error']));
    return answer['result'] as Result;
  };
  await call('hello', { token: 'secret' });
  await until('orders are acknowledged', () => north.requests.size > 700);
  const ledger = async (): Promise<LedgerRecord[]> => {
    const records: LedgerRecord[] = [];
    await new LedgerReader(join(directory, 'orders.ledger')).read((record) => records.push(record));
    return records;
  };
  return { north, south, call, ledger };
};

const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** The outage, and the moment at which it was known to be over. How exactly it is measured is the matter of `outage.test.ts`. */
const measured = async (world: World, name: string): Promise<{ report: WindowReport; knownAt: number }> => {
  let report = await world.call<WindowReport>('report', { name });
  await until(`the outage ${name} is over`, async () => {
    report = await world.call<WindowReport>('report', { name });
    return report.state === 'interrupted';
  });
  return { report, knownAt: performance.now() };
};

/** The second site takes over after a while; returns the moment at which it did. */
const failOver = async ({ north, south }: World, afterMs: number): Promise<number> => {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  south.takeOver(north);
  south.primary = true;
  return performance.now();
};

test('a crashed engine is an outage until another site acknowledges, measured from acknowledgement to acknowledgement', async (context) => {
  const world = await start(context);
  await world.call('mark', { name: 'crash' });
  const crashedAt = performance.now();
  world.north.primary = false;
  world.north.cutConnections();
  await until('what it had answered before is read, and nobody has a session', async () =>
    Object.values(await sessions(world)).every((each) => each === null),
  );
  const goneAt = performance.now();
  const takenOverAt = await failOver(world, 300);
  const { report, knownAt } = await measured(world, 'crash');
  const [atLeastMs, atMostMs] = [takenOverAt - goneAt, knownAt - sustainedMs - crashedAt];
  assert.ok(report.outageMs! >= atLeastMs, `${report.outageMs} ms: at least ${atLeastMs} ms passed without an engine`);
  assert.ok(report.outageMs! <= atMostMs + 100, `${report.outageMs} ms: it was over after ${atMostMs} ms`);
  assert.ok(report.resolutionMs > 0);
  assert.equal(report.generatorStalled, report.resolutionMs > 10);
  assert.equal(report.commitState, 'no-service-before');
});

test('an engine that falls silent without closing anything is left for one that answers, and what was asked of it is resolved', async (context) => {
  const world = await start(context);
  await world.call('mark', { name: 'freeze' });
  const frozenAt = performance.now();
  world.north.frozen = true;
  await failOver(world, 300);
  const { report, knownAt } = await measured(world, 'freeze');
  assert.ok(report.outageMs! <= knownAt - sustainedMs - frozenAt + 100, `${report.outageMs} ms`);
  assert.ok(report.ordersUnknown > 0);
  await world.call('pause');
  await until('every unknown is resolved in the ledger', async () => {
    const open = new Set<string>();
    for (const record of await world.ledger()) {
      if (record.k === 'unknown') open.add(record.id);
      else if (answers.has(record.k) && 'id' in record) open.delete(record.id);
    }
    return open.size === 0;
  });
});

const answers: ReadonlySet<string> = new Set(['acked', 'rejected', 'resolved-acked', 'resolved-absent']);

test('answers that are lost are asked for again and found', async (context) => {
  const world = await start(context);
  world.north.mute = true;
  const stored = world.north.requests.size;
  await until('orders are stored without an answer', () => world.north.requests.size > stored + 100);
  world.north.mute = false;
  await until('they are resolved as acknowledged', async () => {
    const { orders } = await world.call<{ orders: { resolvedAcked: number } }>('status');
    return orders.resolvedAcked >= 100;
  });
});

test('a thawed engine of an older epoch is not used again', async (context) => {
  const world = await start(context);
  world.north.frozen = true;
  await failOver(world, 0);
  await until('the second site is used', async () =>
    Object.values(await sessions(world)).every((each) => each?.startsWith('south/') === true),
  );
  world.north.frozen = false;
  world.south.primary = false;
  world.south.cutConnections();
  await until('the old one was refused', async () => {
    const { orders } = await world.call<{ orders: { staleLogons: number } }>('status');
    return orders.staleLogons > 0;
  });
  assert.deepEqual(Object.values(await sessions(world)), [null, null]);
});

const sessions = async (world: World): Promise<Record<string, string | null>> => {
  const { orders } = await world.call<{ orders: { sessions: Record<string, string | null> } }>('status');
  return orders.sessions;
};

test('every request at the engine has an intent that was written before', async (context) => {
  const world = await start(context);
  await world.call('pause');
  const atEngine = new Set(world.north.requests.keys());
  const records = await world.ledger();
  const intended = new Set(
    records.flatMap((record) => (['new', 'cancel', 'replace'].includes(record.k) && 'id' in record ? [record.id] : [])),
  );
  assert.deepEqual(
    [...atEngine].filter((id) => !intended.has(id)),
    [],
  );
  for (const kind of ['fill', 'cancelled', 'replaced'])
    assert.ok(
      records.some(({ k }) => k === kind),
      kind,
    );
});

test('cancels are counted apart, as sent and as acknowledged', async (context) => {
  const world = await start(context);
  await world.call('mark', { name: 'cancels' });
  await until('cancels are sent and acknowledged', async () => {
    const report = await world.call<WindowReport>('report', { name: 'cancels' });
    return report.cancelsSent > 0 && report.cancelsAcked > 0 && report.ordersAcked > report.cancelsAcked;
  });
  const { orders } = await world.call<{ orders: Readonly<Record<string, number>> }>('status');
  assert.ok(orders['cancelsAcked']! <= orders['cancelsSent']!, JSON.stringify(orders));
  assert.ok(orders['cancelsSent']! < orders['sent']!, JSON.stringify(orders));
});

test('a deliberate pause is no outage, and the report says that there was one', async (context) => {
  const world = await start(context);
  await until('service has been sustained', () => world.north.requests.size > 1000);
  const pausedOnce = async (name: string): Promise<WindowReport> => {
    await world.call('mark', { name });
    await world.call('pause');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await world.call('resume');
    const stored = world.north.requests.size;
    await until('orders flow again', () => world.north.requests.size > stored + 100);
    const report = await world.call<WindowReport>('report', { name });
    assert.equal(report.paused, true);
    return report;
  };
  // A machine that stands still for a moment is an interruption beside the pause: then it is tried again.
  let time = 0;
  let report: WindowReport;
  await until('a pause is the only thing in its window', async () => {
    time += 1;
    report = await pausedOnce(`pause ${time}`);
    return report.state === 'served' && report.interruptions === 0;
  }).catch((error: Error) => assert.fail(`${error.message}: ${JSON.stringify(report)}`));
});

test('the control port says nothing without the token', async (context) => {
  const world = await start(context);
  const { port } = await world.call<{ port: number }>('status');
  const stranger = LineExchange.open('stranger', { host: '127.0.0.1', port });
  const answer = await stranger.ask({ id: 1, method: 'status', params: {} }, 15_000);
  assert.equal((answer['error'] as { code: string }).code, 'unauthorized');
  await assert.rejects(stranger.ask({ id: 2, method: 'hello', params: { token: 'secret' } }, 300));
  stranger.close();
});
