import type { InstanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import type {
  ActionOutcome,
  CallOptions,
  DriverSink,
  InstanceAction,
  InstanceDriver,
  Postcondition,
  Question,
} from '../../engine/driver-port.ts';
import type { Fields } from '../../wire/fields.ts';
import { causeText } from '../../wire/holdfast-error.ts';
import type { AddressBook } from './address-book.ts';
import { type ContractAction, callFor, conditionHolds, knownAfter, outcomeOf } from './contract-actions.ts';
import { ContractClient } from './contract-client.ts';
import { type ContractStatus, parseStatus, silentObservation } from './parse.ts';
import { SilenceWatch } from './silence-watch.ts';
import type { SupervisedChild, Supervisor } from './supervisor.ts';

export interface ManagedAppConfig {
  readonly instance: InstanceId;
  /** Where the instance serves the component contract, as seen from this host. */
  readonly control: { readonly host: string; readonly port: number };
  readonly tokenFile: string;
  readonly addresses: AddressBook;
  /**
   * The instance checks its lease before every release (contract rule 2): longest time from the lease's deadline to nothing being
   * released. Null: it does not, so a renewal must not claim it.
   */
  readonly selfGateBoundMs: number | null;
  /** From the process being there to its accepting the token; after that it counts as frozen. Default 10 000. */
  readonly startWithinMs?: number;
  /** A process of it runs: started, or adopted from an earlier agent. */
  readonly onStarted?: (pid: number) => void;
}

/** Contract: `alive` every 100 ms, unless the instance announces another rhythm; none slower than this is believed. */
const ALIVE_EVERY_MS = 100;
const SLOWEST_ALIVE_EVERY_MS = 1000;
const SILENCE_BOUNDS = { floorMs: 220, ceilingMs: 400 };
const SWEEP_WITHIN_MS = 2000;
const STATUS_WITHIN_MS = 500;

/**
 * Drives one instance of an application that speaks the component contract: runs its process and speaks to it. The process
 * outlives this driver and is adopted by the next one.
 */
export class ManagedAppDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #config: ManagedAppConfig;
  readonly #supervisor: Supervisor;
  readonly #client: ContractClient;
  readonly #silence: SilenceWatch;
  #sink: DriverSink | null = null;
  #child: SupervisedChild | null = null;
  #starting: Promise<string | null> | null = null;
  /** The proof that nothing of the process that ended is left is on its way; whoever kills it waits for that one. */
  #ending: Promise<{ readonly treeEmpty: boolean }> | null = null;
  /** Kills under way. They find an instance's processes by its mark, so nothing is started until they have ended. */
  readonly #strikes = new Set<Promise<unknown>>();
  #greetTimer: NodeJS.Timeout | null = null;
  #last: InstanceObservation | null = null;
  #closed = false;

  constructor(config: ManagedAppConfig, supervisor: Supervisor) {
    this.instance = config.instance;
    this.#config = config;
    this.#supervisor = supervisor;
    this.#client = new ContractClient({
      ...config.control,
      tokenFile: config.tokenFile,
      instance: config.instance,
      sink: {
        up: () => this.#greeted(),
        down: () => {},
        alive: (everyMs) => this.#alive(everyMs),
        status: (status) => this.#status(status),
      },
    });
    this.#silence = new SilenceWatch({
      expectedGapMs: ALIVE_EVERY_MS,
      bounds: SILENCE_BOUNDS,
      onSilent: (silentMs) => this.#frozen(silentMs),
    });
  }

  /** The main process, if there is one: what a gate outside the agent has to watch. */
  get processName(): SupervisedChild['name'] | null {
    return this.#child?.name ?? null;
  }

  /** Adopts the running process, or starts one, closed. A failure to start is an observation, not an exception. */
  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    const running = this.#supervisor.adopt();
    if (running !== null) return this.#attach(running);
    if (this.#supervisor.hadChild()) {
      const { treeEmpty } = await this.#strike(() => this.#supervisor.sweep({ deadlineMs: SWEEP_WITHIN_MS }));
      this.#observed(
        silentObservation(this.instance, null, {
          process: 'exited',
          reason: 'it ended while no agent was there to see',
        }),
      );
      sink.exited({ instance: this.instance, code: null, signal: null, reaped: true, treeEmpty });
    }
    await this.#ensureStarted();
  }

  async observe(options: CallOptions): Promise<InstanceObservation | null> {
    if (this.#child === null) return this.#last;
    return (await this.#ask(options.deadlineMs))?.observation ?? null;
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    if (action.kind === 'kill') return this.#kill(options.deadlineMs);
    if (action.kind === 'start') return this.#start(options.deadlineMs);
    if (action.kind === 'take-over' || action.kind === 'prove-gone')
      return { kind: 'failed', code: 'not-delegated', reason: `nobody else says whether ${this.instance} is primary` };
    if (action.kind === 'service')
      return { kind: 'failed', code: 'unsupported', reason: `${this.instance} is kept running by its agent alone` };
    return this.#request(action, options.deadlineMs);
  }

  async confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    if (
      this.#child === null &&
      this.#starting === null &&
      (condition.kind === 'process-gone' || condition.kind === 'not-primary')
    ) {
      const { treeEmpty } = await this.#strike(() => this.#supervisor.sweep(options));
      return treeEmpty ? 'holds' : 'unknown';
    }
    if (condition.kind === 'process-gone') return 'does-not-hold';
    if (this.#child === null) return 'does-not-hold';
    const status = await this.#ask(options.deadlineMs);
    if (status === null) return 'unknown';
    return conditionHolds(condition, status, this.#config.addresses) ? 'holds' : 'does-not-hold';
  }

  async ask(question: Question, options: CallOptions): Promise<ActionOutcome> {
    if (this.#child === null)
      return { kind: 'failed', code: 'not-running', reason: `${this.instance} is not running; nothing was asked` };
    const answer = await this.#client.call(question, {}, options.deadlineMs);
    if (answer.kind === 'refused') return { kind: 'failed', code: answer.code, reason: answer.message };
    if (answer.kind === 'unknown') return { kind: 'unknown', reason: answer.reason };
    return { kind: 'ok', detail: { answer: JSON.stringify(answer.result.raw()) } };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#silence.stop();
    if (this.#greetTimer !== null) clearTimeout(this.#greetTimer);
    this.#client.pause('the agent is closing');
    this.#child?.release();
  }

  async #request(action: ContractAction, deadlineMs: number): Promise<ActionOutcome> {
    const call = callFor(action, this.#config.addresses);
    if (typeof call === 'string') return { kind: 'failed', code: 'no-address', reason: call };
    if (this.#child === null && this.#starting === null)
      return { kind: 'failed', code: 'not-running', reason: `${this.instance} is not running; nothing was sent` };
    const answer = await this.#client.call(call.method, call.params, deadlineMs);
    // What is said later without asking again must not be older than this.
    if (answer.kind === 'ok' && this.#last !== null) this.#last = knownAfter(action, this.#last);
    try {
      return outcomeOf(action, answer, this.#config.selfGateBoundMs);
    } catch (cause) {
      return {
        kind: 'unknown',
        reason: `its answer to ${call.method} is not what the contract says: ${causeText(cause)}`,
      };
    }
  }

  async #start(deadlineMs: number): Promise<ActionOutcome> {
    const until = performance.now() + deadlineMs;
    const problem = await this.#ensureStarted();
    if (problem !== null) return { kind: 'failed', code: 'did-not-start', reason: problem };
    const status = await this.#ask(Math.max(1, until - performance.now()));
    if (status !== null) return { kind: 'ok', detail: { pid: this.#child?.name.pid ?? 0 } };
    if (this.#child === null)
      return { kind: 'failed', code: 'did-not-start', reason: this.#last?.reason ?? 'it ended while starting' };
    return { kind: 'unknown', reason: `it has not answered within ${Math.round(deadlineMs)} ms` };
  }

  /** Null, or why there is no process. One start at a time. */
  #ensureStarted(): Promise<string | null> {
    if (this.#child !== null) return Promise.resolve(null);
    this.#starting ??= this.#spawn().finally(() => {
      this.#starting = null;
    });
    return this.#starting;
  }

  async #spawn(): Promise<string | null> {
    try {
      while (this.#strikes.size > 0) await Promise.allSettled([...this.#strikes]);
      const { treeEmpty } = await this.#supervisor.sweep({ deadlineMs: SWEEP_WITHIN_MS });
      if (!treeEmpty) throw new Error('something of an earlier process is still there and cannot be killed');
      this.#attach(await this.#supervisor.spawn());
      return null;
    } catch (cause) {
      const reason = causeText(cause);
      this.#observed(
        silentObservation(this.instance, this.#last, { process: 'exited', reason: `could not be started: ${reason}` }),
      );
      return reason;
    }
  }

  #attach(child: SupervisedChild): void {
    this.#child = child;
    this.#config.onStarted?.(child.name.pid);
    const { startWithinMs = 10_000 } = this.#config;
    this.#observed(silentObservation(this.instance, null, { process: 'running', reason: 'it has not answered yet' }));
    this.#greetTimer = setTimeout(() => {
      this.#observed(
        silentObservation(this.instance, this.#last, {
          process: 'frozen',
          reason: `it has not accepted the token within ${startWithinMs} ms`,
        }),
      );
    }, startWithinMs);
    this.#client.resume();
    void child.exited.then((exit) => this.#exited(child, exit));
  }

  /** That it ended is told at once; that nothing of it is left, once whatever it left behind has been killed. */
  async #exited(child: SupervisedChild, exit: Awaited<SupervisedChild['exited']>): Promise<void> {
    if (this.#child !== child || this.#closed) return;
    this.#child = null;
    if (this.#greetTimer !== null) clearTimeout(this.#greetTimer);
    this.#silence.stop();
    const how = exit.signal === null ? `ended with code ${exit.code ?? 'unknown'}` : `ended by ${exit.signal}`;
    this.#client.pause(`the process has ${how}`);
    const ending = this.#strike(async () => {
      // What is told leaves before this process is busy looking.
      await new Promise((resolve) => setImmediate(resolve));
      return child.killTree({ deadlineMs: SWEEP_WITHIN_MS });
    });
    this.#ending = ending;
    this.#observed(silentObservation(this.instance, this.#last, { process: 'exited', reason: how }));
    const { treeEmpty } = await ending;
    if (this.#ending === ending) this.#ending = null;
    this.#sink?.exited({
      instance: this.instance,
      code: exit.code,
      signal: exit.signal,
      reaped: exit.reaped,
      treeEmpty,
    });
  }

  async #kill(deadlineMs: number): Promise<ActionOutcome> {
    const until = performance.now() + deadlineMs;
    const left = () => Math.max(1, until - performance.now());
    if (this.#child === null && this.#starting !== null)
      await Promise.race([this.#starting, new Promise((resolve) => setTimeout(resolve, left()).unref())]);
    const child = this.#child;
    if (child === null) {
      const ended = await Promise.race([
        this.#ending,
        new Promise<null>((resolve) => setTimeout(resolve, left(), null).unref()),
      ]);
      if (ended?.treeEmpty) return { kind: 'ok', detail: { reaped: true, treeEmpty: true } };
      const { treeEmpty } = await this.#strike(() => this.#supervisor.sweep({ deadlineMs: left() }));
      return treeEmpty
        ? { kind: 'ok', detail: { reaped: true, treeEmpty: true } }
        : { kind: 'unknown', reason: 'something of its process tree may still be there' };
    }
    const { reaped, treeEmpty } = await this.#strike(() => child.killTree({ deadlineMs: left() }));
    if (reaped && treeEmpty) return { kind: 'ok', detail: { reaped, treeEmpty } };
    return { kind: 'unknown', reason: `killed; reaped: ${reaped}, process tree empty: ${treeEmpty}` };
  }

  async #strike<Death>(blow: () => Promise<Death>): Promise<Death> {
    const struck = blow();
    this.#strikes.add(struck);
    try {
      return await struck;
    } finally {
      this.#strikes.delete(struck);
    }
  }

  async #ask(deadlineMs: number): Promise<ContractStatus | null> {
    const answer = await this.#client.call('status', {}, deadlineMs);
    if (answer.kind !== 'ok') return null;
    try {
      const status = parseStatus(this.instance, answer.result);
      this.#observed(status.observation);
      return status;
    } catch {
      return null;
    }
  }

  #greeted(): void {
    if (this.#greetTimer !== null) clearTimeout(this.#greetTimer);
    this.#silence.heard();
    void this.#ask(STATUS_WITHIN_MS);
  }

  #alive(everyMs: number | null): void {
    if (everyMs !== null) this.#silence.expect(Math.min(SLOWEST_ALIVE_EVERY_MS, Math.max(ALIVE_EVERY_MS, everyMs)));
    if (this.#silence.heard()) void this.#ask(STATUS_WITHIN_MS);
  }

  #status(status: Fields): void {
    const { observation } = parseStatus(this.instance, status);
    this.#observed(observation);
  }

  #frozen(silentMs: number): void {
    const state = this.#child?.state() ?? 'gone';
    if (state === 'gone') return;
    const what = state === 'stopped' ? 'its process is stopped' : 'its process exists';
    this.#observed(
      silentObservation(this.instance, this.#last, {
        process: 'frozen',
        reason: `no sign of life for ${Math.round(silentMs)} ms; ${what}`,
      }),
    );
  }

  #observed(observation: InstanceObservation): void {
    const { nearest } = this.#silence;
    const figures =
      nearest === null
        ? observation.figures
        : {
            ...observation.figures,
            longestGapMs: Math.round(nearest.gapMs),
            silenceBoundMs: Math.round(nearest.boundMs),
          };
    this.#last = { ...observation, figures };
    if (!this.#closed) this.#sink?.observed(this.#last);
  }
}
