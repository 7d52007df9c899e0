import { join } from 'node:path';
import type { JsonRecord } from '../../trading/base/json-record.ts';
import { orderLedgerName } from '../../trading/load/ledger-record.ts';
import type { OrderCounts } from '../../trading/load/order-flow.ts';
import { TradingProcess } from '../../trading/testing/child-process.ts';
import { LineClient } from '../../trading/testing/line-client.ts';
import type { TradingWorld } from '../../trading/testing/trading-world.ts';
import type { AwakeClock } from './awake-clock.ts';

export interface OrdersAddress {
  readonly site: string;
  readonly host: string;
  readonly port: number;
}

/** The order flow as a process of its own: open loop, each intent on disk before it is sent. It begins paused. */
export class LoadProcess {
  readonly ledger: string;
  readonly #process: TradingProcess;
  readonly #control: LineClient;
  readonly #clock: AwakeClock;
  #nextId = 1;

  private constructor(options: { process: TradingProcess; control: LineClient; ledger: string; clock: AwakeClock }) {
    this.#process = options.process;
    this.#control = options.control;
    this.#clock = options.clock;
    this.ledger = options.ledger;
  }

  static async start(
    world: TradingWorld,
    options: {
      readonly engines: readonly OrdersAddress[];
      readonly clients: readonly string[];
      readonly symbols: readonly string[];
      readonly ordersPerSecond: number;
      readonly replacePercent: number;
      readonly seed: number;
      readonly clock: AwakeClock;
    },
  ): Promise<LoadProcess> {
    const { engines, clients, symbols, ordersPerSecond, replacePercent, seed, clock } = options;
    // Nothing is ever committed: the fields must be there, the database need not.
    const database = { host: '127.0.0.1', port: 1, user: 'nobody', passwordFile: 'token', database: 'none' };
    const config = world.write('load', {
      clients,
      symbols,
      seed,
      ratePerSecond: ordersPerSecond,
      replacePercent,
      commitsPerSecond: 0,
      preallocateBytes: 8 * 1024 * 1024,
      fronts: engines.map(({ site, host, port }) => ({ site, orders: { host, port }, database })),
      ledgerDir: 'ledgers',
      control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
    });
    const process = await TradingProcess.start('load', [config]);
    world.onClose(() => process.kill());
    const control = await LineClient.open(process.port('control'));
    const ledger = join(world.directory, 'ledgers', orderLedgerName);
    const load = new LoadProcess({ process, control, ledger, clock });
    await load.#ask('hello', { token: world.token });
    await load.pause();
    return load;
  }

  async pause(): Promise<void> {
    await this.#ask('pause');
  }

  async resume(): Promise<void> {
    await this.#ask('resume');
  }

  async counts(): Promise<OrderCounts & { readonly unresolved: number }> {
    const { orders } = await this.#ask('status');
    return orders as OrderCounts & { readonly unresolved: number };
  }

  /** Ends sending; what was answered is in the ledger when this resolves. */
  async stop(): Promise<void> {
    await this.#ask('stop');
    await this.#process.exited;
    this.#control.close();
  }

  async #ask(method: string, params: object = {}): Promise<JsonRecord> {
    const id = this.#nextId++;
    this.#control.send({ id, method, params });
    const { received } = this.#control;
    await this.#clock.until(`the order flow answers ${method}`, () => received.some((message) => message.id === id));
    const answer = received.find((message) => message.id === id)!;
    received.length = 0;
    if (answer.ok !== true) throw new Error(`the order flow refused ${method}: ${JSON.stringify(answer)}`);
    return answer.result as JsonRecord;
  }
}
