import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import type { Reconciliation } from '../../trading/reconcile/reconciliation.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { OrderStream } from '../../trading/testing/order-stream.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { REPORT, WIRE_REASONS, WIRE_REPORT_KINDS } from '../../trading/venue-protocol/layout.ts';
import { AlteringRelay } from './altering-relay.ts';
import { reconciled, startKeeper, toldBreaks } from './stack-books.ts';

const CLEAN_RUNS = Number(process.env['HOLDFAST_CLEAN_RUNS'] ?? 5);
const told = ({ breaks }: Reconciliation): string[] => toldBreaks(breaks);

type Fill = JsonRecord & { readonly id: string; readonly exec: string; readonly price: number; readonly qty: number };

/** Books of engine, position keeper and exchange, each a process of its own; the lines between them are altered. */
test('the eight kinds of break, planted in real books', { timeout: 240_000 }, async (suite) => {
  let world: TradingWorld;
  let engine: EngineUnderTest;
  let toExchange: AlteringRelay;
  let toEngine: AlteringRelay;
  let config = '';
  let stream: OrderStream;
  const planted: string[] = [];

  const keeperBeside = async (instance: string): Promise<string> => {
    const engines = [{ host: '127.0.0.1', port: engine.process.port('orders') }];
    const follows = [{ host: '127.0.0.1', port: toEngine.port }];
    const venues = [{ name: 'exchange', host: '127.0.0.1', port: world.venue.port('venue'), firm: 'ACME' }];
    return (await startKeeper(world, { instance, engines, follows, databases: [], venues })).config;
  };
  /** The journal as subscribers get it. */
  const entries = async (): Promise<JsonRecord[]> => {
    const client = await LineClient.open(engine.process.port('orders'));
    client.send({ t: 'subscribe', after: 0 });
    const { sequence } = (await engine.status()).position;
    await waitUntil('all entries are there', () =>
      client.received.some(({ t, seq }) => t === 'entry' && seq === sequence),
    );
    client.close();
    return client.received.filter(({ t }) => t === 'entry');
  };

  before(async () => {
    world = await TradingWorld.open({ fillShare: 0.6 });
    toExchange = await AlteringRelay.open(world.venue.port('binary'), 'binary');
    world.onClose(() => toExchange.close());
    engine = await world.engine('a', { venue: { port: toExchange.port, firm: 'ACME' } });
    await engine.promote(1, []);
    await untilReleasing(engine);
    toEngine = await AlteringRelay.open(engine.process.port('orders'), 'lines');
    world.onClose(() => toEngine.close());
    config = await keeperBeside('honest');
    stream = new OrderStream(await engine.client('c1'), { prefix: 'flow', ordersPerSecond: 200 });
    await waitUntil('orders are filled', () => stream.filled.size > 60);
  });
  after(async () => {
    stream.stop();
    await world.close();
  });

  await suite.test(`none is found in ${CLEAN_RUNS} runs while orders flow`, async () => {
    for (let run = 1; run <= CLEAN_RUNS; run++) {
      const found = await reconciled(config);
      assert.deepEqual([found.verdict, told(found), found.reasons], ['clean', [], []], `run ${run}`);
    }
  });

  await suite.test(
    'timing: what is on its way to a book is seen, is gone when looked at again, and is no break',
    async () => {
      toEngine.hold(true);
      const before = stream.filled.size;
      await waitUntil('more is filled than the keeper knows', () => stream.filled.size > before + 10);
      const running = reconciled(config);
      // Long enough that the first look has been, and well within the settle window.
      setTimeout(() => toEngine.hold(false), 700);
      const found = await running;
      assert.deepEqual([found.verdict, told(found)], ['clean', []]);
      const { settled, inFlight } = found.timing;
      assert.ok(settled.length + inFlight.length > 0 && settled.every(({ kind }) => kind === 'timing'));
    },
  );

  await suite.test('stale state: the engine is told that a cancel was refused, which took effect', async () => {
    let target: string | null = null;
    const { kind, id, target: about, reason } = REPORT.fields;
    toExchange.alterFrame = (frame) => {
      const isCancelled = frame[2] === REPORT.type && frame[kind[0]] === WIRE_REPORT_KINDS.indexOf('cancelled');
      if (target !== null || !isCancelled || frame[id[0]] === 0) return;
      frame[kind[0]] = WIRE_REPORT_KINDS.indexOf('cancel-rejected');
      frame[reason[0]] = WIRE_REASONS.indexOf('too-late');
      target = frame.toString('latin1', about[0], about[0] + 32).replace(/\0+$/, '');
    };
    await waitUntil('an order was cancelled', () => target !== null);
    stream.stop();
    await waitUntil('the exchange has answered', async () => (await engine.status()).business.inDoubt === 0);
    planted.push(`stale-state engine ${target}`);
    assert.deepEqual(told(await reconciled(config)), planted);
  });

  await suite.test('unknown here: an order that reached the exchange past the engine', async () => {
    const intruder = await LineClient.open(world.venue.port('venue'));
    intruder.send({ t: 'logon', firm: 'ACME', session: 'intruder', epoch: 1 });
    await intruder.expect(({ t }) => t === 'logon-ok');
    intruder.send({ t: 'new', id: 'ghost', symbol: 'ELSEWHERE', side: 'B', price: 1, qty: 3 });
    await waitUntil('the exchange has it', async () => (await world.dropCopy()).some(({ id }) => id === 'ghost'));
    intruder.close();
    planted.push('unknown-here engine ghost');
    const filled = (await world.dropCopy()).some(({ kind, id }) => kind === 'fill' && id === 'ghost');
    if (filled) planted.push('unknown-here positions ghost');
    assert.deepEqual(told(await reconciled(config)), planted.toSorted());
  });

  await suite.test(
    'missing fill, duplicate, wrong side, wrong quantity, unknown there: all in one keeper',
    async () => {
      const all = await entries();
      const byOrder = Map.groupBy(
        all.filter((entry): entry is Fill => entry.kind === 'fill'),
        ({ id }) => id,
      );
      // Orders of one execution each, so that each is off by exactly what was planted.
      const single = [...byOrder.values()].flatMap((fills) => (fills.length === 1 ? [fills[0]!] : []));
      const spare = all.filter(({ kind }) => kind === 'accepted').map(({ seq }) => seq as number);
      const [missing, twice, turned, wrong, forged] = single;
      const place = spare.find((seq) => seq > (twice!.seq as number))!;
      const invented = spare.find((seq) => seq > Math.max(place, forged!.seq as number))!;
      const instead = new Map<unknown, object>();
      const nothing = { kind: 'test', id: 'nothing' };
      const entryOf = (kind: string, id: string): JsonRecord =>
        all.find((each) => each.kind === kind && each.id === id)!;
      const replace = (entry: JsonRecord, by: object): void => {
        instead.set(entry.seq, { t: 'entry', seq: entry.seq, epoch: entry.epoch, ...by });
      };
      const at = (seq: number): JsonRecord => all.find((each) => each.seq === seq)!;
      const { id, price, qty, exec } = twice!;
      replace(missing!, nothing);
      replace(at(place), { kind: 'fill', id, exec: `${exec}-again`, price, qty });
      const order = entryOf('order', turned!.id);
      replace(order, { ...order, side: order.side === 'B' ? 'S' : 'B' });
      replace(wrong!, { ...wrong, qty: wrong!.qty + 150 });
      replace(at(invented), { kind: 'fill', id: forged!.id, exec: 'invented', price: forged!.price + 1, qty: 77 });
      toEngine.alter = (message) => instead.get(message.t === 'entry' ? message.seq : null) ?? message;

      const found = await reconciled(await keeperBeside('misled'));
      assert.deepEqual(
        told(found),
        [
          ...planted,
          `missing-fill positions ${missing!.id}`,
          `duplicate positions ${id}`,
          `wrong-side positions ${turned!.id}`,
          `wrong-quantity positions ${wrong!.id}`,
          `unknown-there positions ${forged!.id}`,
        ].toSorted(),
      );
      // Each is explained by the executions in question, and the large one calls somebody.
      for (const each of found.breaks) if (each.book === 'positions') assert.ok(each.fills.length > 0, each.what);
      assert.equal(found.breaks.find(({ kind }) => kind === 'wrong-quantity')?.severity, 'alert');
      toEngine.alter = (message) => message;
      assert.deepEqual(
        told(await reconciled(config)),
        planted.toSorted(),
        'the keeper that was told the truth agrees still',
      );
    },
  );
});
