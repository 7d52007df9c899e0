import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import type { TradingWorld } from '../../trading/testing/trading-world.ts';
import type { ContractGround, ContractSubject } from './component-contract.ts';

/** Nobody listens there. */
export const nobody = { host: '127.0.0.1', port: 1 } as const;

/** Processes of one program that is never asked to write here; what the contract says of everybody holds for it all the same. */
export class WritelessGround implements ContractGround {
  readonly #world: TradingWorld;
  readonly #program: string;
  readonly #config: object;

  /** @param config the program's own part; instance, data directory and control port are added. */
  constructor(world: TradingWorld, program: string, config: object) {
    this.#world = world;
    this.#program = program;
    this.#config = config;
  }

  async start(instance: string): Promise<ContractSubject> {
    mkdirSync(join(this.#world.directory, instance), { recursive: true });
    const control = { host: '127.0.0.1', port: 0, tokenFile: 'token' };
    const config = this.#world.write(instance, { instance, dataDir: instance, control, ...this.#config });
    const process = await TradingProcess.start(this.#program, [config]);
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
