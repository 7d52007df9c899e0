import { mkdirSync, writeFileSync } from 'node:fs';
import type { ControlClient } from '../../trading/control/control-client.ts';
import { encodeSent } from '../../trading/engine/binary-protocol.ts';
import { postgresAvailable, ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import { isOpen } from '../../trading/testing/agreement.ts';
import { BinaryClient } from '../../trading/testing/binary-client.ts';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { OrderStream } from '../../trading/testing/order-stream.ts';
import { RiskUnderTest } from '../../trading/testing/risk-under-test.ts';
import { type EngineUnderTest, leaseIn, TradingWorld, untilReleasing } from '../../trading/testing/trading-world.ts';
import { waitUntil } from '../../trading/testing/wait-until.ts';
import { RecordingRelay } from './recording-relay.ts';

/** Callers of whom sessions are recorded. */
export type Recorded = 'lines' | 'client' | 'exchange' | 'fix' | 'control' | 'replication' | 'recovery';

const LOCAL = { host: '127.0.0.1', port: 0 };
const LEASE_MS = 3_600_000;
/** Of the firm whose recorded sessions are altered: what they raise or enter is nobody else's. */
const FIRM = 'FUZZED';

/**
 * Every process of the trading stack that listens, each at work. Beside the pair that trades, one more engine whose tokens and epochs
 * strangers may have: what was recorded of it is true.
 */
export class AttackedStack {
  readonly world: TradingWorld;
  readonly engine: EngineUnderTest;
  readonly #spare: EngineUnderTest;
  readonly #services = new Map<string, TradingProcess>();
  readonly #relays = new Map<Recorded, RecordingRelay>();
  readonly #postgres: ThrowawayPostgres | null;

  private constructor(options: {
    world: TradingWorld;
    engine: EngineUnderTest;
    spare: EngineUnderTest;
    postgres: ThrowawayPostgres | null;
  }) {
    this.world = options.world;
    this.engine = options.engine;
    this.#spare = options.spare;
    this.#postgres = options.postgres;
  }

  static async open(): Promise<AttackedStack> {
    const any = { port: 0 };
    const [world, postgres] = await Promise.all([
      TradingWorld.open({
        fillShare: 0.1,
        venue: {
          binary: any,
          fix: { port: 0, sessions: { [FIRM]: {} } },
          marketData: { feedA: 0, feedB: 0, recovery: 0 },
          selfTrade: 'pass',
        },
      }),
      postgresAvailable ? ThrowawayPostgres.start() : null,
    ]);
    const settings = (firm: string) => ({
      replication: { port: 0, tokenFile: 'token' },
      venue: { port: world.venue.port('binary'), firm },
    });
    const [engine, standby, spare] = await Promise.all([
      world.engine('a', settings('ACME')),
      world.engine('b', settings('ACME')),
      world.engine('spare', settings('SPARE')),
    ]);
    const stack = new AttackedStack({ world, engine, spare, postgres });
    try {
      await engine.promote(1, ['b'], LEASE_MS);
      await standby.follow(1, engine);
      await untilReleasing(engine);
      await stack.#startServices();
      await stack.#record();
      // Books of some size, so that asking for all of them costs something.
      const stream = new OrderStream(await engine.client('load'), { prefix: 'load', ordersPerSecond: 3000 });
      await waitUntil('there are books', () => stream.acknowledged.size > 4000);
      stream.stop();
      return stack;
    } catch (error) {
      await stack.close();
      throw error;
    }
  }

  get frontPort(): number {
    return (this.service('front').listening['services'] as Readonly<Record<string, number>>)['orders']!;
  }

  get spare(): EngineUnderTest {
    return this.#spare;
  }

  service(name: string): TradingProcess {
    return this.#services.get(name)!;
  }

  /** What callers of this kind really said, by connection. */
  recorded(name: Recorded): readonly Buffer[] {
    return this.#relays.get(name)?.sessions ?? [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()));
    await this.world.close();
    await this.#postgres?.close();
  }

  async #start(name: string, config: object): Promise<ControlClient> {
    const { world } = this;
    const control = { ...LOCAL, tokenFile: 'token' };
    const file = world.write(name, { instance: name, dataDir: `${name}-data`, control, ...config });
    mkdirSync(`${world.directory}/${name}-data`, { recursive: true });
    const process = await TradingProcess.start(name, [file]);
    world.onClose(() => process.kill());
    this.#services.set(name, process);
    const client = await world.control(process.port('control'), name);
    world.onClose(async () => client.close());
    return client;
  }

  async #startServices(): Promise<void> {
    const { world, engine } = this;
    const engines = [{ host: '127.0.0.1', port: engine.process.port('orders') }];
    const nowhere = { host: '127.0.0.1', port: 1, user: 'nobody', password: '', database: 'none' };
    const { password: _, ...database } = this.#postgres?.address ?? nowhere;
    writeFileSync(`${world.directory}/password`, 'unused\n', { mode: 0o600 });
    const recovery = await this.#relay('recovery', world.venue.port('recovery'));
    const feed = (port: string) => ({ host: '127.0.0.1', port: world.venue.port(port) });
    const [oms, front] = await Promise.all([
      this.#start('oms', { engines, database: { ...database, passwordFile: 'password' }, queries: LOCAL }),
      this.#start('front', { site: 'x', services: { orders: { port: 0 } } }),
      this.#start('market-data', {
        publish: LOCAL,
        venues: [
          {
            name: 'venue',
            feedA: feed('feedA'),
            feedB: feed('feedB'),
            recovery: { host: '127.0.0.1', port: recovery.port },
          },
        ],
      }),
      this.#start('positions', { engines, listen: LOCAL }),
    ]);
    const route = { epoch: 1, routes: { orders: `127.0.0.1:${engine.process.port('orders')}` } };
    await must(front, 'route', route);
    const reign = { epoch: 1, leaseUntilNs: leaseIn(LEASE_MS), ackSet: [], tradingEnabled: true };
    // Without a database they say that they are not primary, to everything.
    if (this.#postgres !== null) await must(oms, 'promote', reign);
    const enginePorts = [engine.process.port('orders')];
    const risk = await RiskUnderTest.start(world, {
      instance: 'risk',
      database: this.#postgres?.address ?? nowhere,
      enginePorts,
    });
    this.#services.set('risk', risk.process);
    if (this.#postgres !== null) await risk.promote(1, LEASE_MS);
  }

  async #relay(name: Recorded, port: number): Promise<RecordingRelay> {
    const relay = await RecordingRelay.open(port);
    this.#relays.set(name, relay);
    return relay;
  }

  /** What clients, engines, replicas and agents really say. */
  async #record(): Promise<void> {
    const { world, engine } = this;
    const orders = engine.process.port('orders');
    const lines = await LineClient.open((await this.#relay('lines', orders)).port);
    const terms = { symbol: 'SYM0', side: 'B', price: 5, qty: 4 };
    lines.send({ t: 'logon', client: 'recorded' }, { t: 'new', id: 'rl1', ...terms });
    lines.send({ t: 'replace', id: 'rl2', target: 'rl1', price: 6, qty: 7 }, { t: 'cancel', id: 'rl3', target: 'rl1' });
    lines.send({ t: 'query', ids: ['rl1'] }, { t: 'query-all', after: 0, limit: 5 }, { t: 'subscribe', after: 0 });
    await lines.expect(({ t }) => t === 'subscribe-ok');
    lines.close();
    const client = await BinaryClient.open((await this.#relay('client', orders)).port);
    client.send(encodeSent({ t: 'logon', client: 'recorded' }));
    client.send(encodeSent({ t: 'new', id: 'rb1', symbol: 'SYM0', side: 'S', price: 5, qty: 4, tif: 'gtc' }));
    client.send(encodeSent({ t: 'replace', id: 'rb2', target: 'rb1', price: 6, qty: 7 }));
    client.send(encodeSent({ t: 'cancel', id: 'rb3', target: 'rb1' }), encodeSent({ t: 'query', id: 'rb1' }));
    await client.expect(({ t }) => t === 'order');
    client.close();

    // One engine trades over each protocol of the exchange in turn; then it stays, with a replica.
    const exchange = await this.#relay('exchange', world.venue.port('binary'));
    const fix = await this.#relay('fix', world.venue.port('fix'));
    for (const [at, venue] of [
      { port: exchange.port, firm: FIRM },
      { port: fix.port, firm: FIRM, fix: {} },
    ].entries()) {
      const trader = await world.engine('trader', { venue });
      await trader.promote(at + 1, [], LEASE_MS);
      await isOpen(trader);
      const flow = new OrderStream(await trader.client('flow'), { prefix: `f${at}`, ordersPerSecond: 200 });
      await waitUntil('orders are acknowledged', () => flow.acknowledged.size > 40);
      flow.stop();
      await trader.end();
    }
    const spare = this.#spare;
    const replica = await world.engine('replica', { replication: { port: 0, tokenFile: 'token' } });
    const control = await this.#relay('control', spare.process.port('control'));
    const replication = await this.#relay('replication', spare.process.port('replication'));
    await spare.promote(1, ['replica'], LEASE_MS);
    const upstream = { instance: 'spare', address: `127.0.0.1:${replication.port}` };
    await replica.must('follow', { epoch: 1, upstream, mode: 'sync' });
    await untilReleasing(spare);
    const agent = await world.control(control.port, 'spare');
    for (const method of ['status', 'position', 'takeover']) await agent.call(method, {}, 30_000);
    agent.close();
    await replica.end();
  }
}

const must = async (client: ControlClient, method: string, params: object): Promise<void> => {
  const outcome = await client.call(method, params, 30_000);
  if (outcome.kind !== 'ok') throw new Error(`${method}: ${JSON.stringify(outcome)}`);
};
