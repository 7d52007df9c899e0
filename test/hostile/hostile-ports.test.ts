import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { OrderStream } from '../../trading/testing/order-stream.ts';
import { type EngineUnderTest, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import * as dialects from './dialects.ts';
import { BEHAVIOURS, type Behaviour, type Dialect, HostilePeer } from './hostile-peer.ts';
import { figuresOf, forgetPeak } from './process-figures.ts';
import { SteadyMember } from './steady-member.ts';

const SEED = Number(process.env['HOLDFAST_HOSTILE_SEED'] ?? 20_261_121);
/** Connections to each port. */
const CONNECTIONS = Number(process.env['HOLDFAST_HOSTILE_CONNECTIONS'] ?? 45);
const AT_ONCE = 9;
/** What a process may need for strangers beside what it had: buffers of its sockets, answers under way, and garbage. */
const MOST_GROWTH_MB = 160;
/** Descriptors of members that come and go meanwhile; the exchange opens a file for each new firm. */
const MOST_DESCRIPTORS_MORE = 8;
/** Of a well-behaved session, on a machine that does other things as well. */
const MOST_LATENCY_MS = 3000;

/** The same numbers for the same seed. */
const draws = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

interface Port {
  readonly name: string;
  readonly dialect: Dialect;
  readonly port: () => number;
  readonly process: () => TradingProcess;
}

test('hostile input on every port of the trading stack', { timeout: 600_000 }, async (suite) => {
  let world: TradingWorld;
  let engine: EngineUnderTest;
  let keeper: TradingProcess;
  let oms: TradingProcess;
  let front: TradingProcess;
  const members: SteadyMember[] = [];
  const frontPort = (): number => (front.listening['services'] as Readonly<Record<string, number>>)['orders']!;

  before(async () => {
    const any = { port: 0 };
    world = await TradingWorld.open({
      fillShare: 0.1,
      venue: { binary: any, marketData: { feedA: 0, feedB: 0, recovery: 0 }, selfTrade: 'pass' },
    });
    const [a, b] = await Promise.all(
      ['a', 'b'].map((name) => world.engine(name, { replication: { port: 0, tokenFile: 'token' } })),
    );
    engine = a!;
    await engine.promote(1, ['b'], 3_600_000);
    await b!.follow(1, engine);
    await untilReleasing(engine);
    const engines = [{ host: '127.0.0.1', port: engine.process.port('orders') }];
    const control = { host: '127.0.0.1', port: 0, tokenFile: 'token' };
    const address = { host: '127.0.0.1', port: 0 };
    mkdirSync(`${world.directory}/oms`);
    const database = { host: '127.0.0.1', port: 1, user: 'nobody', passwordFile: 'token', database: 'none' };
    [keeper, oms, front] = await Promise.all([
      TradingProcess.start('positions', [world.write('positions', { instance: 'keeper', engines, listen: address })]),
      TradingProcess.start('oms', [
        world.write('oms', { instance: 'oms', dataDir: 'oms', control, engines, database }),
      ]),
      TradingProcess.start('front', [
        world.write('front', { instance: 'front', site: 'x', dataDir: 'front', control, services: { orders: any } }),
      ]),
    ]);
    for (const each of [keeper, oms, front]) world.onClose(() => each.kill());
    const agent = await world.control(front.port('control'), 'front');
    world.onClose(async () => agent.close());
    const routed = await agent.call('route', {
      epoch: 1,
      routes: { orders: `127.0.0.1:${engine.process.port('orders')}` },
    });
    assert.equal(routed.kind, 'ok');
    // Books of some size, so that asking for all of them costs something.
    const stream = new OrderStream(await engine.client('load'), { prefix: 'load', ordersPerSecond: 3000 });
    await waitUntil('there are books', () => stream.acknowledged.size > 4000);
    stream.stop();
    members.push(await SteadyMember.ofEngine(frontPort()));
    members.push(await SteadyMember.ofExchange(world.venue.port('venue')));
  });
  after(async () => {
    for (const member of members) member.stop();
    await world.close();
  });

  const ports: readonly Port[] = [
    {
      name: 'engine, orders, lines',
      dialect: dialects.engineText,
      port: () => engine.process.port('orders'),
      process: () => engine.process,
    },
    {
      name: 'engine, orders, binary',
      dialect: dialects.engineBinary,
      port: () => engine.process.port('orders'),
      process: () => engine.process,
    },
    {
      name: 'engine, replication',
      dialect: dialects.replication,
      port: () => engine.process.port('replication'),
      process: () => engine.process,
    },
    {
      name: 'engine, control',
      dialect: dialects.control,
      port: () => engine.process.port('control'),
      process: () => engine.process,
    },
    {
      name: 'exchange, lines',
      dialect: dialects.exchangeText,
      port: () => world.venue.port('venue'),
      process: () => world.venue,
    },
    {
      name: 'exchange, binary',
      dialect: dialects.exchangeBinary,
      port: () => world.venue.port('binary'),
      process: () => world.venue,
    },
    {
      name: 'exchange, recovery of market data',
      dialect: dialects.recovery,
      port: () => world.venue.port('recovery'),
      process: () => world.venue,
    },
    { name: 'position keeper', dialect: dialects.keeper, port: () => keeper.port('positions'), process: () => keeper },
    {
      name: 'order management, control',
      dialect: dialects.control,
      port: () => oms.port('control'),
      process: () => oms,
    },
    { name: 'front, orders', dialect: dialects.engineText, port: () => frontPort(), process: () => front },
    { name: 'front, control', dialect: dialects.control, port: () => front.port('control'), process: () => front },
  ];

  for (const [index, { name, dialect, port, process: attacked }] of ports.entries())
    await suite.test(name, async (context) => {
      const { pid } = attacked();
      const draw = draws(SEED + index);
      const before = figuresOf(pid);
      forgetPeak(pid);
      for (const member of members) member.forget();
      const counts: Record<string, number> = {};
      const codes: Record<string, number> = {};
      const count = (in_: Record<string, number>, what: string): void => {
        in_[what] = (in_[what] ?? 0) + 1;
      };
      for (let at = 0; at < CONNECTIONS; at += AT_ONCE) {
        const wave = Array.from(
          { length: Math.min(AT_ONCE, CONNECTIONS - at) },
          (_, each): Behaviour => BEHAVIOURS[(at + each) % BEHAVIOURS.length]!,
        );
        const peers = await Promise.all(
          wave.map(async (behaviour) => {
            const peer = await HostilePeer.open({ host: '127.0.0.1', port: port() });
            const outcome = await peer.behave(behaviour, dialect, draw);
            count(counts, outcome.kind);
            for (const code of outcome.codes) count(codes, code);
            return peer;
          }),
        );
        for (const peer of peers) peer.close();
      }
      await waitUntil(
        'what strangers held open is given back',
        () => figuresOf(pid).descriptors <= before.descriptors + MOST_DESCRIPTORS_MORE,
      );
      const after = figuresOf(pid);
      const growth = { residentMb: after.residentMb - before.residentMb, peakMb: after.peakMb - before.residentMb };
      const latency = members.map((member) => member.latency());
      context.diagnostic(
        JSON.stringify({
          connections: CONNECTIONS,
          ...counts,
          codes,
          ...growth,
          descriptors: after.descriptors - before.descriptors,
          latency,
        }),
      );
      assert.ok(growth.peakMb < MOST_GROWTH_MB, `${growth.peakMb} MB more at the worst`);
      for (const member of members) await member.proven();
      for (const { mostMs } of latency) assert.ok(mostMs < MOST_LATENCY_MS, `a good session waited ${mostMs} ms`);
      const { role, epoch } = await engine.status();
      assert.deepEqual([role, epoch], ['primary', 1]);
    });

  await suite.test('nobody is left out, and the books are whole', async () => {
    const { business, releasing } = await engine.status();
    assert.equal(releasing, true);
    assert.equal(business.breaks, 0);
    const client = await LineClient.open(world.venue.port('venue'));
    client.send({ t: 'counters' });
    const { firms } = await client.expect(({ t }) => t === 'counters');
    const acme = (firms as Readonly<Record<string, { readonly staleWritesAccepted: number; readonly epoch: number }>>)[
      'ACME'
    ];
    assert.deepEqual([acme?.staleWritesAccepted, acme?.epoch], [0, 1]);
    client.close();
  });
});
