import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonRecord } from '../base/json-record.ts';
import type { Status } from '../control/contract.ts';
import type { ControlClient } from '../control/control-client.ts';
import type { DatabaseAddress } from '../oms/order-store.ts';
import { TradingProcess } from './child-process.ts';
import { LineClient } from './line-client.ts';
import { leaseIn, type TradingWorld } from './trading-world.ts';

/** What risk engines of tests show to engines; readable by its owner only. */
export const riskTokenOf = (world: TradingWorld): string => {
  writeFileSync(join(world.directory, 'risk-token'), 'a-risk-token\n', { mode: 0o600 });
  return 'risk-token';
};

/** A risk engine process with a control connection, as an agent would have it. */
export class RiskUnderTest {
  readonly process: TradingProcess;
  readonly control: ControlClient;

  private constructor(process: TradingProcess, control: ControlClient) {
    this.process = process;
    this.control = control;
  }

  /** Closed; ends with the world. */
  static async start(
    world: TradingWorld,
    options: {
      readonly instance: string;
      readonly database: DatabaseAddress;
      readonly enginePorts: readonly number[];
      readonly marketDataPorts?: readonly number[];
      readonly initial?: readonly object[];
      readonly keepEveryEntries?: number;
    },
  ): Promise<RiskUnderTest> {
    const { instance } = options;
    mkdirSync(join(world.directory, instance), { recursive: true });
    writeFileSync(join(world.directory, 'password'), 'unused\n', { mode: 0o600 });
    const { password: _, ...database } = options.database;
    const config = world.write(instance, {
      instance,
      dataDir: instance,
      control: { host: '127.0.0.1', port: 0, tokenFile: 'token' },
      listen: { host: '127.0.0.1', port: 0 },
      tokenFile: riskTokenOf(world),
      engines: options.enginePorts.map((port) => ({ host: '127.0.0.1', port })),
      marketData: (options.marketDataPorts ?? []).map((port) => ({ host: '127.0.0.1', port })),
      database: { ...database, passwordFile: 'password' },
      initial: options.initial ?? [],
      ...(options.keepEveryEntries === undefined ? {} : { keepEveryEntries: options.keepEveryEntries }),
    });
    const process = await TradingProcess.start('risk', [config]);
    const risk = new RiskUnderTest(process, await world.control(process.port('control'), instance));
    world.onClose(() => risk.end());
    return risk;
  }

  async must(method: string, params: object): Promise<JsonRecord> {
    const outcome = await this.control.call(method, params, 30_000);
    if (outcome.kind === 'ok') return outcome.result;
    throw new Error(`${method}: ${JSON.stringify(outcome)}`);
  }

  async status(): Promise<Status> {
    return (await this.must('status', {})) as unknown as Status;
  }

  promote(epoch: number, leaseMs = 60_000): Promise<JsonRecord> {
    return this.must('promote', { epoch, leaseUntilNs: leaseIn(leaseMs), ackSet: [], tradingEnabled: true });
  }

  /** One request at its own port and the answers up to the last one of this kind. */
  async ask(request: object, last: string, deadlineMs?: number): Promise<JsonRecord[]> {
    const client = await LineClient.open(this.process.port('risk'));
    try {
      client.send(request);
      await client.expect(({ t }) => t === last || t === 'reject', deadlineMs);
      return client.received;
    } finally {
      client.close();
    }
  }

  /** A change of a rule, as a risk officer makes it; the answer. */
  async change(change: object): Promise<JsonRecord> {
    const asked = { t: 'change', token: 'a-risk-token', by: 'Rhea', reason: 'a test', ...change };
    return (await this.ask(asked, 'changed'))[0]!;
  }

  async end(): Promise<void> {
    this.control.close();
    await this.process.kill();
  }
}
