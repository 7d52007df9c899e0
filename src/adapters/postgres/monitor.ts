import { nextBeat } from '../../core/base/beat.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';
import { Deadline } from '../process/deadline.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { JoinPositions } from './join-positions.ts';
import { KnownReplicas } from './known-replicas.ts';
import { type ObservationFacts, observationOf } from './observation.ts';
import type { ServerReport } from './parse.ts';
import { type Session, sqlState } from './session.ts';

export interface MonitorOptions {
  readonly everyMs: number;
  readonly deadlineMs: number;
  readonly connect: (deadline: Deadline) => Promise<Session>;
  /** Asks `OBSERVE`; throws when it is another server that answers. */
  readonly ask: (session: Session, deadline: Deadline) => Promise<ServerReport>;
  /** Everything but what the server says. */
  readonly facts: () => Omit<
    ObservationFacts,
    'report' | 'lastPosition' | 'replicaSilentMs' | 'knownReplicas' | 'joins' | 'process'
  >;
  readonly joins: JoinPositions;
  readonly processState: () => 'running' | 'stopped' | 'gone';
  /** How a process that is gone is described. */
  readonly goneAs: () => 'exited' | 'stopped';
  readonly onChange: (observation: InstanceObservation) => void;
}

const REPEAT_AFTER_MS = 1_000;
const RECONNECT_AFTER_MS = { first: 50, most: 1_000 } as const;

/** Looks at one server again and again over one connection, and tells when something that matters changed. */
export class Monitor {
  readonly #options: MonitorOptions;
  #session: Session | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #lastPosition: InstanceObservation['position'] = null;
  #lastTold: { readonly essence: string; readonly atMs: number } | null = null;
  #reconnect: { waitMs: number; notBeforeMs: number } = { waitMs: RECONNECT_AFTER_MS.first, notBeforeMs: 0 };
  readonly #replicas = new KnownReplicas();
  #looking: Promise<InstanceObservation> | null = null;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    const again = async () => {
      if (this.#closed) return;
      const observation = await this.look(this.#options.deadlineMs);
      this.#tell(observation);
      if (!this.#closed) this.#timer = setTimeout(again, this.#untilNextLook(observation));
    };
    void again();
  }

  /** One that streams, or is streamed from by all that it knows, is looked at half as often. */
  #untilNextLook({ role, health, upstream, replicas }: InstanceObservation): number {
    const streams =
      role === 'primary' ? replicas.every(({ state }) => state === 'in-sync') : upstream?.connected === true;
    const calm = health === 'ok' && (role === 'primary' || role === 'standby') && streams;
    const nowMs = hostMonoMs();
    return Math.ceil(nextBeat(nowMs, this.#options.everyMs * (calm ? 2 : 1)) - Math.floor(nowMs));
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#session?.cut();
  }

  /** One observation now; never later than the deadline. A server that does not answer is `frozen`, with the rest unknown. */
  look(deadlineMs: number): Promise<InstanceObservation> {
    // Two at a time would share one connection and one deadline's fate.
    this.#looking ??= this.#look(deadlineMs).finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Looks and tells at once, e.g. after an action. */
  async lookNow(): Promise<void> {
    if (!this.#closed) this.#tell(await this.look(this.#options.deadlineMs));
  }

  async #look(deadlineMs: number): Promise<InstanceObservation> {
    const deadline = new Deadline({ afterMs: deadlineMs });
    const { processState, goneAs } = this.#options;
    if (processState() === 'gone') {
      this.#session?.cut();
      this.#reconnect = { waitMs: RECONNECT_AFTER_MS.first, notBeforeMs: 0 };
      return this.#compose(goneAs(), null, null);
    }
    const { report, silent, why } = await this.#ask(deadline);
    const state = processState();
    if (state === 'gone') return this.#compose(goneAs(), null, null);
    // Its backends may go on after the postmaster was stopped, so a stopped one is said even when an answer came.
    if (state === 'stopped') return this.#compose('frozen', report, 'the postmaster is stopped');
    return this.#compose(silent ? 'frozen' : 'running', report, why);
  }

  async #ask(deadline: Deadline): Promise<{ report: ServerReport | null; silent: boolean; why: string | null }> {
    try {
      const session = await this.#connected(deadline);
      if (session === null) return { report: null, silent: true, why: 'the server does not answer new connections' };
      const report = await this.#options.ask(session, deadline);
      this.#hear(report);
      return { report, silent: false, why: null };
    } catch (error) {
      const timedOut = (error as Error).name === 'DeadlineExceeded';
      this.#session?.cut();
      this.#session = null;
      if (timedOut) {
        const { waitMs } = this.#reconnect;
        this.#reconnect = { waitMs: Math.min(waitMs * 2, RECONNECT_AFTER_MS.most), notBeforeMs: hostMonoMs() + waitMs };
      }
      const starting = sqlState(error) === '57P03';
      const message = error instanceof Error ? error.message : String(error);
      return { report: null, silent: timedOut, why: starting ? 'the server is starting' : `no answer: ${message}` };
    }
  }

  async #connected(deadline: Deadline): Promise<Session | null> {
    if (this.#session?.open) return this.#session;
    if (hostMonoMs() < this.#reconnect.notBeforeMs) return null;
    this.#session = await this.#options.connect(deadline);
    this.#reconnect = { waitMs: RECONNECT_AFTER_MS.first, notBeforeMs: 0 };
    return this.#session;
  }

  #hear(report: ServerReport): void {
    this.#replicas.hear(report.replicas, hostMonoMs());
    const { joins } = this.#options;
    if (report.inRecovery) {
      this.#replicas.forget();
      joins.forget();
    } else joins.found(report.ackSet ?? [], report.end);
  }

  #compose(
    process: InstanceObservation['process'],
    report: ServerReport | null,
    why: string | null,
  ): InstanceObservation {
    const nowMs = hostMonoMs();
    const facts = this.#options.facts();
    const observation = observationOf({
      ...facts,
      process,
      report,
      why: why ?? facts.why,
      lastPosition: this.#lastPosition,
      knownReplicas: this.#replicas.instances,
      joins: this.#options.joins,
      replicaSilentMs: this.#replicas.silentMs(nowMs),
    });
    this.#lastPosition = observation.position;
    return observation;
  }

  #tell(observation: InstanceObservation): void {
    const { process, role, epoch, health, reason, releasing, ackSet, replicas, upstream, divergence } = observation;
    const states = replicas.map((replica) => [replica.instance, replica.state]);
    const essence = JSON.stringify([
      process,
      role,
      epoch,
      health,
      reason,
      releasing,
      ackSet,
      states,
      upstream?.instance,
      upstream?.connected,
      divergence,
      observation.tradingEnabled,
    ]);
    const nowMs = hostMonoMs();
    if (
      this.#lastTold?.essence === essence &&
      nowMs - this.#lastTold.atMs < REPEAT_AFTER_MS - this.#options.everyMs / 2
    )
      return;
    this.#lastTold = { essence, atMs: nowMs };
    this.#options.onChange(observation);
  }
}
