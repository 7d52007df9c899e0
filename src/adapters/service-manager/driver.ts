import type { Epoch } from '../../core/base/ids.ts';
import type { ServiceOrder, ServiceState } from '../../core/health/service-state.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import type { Bar, BarMemory } from './bar-memory.ts';
import type { ManagedService, ServiceSight, ServiceVerb, Told } from './managed-service.ts';

export interface ServiceDriverOptions {
  readonly service: ManagedService;
  readonly epochs: GuardedEpochs;
  readonly memory: BarMemory;
  /** What was given up by its manager counts as ended when it was seen so for this long: it may be about to be started again. */
  readonly settleMs?: number;
}

export interface ServiceAction {
  readonly kind: ServiceOrder;
  readonly epoch: Epoch;
}

/**
 * `gone`: its manager says that it does not run, and nothing of it is alive. `barred`: that, and neither its manager nor this driver lets it
 * start. `allowed`: nothing keeps it from starting.
 */
export type ServiceCondition = 'running' | 'gone' | 'barred' | 'allowed';

export interface ServiceObservation extends ServiceSight {
  readonly service: string;
  readonly epoch: number;
  /** Null: it is not barred. */
  readonly bar: Bar | null;
  /** How often, in the life of this driver, it ran in spite of its bar and was stopped again. */
  readonly barsBroken: number;
}

/** By its manager's word, and nothing of it is alive. */
export const isGone = ({ state, pids }: ServiceSight): boolean =>
  (state === 'stopped' || state === 'failed') && pids?.length === 0;

const resource = 'service';
const usualSettleMs = 1500;
const lookAgainAfterMs = 50;

/**
 * Orders one program of a service manager. Managers know no epoch: older ones are refused here, durably. A bar is written down before
 * anything is told, so that it holds also where this agent dies on the way; what is seen to run in spite of it is stopped again. `ok` only
 * when it was seen to be so, by the manager's word and by the processes; what was not is `unknown`. One order at a time.
 */
export class ServiceDriver {
  readonly #options: ServiceDriverOptions;
  readonly #settleMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #busy = 0;
  #failedSince: number | null = null;
  #barsBroken = 0;

  constructor(options: ServiceDriverOptions) {
    this.#options = options;
    this.#settleMs = options.settleMs ?? usualSettleMs;
  }

  get service(): string {
    return this.#options.service.service;
  }

  get bar(): Bar | null {
    return this.#options.memory.bar;
  }

  async observe({ deadlineMs }: CallOptions): Promise<ServiceObservation> {
    return this.#observationOf(await this.#look(hostMonoMs() + deadlineMs));
  }

  startsByItself(options: CallOptions): Promise<boolean | null> {
    return this.#options.service.startsByItself(options);
  }

