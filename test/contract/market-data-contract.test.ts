import { TradingProcess } from '../../trading/testing/child-process.ts';
import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { type ContractGround, type ContractSubject, componentContract } from './component-contract.ts';

/** Market data without an exchange: what the contract says of everybody holds without one. */
class MarketDataGround implements ContractGround {
  readonly #world: TradingWorld;

  constructor(world: TradingWorld) {
    this.#world = world;
  }

  async start(instance: string): Promise<ContractSubject> {
    const nobody = { host: '127.0.0.1', port: 1 };
    const config = this.#world.write(instance, {
      instance,
      dataDir: instance,
      control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
      publish: { host: '127.0.0.1', port: 0 },
      venues: [{ name: 'venue', feedA: nobody, feedB: nobody, recovery: nobody }],
    });
    const process = await TradingProcess.start('market-data', [config]);
    this.#world.onClose(() => process.kill());
    return {
      instance,
      host: '127.0.0.1',
      port: process.port('control'),
      token: this.#world.token,
      replicationAddress: null,
      kill: () => process.kill(),
      restart: () => this.start(instance),
    };
  }

  write = async (): Promise<'no-answer'> => 'no-answer';

  acknowledged = (): number => 0;

  close(): Promise<void> {
    return this.#world.close();
  }
}

componentContract({
  component: 'reference market data',
  parts: { primary: false, replication: false, testOrder: false, route: false },
  ground: async () => new MarketDataGround(await TradingWorld.open()),
});
