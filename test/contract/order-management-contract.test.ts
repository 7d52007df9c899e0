import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { TradingWorld } from '../../trading/testing/trading-world.ts';
import { type ContractGround, type ContractSubject, componentContract } from './component-contract.ts';

/** Order management without its database: what the contract says of everybody holds without it. */
class OrderManagementGround implements ContractGround {
  readonly #world: TradingWorld;

  constructor(world: TradingWorld) {
    this.#world = world;
    writeFileSync(join(world.directory, 'password'), 'unused\n', { mode: 0o600 });
  }

  async start(instance: string): Promise<ContractSubject> {
    const nobody = { host: '127.0.0.1', port: 1 };
    const config = this.#world.write(instance, {
      instance,
      dataDir: instance,
      control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
      engines: [nobody],
      database: { ...nobody, user: 'nobody', database: 'none', passwordFile: 'password' },
    });
    const process = await TradingProcess.start('oms', [config]);
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
  component: 'reference order management',
  parts: { primary: false, replication: false, testOrder: false, route: false },
  ground: async () => new OrderManagementGround(await TradingWorld.open()),
});
