import { after } from 'node:test';
import { postgresAvailable, ThrowawayPostgres } from '../../trading/oms/throwaway-postgres.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { RiskUnderTest } from '../../trading/testing/risk-under-test.ts';
import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { type ContractGround, type ContractSubject, componentContract } from './component-contract.ts';
import { WritelessGround } from './writeless-ground.ts';

/** One server for all tests, a database of its own for each. */
let postgres: Promise<ThrowawayPostgres> | null = null;
let databases = 0;
const newDatabase = async () => {
  postgres ??= ThrowawayPostgres.start();
  const server = await postgres;
  const database = `ground_${++databases}`;
  await server.query(`CREATE DATABASE ${database}`);
  return { ...server.address, database };
};
after(async () => (await postgres)?.close());

/** A risk engine's writes are changes of its rules. */
class RiskGround implements ContractGround {
  readonly #world: TradingWorld;
  readonly #database: Awaited<ReturnType<typeof newDatabase>>;
  readonly #clients: LineClient[] = [];
  readonly #ports = new Map<ContractSubject, number>();
  #changes = 0;

  constructor(world: TradingWorld, database: Awaited<ReturnType<typeof newDatabase>>) {
    this.#world = world;
    this.#database = database;
  }

  async start(instance: string): Promise<ContractSubject> {
    const { process } = await RiskUnderTest.start(this.#world, { instance, database: this.#database, enginePorts: [] });
    const subject: ContractSubject = {
      instance,
      host: '127.0.0.1',
      port: process.port('control'),
      token: this.#world.token,
      replicationAddress: null,
      kill: () => process.kill(),
      restart: () => this.start(instance),
    };
    this.#ports.set(subject, process.port('risk'));
    return subject;
  }

  async write(subject: ContractSubject, deadlineMs: number): Promise<'acknowledged' | 'refused' | 'no-answer'> {
    const client = await LineClient.open(this.#ports.get(subject) ?? 0);
    this.#clients.push(client);
    const rule = { scope: 'client', name: `c${++this.#changes}`, limits: { maxPosition: 5 } };
    client.send({ t: 'change', token: 'a-risk-token', by: 'contract', reason: 'a test', ...rule });
    const answered = await client.expect(() => true, deadlineMs).catch(() => null);
    if (answered === null) return 'no-answer';
    return answered.t === 'changed' ? 'acknowledged' : 'refused';
  }

  acknowledged(): number {
    return this.#clients.filter((client) => client.received.some((message) => message.t === 'changed')).length;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#world.close();
  }
}

if (postgresAvailable)
  componentContract({
    component: 'risk engine',
    parts: { primary: true, replication: false, testOrder: true, route: false, trading: false, log: false },
    ground: async () => {
      const [world, database] = await Promise.all([TradingWorld.open(), newDatabase()]);
      return new RiskGround(world, database);
    },
  });

componentContract({
  component: 'position keeper',
  parts: { primary: false, replication: false, testOrder: false, route: false },
  ground: async () =>
    new WritelessGround(await TradingWorld.open(), 'positions', {
      listen: { host: '127.0.0.1', port: 0 },
      engines: [],
    }),
});
