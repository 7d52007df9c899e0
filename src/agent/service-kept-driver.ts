import { isGone, type ServiceDriver, type ServiceObservation } from '../adapters/service-manager/driver.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { InstanceObservation } from '../core/health/instance-observation.ts';
import type {
  ActionOutcome,
  CallOptions,
  DriverSink,
  InstanceAction,
  InstanceDriver,
  Postcondition,
  Question,
} from '../engine/driver-port.ts';

export interface ServiceKeptOptions {
  readonly driver: InstanceDriver;
  readonly service: ServiceDriver;
  /** Between two looks at a service that is barred; one that is not is not looked at. */
  readonly holdEveryMs: number;
  readonly holdWithinMs: number;
}

/**
 * An instance that a service manager keeps running: its orders go to that, and while it is barred nothing else is done with it. Barred, and
 * seen to be gone, it is `stopped`; barred and seen to run it is `bad`, and stopped again.
 */
export class ServiceKeptDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #options: ServiceKeptOptions;
  #sink: DriverSink | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #observation: InstanceObservation | null = null;
  /** The last look while it is barred. */
  #seen: ServiceObservation | null = null;

  constructor(options: ServiceKeptOptions) {
    this.instance = options.driver.instance;
    this.#options = options;
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    await this.#hold();
    await this.#options.driver.start({
      observed: (observation) => {
        this.#observation = observation;
        this.#tell();
      },
      exited: (exit) => sink.exited(exit),
    });
  }

  async observe(options: CallOptions): Promise<InstanceObservation | null> {
    const observation = await this.#options.driver.observe(options);
    return observation === null ? null : this.#asBarred(observation);
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    const { driver, service } = this.#options;
    if (action.kind === 'service') {
      const outcome = await service.perform({ kind: action.order, epoch: action.epoch }, options);
      void this.#hold();
      return outcome;
    }
    const { bar } = service;
    if (bar === null || action.kind === 'fence') return driver.perform(action, options);
    const reason = `${this.instance} is barred from starting since epoch ${bar.epoch}`;
    return { kind: 'failed', code: 'barred', reason };
  }

  confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const { driver, service } = this.#options;
    if (condition.kind !== 'process-gone') return driver.confirm(condition, options);
    return service.confirm(service.bar === null ? 'gone' : 'barred', options);
  }

  async ask(question: Question, options: CallOptions): Promise<ActionOutcome> {
    const { driver, service } = this.#options;
    if (question !== 'service')
      return (
        driver.ask?.(question, options) ?? {
          kind: 'failed',
          code: 'unknown-method',
          reason: `${this.instance} cannot be asked`,
        }
      );
    const [seen, startsByItself] = await Promise.all([service.observe(options), service.startsByItself(options)]);
    return { kind: 'ok', detail: { answer: JSON.stringify({ instance: this.instance, ...seen, startsByItself }) } };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#options.driver.close();
  }

  /** Looks as long as it is barred, and once after that. */
  async #hold(): Promise<void> {
    const { service, holdEveryMs, holdWithinMs } = this.#options;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#seen = service.bar === null ? null : await service.hold({ deadlineMs: holdWithinMs });
    this.#tell();
    if (this.#closed || this.#timer !== null || service.bar === null) return;
    this.#timer = setTimeout(() => void this.#hold(), holdEveryMs);
    this.#timer.unref();
  }

  #tell(): void {
    if (!this.#closed && this.#observation !== null) this.#sink?.observed(this.#asBarred(this.#observation));
  }

  #asBarred(observation: InstanceObservation): InstanceObservation {
    const { bar } = this.#options.service;
    if (bar === null) return observation;
    const seen = this.#seen;
    const barred = `${this.instance} is barred from starting since epoch ${bar.epoch}`;
    if (seen === null || seen.state === null || seen.pids === null)
      return {
        ...observation,
        health: 'unknown',
        reason: `${barred}; ${seen?.hidden ?? seen?.said ?? 'not looked at yet'}`,
      };
    if (!isGone(seen)) return { ...observation, health: 'bad', reason: `${barred}, and it runs: ${seen.said}` };
    return {
      ...observation,
      process: 'stopped',
      role: 'closed',
      releasing: false,
      replicas: [],
      upstream: null,
      health: 'bad',
      reason: `${barred}: ${seen.said}`,
    };
  }
}
