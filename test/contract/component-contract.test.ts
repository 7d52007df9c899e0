import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { type ContractGround, type ContractSubject, componentContract } from './component-contract.ts';

class TradingGround implements ContractGround {
  readonly #world: TradingWorld;
  readonly #kind: 'engine' | 'front';
  readonly #clients: LineClient[] = [];
  readonly #orderPorts = new Map<ContractSubject, number>();
  #orders = 0;

  constructor(world: TradingWorld, kind: 'engine' | 'front') {
    this.#world = world;
    this.#kind = kind;
  }

  async start(instance: string): Promise<ContractSubject> {
    const { process, replicationAddress } =
      this.#kind === 'engine' ? await this.#engine(instance) : await this.#front(instance);
    const subject: ContractSubject = {
      instance,
      host: '127.0.0.1',
      port: process.port('control'),
      token: this.#world.token,
      replicationAddress,
      kill: () => process.kill(),
      restart: () => this.start(instance),
    };
    this.#orderPorts.set(subject, process.port('orders'));
    return subject;
  }

  async write(subject: ContractSubject, deadlineMs: number): Promise<'acknowledged' | 'refused' | 'no-answer'> {
    const client = await LineClient.open(this.#orderPorts.get(subject) ?? 0);
    this.#clients.push(client);
    const id = `order-${++this.#orders}`;
    client.send({ t: 'logon', client: 'contract' }, { t: 'new', id, symbol: 'XYZ', side: 'B', price: 100, qty: 5 });
    const answered = await client
      .expect((message) => message.id === id || message.code === 'not-primary', deadlineMs)
      .catch(() => null);
    if (answered === null) return 'no-answer';
    return answered.t === 'ack' ? 'acknowledged' : 'refused';
  }

  acknowledged(): number {
    return this.#clients.filter((client) => client.received.some((message) => message.t === 'ack')).length;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#world.close();
  }

  async #engine(instance: string) {
    const engine = await this.#world.engine(instance);
    return { process: engine.process, replicationAddress: engine.replicationAddress };
  }

  async #front(instance: string) {
    mkdirSync(join(this.#world.directory, instance), { recursive: true });
    const config = this.#world.write(instance, {
      instance,
      dataDir: instance,
      control: { port: 0, tokenFile: 'token' },
      services: { orders: { port: 0 } },
    });
    const process = await TradingProcess.start('front', [config]);
    this.#world.onClose(() => process.kill());
    return { process, replicationAddress: null };
  }
}

componentContract({
  component: 'reference engine',
  parts: { primary: true, replication: true, testOrder: true, route: false },
  ground: async () => new TradingGround(await TradingWorld.open(), 'engine'),
});

componentContract({
  component: 'reference front',
  parts: { primary: false, replication: false, testOrder: false, route: true },
  ground: async () => new TradingGround(await TradingWorld.open(), 'front'),
});
