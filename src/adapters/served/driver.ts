import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { InstanceObservation, StreamObservation } from '../../core/health/instance-observation.ts';
import type {
  ActionOutcome,
  CallOptions,
  DriverSink,
  InstanceAction,
  InstanceDriver,
  Postcondition,
} from '../../engine/driver-port.ts';
import type { Routes, SeenServer, ServedLook, ServedServer } from '../../engine/served-port.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';

export interface ServedDriverOptions {
  readonly instance: InstanceId;
  readonly server: ServedServer;
  readonly epochs: GuardedEpochs;
  /** From the end of one look to the beginning of the next. */
  readonly lookEveryMs: number;
  /** A server that has not answered by then is unknown. */
  readonly lookWithinMs: number;
}

/** A process is asked of the kernel this often whether it has ended. */
const END_LOOK_EVERY_MS = 50;

/** Of the epoch that this instance was told of, beside what its server's own driver keeps. */
const resource = 'routes';

interface Told {
  readonly epoch: Epoch;
  readonly routes: Routes;
  readonly silence?: true;
}

/**
 * Drives a server that an agent neither starts nor ends: it is looked at, and led. What it was told and does not do is `bad`, what does
 * not answer in time is `unknown`, never well. One order at a time; the same one under way is joined.
 */
export class ServedDriver implements InstanceDriver {
  readonly instance: InstanceId;
  readonly #options: ServedDriverOptions;
  #sink: DriverSink | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #told: Told | null = null;
  /** Of the last order that was carried out by this process; 0 = none was. */
  #ledEpoch = 0;
  /** As it last said, and when it was asked. */
  #stream: { readonly said: StreamObservation; readonly askedAtMs: number } | null = null;
  /** When its process was first seen gone; null = it is not. */
  #goneAtMs: number | null = null;
  #endTimer: NodeJS.Timeout | null = null;
  #toldEnd = false;
  #isKeeping = false;
  #underWay: { readonly key: string; readonly outcome: Promise<ActionOutcome> } | null = null;

  constructor(options: ServedDriverOptions) {
    this.instance = options.instance;
    this.#options = options;
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    await this.#lookAndTell();
    if (this.#options.server.hasEnded === undefined || this.#closed) return;
    this.#endTimer = setInterval(() => this.#lookForEnd(), END_LOOK_EVERY_MS);
    this.#endTimer.unref();
  }

  #lookForEnd(): void {
    const ended = this.#hasEnded;
    if (ended && !this.#toldEnd) this.#tell(this.#observationOf({ kind: 'unknown', reason: 'its process is gone' }));
    this.#toldEnd = ended;
  }

  get #hasEnded(): boolean {
    const ended = this.#options.server.hasEnded?.() ?? false;
    this.#goneAtMs = ended ? (this.#goneAtMs ?? hostMonoMs()) : null;
    return ended;
  }