  async perform({ kind, epoch }: ServiceAction, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    const stale = this.#admit(epoch);
    if (stale !== null) return stale;
    return this.#inTurn(async () => {
      const overtaken = this.#admit(epoch);
      if (overtaken !== null) return overtaken;
      if (until - hostMonoMs() <= 0) return unknown('an earlier order took all of the time');
      return this.#carryOut(kind, epoch, until);
    });
  }

  async confirm(
    condition: ServiceCondition,
    { deadlineMs }: CallOptions,
  ): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const until = hostMonoMs() + deadlineMs;
    for (;;) {
      const sight = await this.#look(until);
      const answer = this.#judge(condition, sight);
      if (answer !== 'settling') return answer;
      if (until - hostMonoMs() <= lookAgainAfterMs) return 'unknown';
      await pause(lookAgainAfterMs);
    }
  }

  /** Looks, and stops again what runs in spite of its bar, as after a restart of its manager, of the host, or by somebody's hand. */
  async hold({ deadlineMs }: CallOptions): Promise<ServiceObservation> {
    const until = hostMonoMs() + deadlineMs;
    const sight = await this.#look(until);
    if (this.bar === null || this.#busy > 0 || this.#judge('barred', sight) !== 'does-not-hold')
      return this.#observationOf(sight);
    this.#barsBroken += 1;
    await this.#inTurn(async () => (this.bar === null ? null : this.#enforceBar(until)));
    return this.#observationOf(await this.#look(until));
  }

  #admit(epoch: Epoch): ActionOutcome | null {
    const { epochs } = this.#options;
    if (epochs.admit(resource, epoch)) return null;
    return failed('stale-epoch', `epoch ${epoch} is older than ${epochs.highest(resource)} for ${this.service}`);
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#busy += 1;
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#busy -= 1;
    }
  }

  async #carryOut(kind: ServiceOrder, epoch: Epoch, until: number): Promise<ActionOutcome> {
    const { memory } = this.#options;
    if ((kind === 'start' || kind === 'restart') && memory.bar !== null)
      return failed('barred', `${this.service} was barred in epoch ${memory.bar.epoch}; it is to be allowed first`);
    switch (kind) {
      case 'start':
        return this.#start(until);
      case 'stop':
        return this.#stop('gone', until);
      case 'restart': {
        const stopped = await this.#stop('gone', until);
        return stopped.kind === 'ok' ? this.#start(until) : stopped;
      }
      case 'bar':
        memory.set({ epoch });
        return this.#enforceBar(until);
      case 'allow': {
        const told = await this.#tell('unmask', until);
        if (told.kind !== 'told') return outcomeOf(told);
        const seen = await this.#see('unmasked', until);
        if (seen.kind === 'ok') memory.set(null);
        return seen;
      }
    }
  }

  async #start(until: number): Promise<ActionOutcome> {
    const told = await this.#tell('start', until);
    return told.kind === 'told' ? this.#see('running', until) : outcomeOf(told);
  }

  /** First what keeps it from starting again, then its end. Refused to be masked it is stopped nevertheless, and that is not enough. */
  async #enforceBar(until: number): Promise<ActionOutcome> {
    const masked = await this.#tell('mask', until);
    const stopped = await this.#stop('barred', until, { hard: true });
    return masked.kind === 'told' || stopped.kind === 'failed' ? stopped : outcomeOf(masked);
  }

  /** Its manager stops it while it is looked at. `hard`: what it has begun to stop is killed, a fence waits for nobody to take leave. */
  async #stop(condition: 'gone' | 'barred', until: number, { hard = false } = {}): Promise<ActionOutcome> {
    await this.#look(until);
    let told: Told | null = null;
    const tell = async () => {
      told = null;
      told = await this.#tell('stop', until);
    };
    let telling = tell();
    for (;;) {
      const sight = await this.#look(until);
      const answer = this.#judge(condition, sight);
      if (answer === 'holds') return ok;
      const heard = told as Told | null;
      if (heard?.kind === 'refused' && answer !== 'settling') return outcomeOf(heard);
      // Its manager may have started it again just before it was told.
      if (heard?.kind === 'told' && sight.state === 'running') telling = tell();
      if (hard && sight.state !== 'running' && sight.state !== null && sight.pids?.length !== 0)
        await this.#options.service.strike({ deadlineMs: until - hostMonoMs() });
      if (until - hostMonoMs() <= lookAgainAfterMs) return unknown(this.#missing(condition, sight));
      await (heard === null ? Promise.race([pause(lookAgainAfterMs), telling]) : pause(lookAgainAfterMs));
    }
  }

  async #see(condition: Wanted, until: number): Promise<ActionOutcome> {
    for (;;) {
      const sight = await this.#look(until);
      if (this.#judge(condition, sight) === 'holds') return ok;
      if (until - hostMonoMs() <= lookAgainAfterMs) return unknown(this.#missing(condition, sight));
      await pause(lookAgainAfterMs);
    }
  }

  async #look(until: number): Promise<ServiceSight> {
    const sight = await this.#options.service.look({ deadlineMs: until - hostMonoMs() });
    this.#failedSince = sight.state === 'failed' ? (this.#failedSince ?? hostMonoMs()) : null;
    return sight;
  }

  #tell(verb: ServiceVerb, until: number): Promise<Told> {
    return this.#options.service.tell(verb, { deadlineMs: until - hostMonoMs() });
  }

  #judge(condition: Wanted, sight: ServiceSight): 'holds' | 'does-not-hold' | 'settling' | 'unknown' {
    const barred = this.bar !== null;
    switch (condition) {
      case 'running':
        return sight.state === null ? 'unknown' : sight.state === 'running' ? 'holds' : 'does-not-hold';
      case 'unmasked':
        return sight.state === null ? 'unknown' : sight.masked === true ? 'does-not-hold' : 'holds';
      case 'allowed':
        return barred ? 'does-not-hold' : this.#judge('unmasked', sight);
      case 'gone':
        if (sight.state === null) return 'unknown';
        if (sight.state === 'running' || sight.state === 'changing') return 'does-not-hold';
        if (sight.pids === null) return 'unknown';
        if (sight.pids.length > 0) return 'does-not-hold';
        return this.#isSettled(sight.state) ? 'holds' : 'settling';
      case 'barred': {
        if (!barred) return 'does-not-hold';
        const gone = this.#judge('gone', sight);
        return gone === 'holds' && sight.masked === false ? 'does-not-hold' : gone;
      }
    }
  }

  #isSettled(state: ServiceState): boolean {
    return state !== 'failed' || (this.#failedSince !== null && hostMonoMs() - this.#failedSince >= this.#settleMs);
  }

  #missing(condition: Wanted, { said, masked, pids, hidden }: ServiceSight): string {
    const left = pids === null ? hidden : pids.length === 0 ? null : `alive: ${pids.join(', ')}`;
    const open =
      condition === 'barred' && masked === false ? 'its manager would start it: the mask has no effect' : null;
    const words = [said, left, open].filter((word) => word !== null);
    return `${this.service} was not seen to be ${condition} in time: ${words.join('; ')}`;
  }

  #observationOf(sight: ServiceSight): ServiceObservation {
    return {
      ...sight,
      service: this.service,
      epoch: this.#options.epochs.highest(resource),
      bar: this.bar,
      barsBroken: this.#barsBroken,
    };
  }
}

/** `unmasked`: its manager would start it. */
type Wanted = ServiceCondition | 'unmasked';

const ok: ActionOutcome = { kind: 'ok', detail: {} };
const unknown = (reason: string): ActionOutcome => ({ kind: 'unknown', reason });
const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });

function outcomeOf(told: Exclude<Told, { kind: 'told' }>): ActionOutcome {
  return told.kind === 'unknown' ? told : failed(told.code, told.reason);
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
