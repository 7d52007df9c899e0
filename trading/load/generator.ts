import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonRecord } from '../base/json-record.ts';
import { CommitFlow } from './commit-flow.ts';
import type { LoadConfig } from './config.ts';
import { FaultWindow, type WindowReport } from './fault-window.ts';
import { type FrontsNow, frontsNow } from './fronts-now.ts';
import { commitLedgerName, orderLedgerName } from './ledger-record.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { LoadControl } from './load-control.ts';
import { OrderFlow } from './order-flow.ts';
import { OutageMeter } from './outage.ts';
import { SendSchedule } from './send-schedule.ts';

/**
 * The independent client: its own process and failing domain, knows the sites' fronts and nothing behind them. Keeps two
 * ledgers, measures outages, and takes orders from the lab through its control port.
 */
export class Generator {
  readonly #ledgers: readonly LedgerWriter[];
  readonly #orders: OrderFlow;
  readonly #commits: CommitFlow;
  readonly #orderSchedule: SendSchedule;
  readonly #commitSchedule: SendSchedule;
  readonly #orderMeter: OutageMeter;
  readonly #commitMeter: OutageMeter;
  readonly #windows = new Map<string, FaultWindow>();
  readonly #config: LoadConfig;
  readonly #fronts: FrontsNow;
  readonly #onStopped: (failure: Error | null) => void;
  #window: FaultWindow | null = null;
  #control: LoadControl | null = null;
  #stopping: Promise<object> | null = null;
  readonly run: string;

  constructor(config: LoadConfig, onStopped: (failure: Error | null) => void) {
    this.#config = config;
    this.#onStopped = onStopped;
    this.run = Date.now().toString(36);
    mkdirSync(config.ledgerDir, { recursive: true, mode: 0o700 });
    const orderLedger = LedgerWriter.open(join(config.ledgerDir, orderLedgerName), {
      preallocateBytes: config.preallocateBytes,
    });
    const commitLedger = LedgerWriter.open(join(config.ledgerDir, commitLedgerName), {
      preallocateBytes: config.preallocateBytes / 8,
    });
    this.#ledgers = [orderLedger, commitLedger];
    for (const ledger of this.#ledgers) {
      ledger.append({ k: 'opened', version: 1, run: this.run, seed: config.seed, at: Date.now() });
    }
    this.#orderMeter = new OutageMeter(config.outage);
    this.#commitMeter = new OutageMeter(config.outage);
    this.#orderSchedule = new SendSchedule({ ratePerSecond: config.ratePerSecond, tickMs: 4, meter: this.#orderMeter });
    this.#commitSchedule = new SendSchedule({
      ratePerSecond: config.commitsPerSecond,
      tickMs: 5,
      meter: this.#commitMeter,
    });
    this.#fronts = frontsNow(config.fronts);
    const shared = { ...config, fronts: this.#fronts, run: this.run, onFailure: (error: Error) => this.#fail(error) };
    this.#orders = new OrderFlow({
      ...shared,
      ledger: orderLedger,
      meter: this.#orderMeter,
      schedule: this.#orderSchedule,
    });
    this.#commits = new CommitFlow({
      ...shared,
      client: config.clients[0]!,
      lanes: config.commitLanes,
      ledger: commitLedger,
      meter: this.#commitMeter,
      schedule: this.#commitSchedule,
    });
  }

  get controlPort(): number {
    return this.#control?.port ?? 0;
  }

  async start(): Promise<void> {
    this.#control = await LoadControl.listen({
      ...this.#config.control,
      methods: {
        status: () => this.#status(),
        mark: (params) => this.#mark(nameOf(params)),
        report: (params) => this.#report(nameOf(params)),
        pause: () => this.#pause(),
        resume: () => this.#resume(),
        rate: (params) => this.#rate(params),
        stop: () => this.stop(),
      },
    });
    this.#orders.start();
    if (this.#config.commitsPerSecond > 0) this.#commits.start();
  }

  /** Ends sending, waits a little for answers, closes the ledgers. Resolves to the final status. */
  stop(): Promise<object> {
    this.#stopping ??= this.#end();
    return this.#stopping;
  }

  async #end(): Promise<object> {
    await Promise.all([this.#orders.stop(drainMs), this.#commits.stop(drainMs)]);
    for (const ledger of this.#ledgers) await ledger.close();
    const status = this.#status();
    setImmediate(() => {
      this.#control?.close();
      this.#onStopped(null);
    });
    return status;
  }

  #fail(error: Error): void {
    this.#orderSchedule.stop();
    this.#commitSchedule.stop();
    this.#onStopped(error);
  }

  #mark(name: string): object {
    this.#window?.end();
    const window = new FaultWindow(name, {
      orders: this.#orders.counts,
      commits: this.#commits.counts,
      orderMeter: this.#orderMeter,
      commitMeter: this.#commitMeter,
      orderSchedule: this.#orderSchedule,
      commitSchedule: this.#commitSchedule,
      weakened: this.#commits.weakened,
    });
    this.#window = window;
    this.#windows.delete(name);
    this.#windows.set(name, window);
    if (this.#windows.size > maxWindows) this.#windows.delete(this.#windows.keys().next().value!);
    const { markedAt, markedAtMonoMs } = window.report();
    return { name, markedAt, markedAtMonoMs };
  }

  #report(name: string): WindowReport {
    const window = this.#windows.get(name);
    if (window === undefined)
      throw new Error(`nothing was marked as ${name}; marked are: ${[...this.#windows.keys()].join(', ') || 'none'}`);
    return window.report();
  }

  /** Answered once everything that was intended before has been sent: who reads ledger and engines then sees all of it in both. */
  async #pause(): Promise<object> {
    this.#window?.notePause();
    this.#orderSchedule.pause();
    this.#commitSchedule.pause();
    await this.#orders.sent();
    return {};
  }

  #resume(): object {
    this.#orderSchedule.resume();
    this.#commitSchedule.resume();
    return {};
  }

  #rate(params: JsonRecord): object {
    const { ordersPerSecond, commitsPerSecond } = params;
    if (typeof ordersPerSecond === 'number' && ordersPerSecond >= 0) this.#orderSchedule.changeRate(ordersPerSecond);
    if (typeof commitsPerSecond === 'number' && commitsPerSecond >= 0)
      this.#commitSchedule.changeRate(commitsPerSecond);
    return { ordersPerSecond: this.#orderSchedule.ratePerSecond, commitsPerSecond: this.#commitSchedule.ratePerSecond };
  }

  #status(): object {
    return {
      run: this.run,
      port: this.controlPort,
      paused: this.#orderSchedule.paused,
      ordersPerSecond: this.#orderSchedule.ratePerSecond,
      commitsPerSecond: this.#commitSchedule.ratePerSecond,
      orders: { ...this.#orders.counts, ...this.#orders.describe() },
      commits: { ...this.#commits.counts, ...this.#commits.describe(), weakened: [...this.#commits.weakened] },
      named: this.#fronts.named(),
      serving: { orders: this.#orderMeter.servingSince, commits: this.#commitMeter.servingSince },
    };
  }
}

const nameOf = (params: JsonRecord): string => {
  const name = params['name'];
  if (typeof name !== 'string' || name === '') throw new Error('name must be a text');
  return name;
};

const drainMs = 1500;
const maxWindows = 64;
