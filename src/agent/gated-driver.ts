import type { Gate, GateOutcome, GateTarget } from '../adapters/gate/gate.ts';
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

type Ok = Extract<ActionOutcome, { kind: 'ok' }>;

/** A gate is asked within this, so that a lost gate does not use up a lease. */
const ARM_WITHIN_MS = 150;
const CLOSE_WITHIN_MS = 500;

export interface GatedDriverOptions {
  readonly driver: InstanceDriver;
  readonly gate: Gate;
  /** What is behind the gate now; asked before each arming. */
  readonly target: () => GateTarget;
}

/**
 * Puts an instance behind a gate outside the agent: it is armed before each promotion and each lease refresh, and says so in the
 * outcome. A promotion without an armed gate does not happen. A lease refresh without one does, but claims no gate, so that no
 * expiry counts as proof: stopping a healthy primary because its warden is gone would be worse than saying so.
 */
export class GatedDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #driver: InstanceDriver;
  readonly #gate: Gate;
  readonly #target: () => GateTarget;
  /** The gate may be armed: it has to be let go of after a kill. */
  #armed = false;

  constructor({ driver, gate, target }: GatedDriverOptions) {
    this.instance = driver.instance;
    this.#driver = driver;
    this.#gate = gate;
    this.#target = target;
  }

  start(sink: DriverSink): Promise<void> {
    return this.#driver.start(sink);
  }

  observe(options: CallOptions): Promise<InstanceObservation | null> {
    return this.#driver.observe(options);
  }

  confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    return this.#driver.confirm(condition, options);
  }

  ask(question: Question, options: CallOptions): Promise<ActionOutcome> {
    return this.#driver.ask?.(question, options) ?? Promise.resolve(cannotTell(this.instance));
  }

  close(): Promise<void> {
    return this.#driver.close();
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    switch (action.kind) {
      case 'promote': {
        const armed = await this.#arm(action);
        if (armed.kind === 'ok') return this.#withGate(await this.#driver.perform(action, options));
        const reason = `the ${this.#gate.kind} gate could not be armed: ${armed.reason}`;
        return armed.kind === 'refused'
          ? { kind: 'failed', code: 'gate-not-armed', reason }
          : { kind: 'unknown', reason };
      }
      case 'lease': {
        const armed = await this.#arm(action);
        if (armed.kind === 'refused' && (armed.code === 'stale-epoch' || armed.code === 'overdue'))
          return {
            kind: 'failed',
            code: 'gate-not-armed',
            reason: `the ${this.#gate.kind} gate refused (${armed.code}): ${armed.reason}`,
          };
        const outcome = await this.#driver.perform(action, options);
        return armed.kind === 'ok' ? this.#withGate(outcome) : withoutGate(outcome, armed.reason);
      }
      case 'kill':
        return this.#kill(options);
      case 'start':
        await this.#letGo();
        return this.#driver.perform(action, options);
      default:
        return this.#driver.perform(action, options);
    }
  }

  async #arm(action: Extract<InstanceAction, { kind: 'promote' | 'lease' }>): Promise<GateOutcome> {
    this.#armed = true;
    this.#gate.protect(this.instance, this.#target());
    return this.#gate.arm({
      instance: this.instance,
      epoch: action.epoch,
      untilMono: action.leaseUntil,
      deadlineMs: ARM_WITHIN_MS,
    });
  }

  /** Both ways at once: whichever is quicker stops it, and only the driver's proof counts. */
  async #kill(options: CallOptions): Promise<ActionOutcome> {
    if (this.#armed)
      void this.#gate.close(this.instance, { deadlineMs: Math.min(CLOSE_WITHIN_MS, options.deadlineMs) });
    const outcome = await this.#driver.perform({ kind: 'kill' }, options);
    if (outcome.kind === 'ok') await this.#letGo();
    return outcome;
  }

  async #letGo(): Promise<void> {
    if (!this.#armed) return;
    const released = await this.#gate.disarm(this.instance, { deadlineMs: CLOSE_WITHIN_MS });
    if (released.kind === 'ok') this.#armed = false;
  }

  #withGate(outcome: ActionOutcome): ActionOutcome {
    return outcome.kind === 'ok' ? { ...outcome, detail: { ...outcome.detail, ...gateDetail(this.#gate) } } : outcome;
  }
}

/**
 * For a driver that arms its own gate (PostgreSQL): says in the outcome of `promote` and `lease` which gate was armed. Its `ok` means
 * that arming succeeded.
 */
export class GateReportingDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #driver: InstanceDriver;
  readonly #gate: Gate | null;

  constructor(driver: InstanceDriver, gate: Gate | null) {
    this.instance = driver.instance;
    this.#driver = driver;
    this.#gate = gate;
  }

  start(sink: DriverSink): Promise<void> {
    return this.#driver.start(sink);
  }

  observe(options: CallOptions): Promise<InstanceObservation | null> {
    return this.#driver.observe(options);
  }

  confirm(condition: Postcondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    return this.#driver.confirm(condition, options);
  }

  ask(question: Question, options: CallOptions): Promise<ActionOutcome> {
    return this.#driver.ask?.(question, options) ?? Promise.resolve(cannotTell(this.instance));
  }

  close(): Promise<void> {
    return this.#driver.close();
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    const outcome = await this.#driver.perform(action, options);
    if (outcome.kind !== 'ok' || (action.kind !== 'promote' && action.kind !== 'lease') || this.#gate === null)
      return outcome;
    return { ...outcome, detail: { ...outcome.detail, ...gateDetail(this.#gate) } };
  }
}

const gateDetail = (gate: Gate): Ok['detail'] => ({ gate: gate.kind, gateBoundMs: gate.boundMs });

function withoutGate(outcome: ActionOutcome, reason: string): ActionOutcome {
  if (outcome.kind !== 'ok') return outcome;
  const { gate: _gate, gateBoundMs: _bound, ...rest } = outcome.detail;
  return { ...outcome, detail: { ...rest, gate: 'none', gateMissing: reason } };
}

const cannotTell = (instance: InstanceId): ActionOutcome => ({
  kind: 'failed',
  code: 'unknown-method',
  reason: `${instance} cannot be asked`,
});