  /** With how long it may have gone on after that, where it has ended. */
  get #streamSeen(): StreamObservation | null {
    if (this.#stream === null || this.#goneAtMs === null) return this.#stream?.said ?? null;
    const { said, askedAtMs } = this.#stream;
    return { ...said, endedWithinMs: Math.ceil(this.#goneAtMs - askedAtMs) };
  }

  async observe({ deadlineMs }: CallOptions): Promise<InstanceObservation> {
    const askedAtMs = hostMonoMs();
    return this.#observationOf(await this.#options.server.look({ deadlineMs }), askedAtMs);
  }

  async perform(action: InstanceAction, options: CallOptions): Promise<ActionOutcome> {
    switch (action.kind) {
      case 'fence':
        return this.#admit(action.epoch) ?? { kind: 'ok', detail: {} };
      case 'route':
        return this.#route(action, options);
      default:
        return failed('not-ours', `${this.instance} is run by others: it is led, and nothing else is done to it`);
    }
  }

  async confirm(condition: Postcondition, { deadlineMs }: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    if (condition.kind === 'epoch-at-least') return this.#highest >= condition.epoch ? 'holds' : 'does-not-hold';
    if (condition.kind !== 'routed') return 'unknown';
    const { server } = this.#options;
    const look = await server.look({ deadlineMs });
    if (look.kind === 'unknown') return 'unknown';
    return this.#highest >= condition.epoch && server.isLed(look, condition.routes, condition.epoch)
      ? 'holds'
      : 'does-not-hold';
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#endTimer !== null) clearInterval(this.#endTimer);
  }

  get #highest(): number {
    return this.#options.epochs.highest(resource);
  }

  #admit(epoch: Epoch): ActionOutcome | null {
    if (this.#options.epochs.admit(resource, epoch)) return null;
    return failed('stale-epoch', `epoch ${epoch} is older than ${this.#highest} for ${this.instance}`);
  }

  async #route({ epoch, routes, silence }: Told, { deadlineMs }: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + deadlineMs;
    const key = JSON.stringify([epoch, routes]);
    const stale = this.#admit(epoch);
    if (stale !== null) return stale;
    if (this.#underWay?.key === key) return this.#underWay.outcome;
    const before = this.#underWay?.outcome ?? Promise.resolve(null);
    const outcome = before.then(async (): Promise<ActionOutcome> => {
      const overtaken = this.#admit(epoch);
      if (overtaken !== null) return overtaken;
      const leftMs = until - hostMonoMs();
      if (leftMs <= 0) return { kind: 'unknown', reason: 'an earlier order took all of the time' };
      this.#told = { epoch, routes };
      try {
        const led = await this.#options.server.lead(epoch, routes, { deadlineMs: leftMs, silence: silence === true });
        if (led.kind === 'ok') this.#ledEpoch = Math.max(this.#ledEpoch, epoch);
        return led;
      } catch (cause) {
        return { kind: 'unknown', reason: textOf(cause) };
      }
    });
    const underWay = { key, outcome };
    this.#underWay = underWay;
    try {
      return await outcome;
    } finally {
      if (this.#underWay === underWay) this.#underWay = null;
      void this.#look().then((observation) => this.#tell(observation));
    }
  }

  async #lookAndTell(): Promise<void> {
    this.#tell(await this.#look());
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#lookAndTell(), this.#options.lookEveryMs);
    this.#timer.unref();
    await this.#keep();
  }

  /** One at a time, and no look waits for it; what it could not do it tries after the next one. */
  async #keep(): Promise<void> {
    const { server, lookWithinMs } = this.#options;
    if (server.keep === undefined || this.#isKeeping) return;
    this.#isKeeping = true;
    await server.keep({ deadlineMs: lookWithinMs }).catch(() => {});
    this.#isKeeping = false;
  }

  async #look(): Promise<InstanceObservation> {
    try {
      return await this.observe({ deadlineMs: this.#options.lookWithinMs });
    } catch (cause) {
      return this.#observationOf({ kind: 'unknown', reason: textOf(cause) });
    }
  }

  #tell(observation: InstanceObservation): void {
    if (!this.#closed) this.#sink?.observed(observation);
  }

  #observationOf(seen: ServedLook, askedAtMs = hostMonoMs()): InstanceObservation {
    // What was asked before it ended is of the past.
    const ended = this.#hasEnded;
    const look: ServedLook = ended ? { kind: 'unknown', reason: 'its process is gone' } : seen;
    if (look.kind === 'seen') this.#stream = look.stream === undefined ? null : { said: look.stream, askedAtMs };
    const stream = this.#streamSeen;
    return {
      instance: this.instance,
      // Where only its supervisor knows whether it runs, one that does not answer is unknown by its health.
      process: ended ? 'exited' : 'running',
      role: ended ? 'closed' : look.kind === 'unknown' ? 'unknown' : leadsSomewhere(look) ? 'standby' : 'closed',
      epoch: this.#highest as Epoch,
      ...(ended ? { health: 'bad' as const, reason: `${this.instance}: its process is gone` } : this.#healthOf(look)),
      position: null,
      releasing: false,
      tradingEnabled: false,
      ackSet: [],
      replicas: [],
      upstream: null,
      divergence: null,
      ...(look.kind === 'seen' ? { leads: look.leads } : {}),
      ...(stream === null ? {} : { stream }),
      figures: {
        ...(look.kind === 'seen' ? look.figures : {}),
        ...(this.#options.server.hasEnded === undefined ? {} : { ledEpoch: this.#ledEpoch }),
      },
    };
  }

  #healthOf(look: ServedLook): Pick<InstanceObservation, 'health' | 'reason'> {
    if (look.kind === 'unknown') return { health: 'unknown', reason: `${this.instance}: ${look.reason}` };
    const told = this.#told;
    const [concern] = look.concerns;
    if (told !== null && this.#underWay === null && !this.#options.server.isLed(look, told.routes, told.epoch)) {
      const why = concern === undefined ? '' : `; ${concern}`;
      return { health: 'bad', reason: `${this.instance} does not lead where it was told: ${seenText(look)}${why}` };
    }
    if (concern !== undefined) return { health: 'degraded', reason: `${this.instance}: ${concern}` };
    return { health: 'ok', reason: look.remarks[0] ?? null };
  }
}

const leadsSomewhere = ({ leads }: SeenServer): boolean => Object.values(leads).some((target) => target !== null);

const seenText = ({ leads }: SeenServer): string =>
  Object.entries(leads)
    .map(([name, target]) => `${name} to ${target ?? 'nobody'}`)
    .join(', ');

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const failed = (code: string, reason: string): ActionOutcome => ({ kind: 'failed', code, reason });
