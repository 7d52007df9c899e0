import { monoMs, wallTimeOf } from './clock.ts';
import type { CommitCounts } from './commit-flow.ts';
import type { OrderCounts } from './order-flow.ts';
import type { OutageMeasurement, OutageMeter } from './outage.ts';
import type { SendSchedule, Stall } from './send-schedule.ts';

/** The answer to `report`. Times are UTC; `…MonoMs` are milliseconds of this host's `CLOCK_MONOTONIC`. */
export interface WindowReport {
  readonly name: string;
  readonly markedAt: string;
  readonly markedAtMonoMs: number;
  readonly windowMs: number;
  /** `settling` and `ongoing`: ask again later. */
  readonly state: OutageMeasurement['state'];
  readonly outageMs: number | null;
  readonly lastSuccessAt: string | null;
  readonly firstSuccessAt: string | null;
  readonly lastSuccessMonoMs: number | null;
  readonly firstSuccessMonoMs: number | null;
  readonly interruptions: number;
  readonly commitState: OutageMeasurement['state'];
  readonly commitOutageMs: number | null;
  readonly commitLastSuccessAt: string | null;
  readonly commitFirstSuccessAt: string | null;
  readonly commitInterruptions: number;
  readonly ordersSent: number;
  /** New orders, replaces and cancels. */
  readonly ordersAcked: number;
  readonly cancelsSent: number;
  readonly cancelsAcked: number;
  readonly ordersRejected: number;
  readonly ordersUnknown: number;
  readonly ordersResolvedAcked: number;
  readonly ordersResolvedAbsent: number;
  readonly ordersUnsent: number;
  readonly commitsSent: number;
  readonly commitsAcked: number;
  readonly commitsFailed: number;
  readonly commitsUnknown: number;
  readonly commitsUnsent: number;
  readonly resolution: Resolution;
  readonly commitResolution: Resolution;
  /** `resolution.longestMs`. */
  readonly resolutionMs: number;
  /** The sender stalled for more than 10 ms somewhere in the window. */
  readonly generatorStalled: boolean;
  /** Settings found that weaken the promise of a commit; not empty = no claim about RPO is possible. */
  readonly weakened: readonly string[];
  /** Sending was paused on purpose inside the window: outages are not comparable. */
  readonly paused: boolean;
}

/** How exactly this sender could see, by its own stalls. */
export interface Resolution {
  /** Longest time inside the window for which it did not send although it should have. */
  readonly longestMs: number;
  /** The same at the last success before and the first one after the outage: by so much the outage may be overstated. */
  readonly atEdgesMs: number;
  /** Longest stall because this process did not run; because the ledger's disk was slow. */
  readonly processMs: number;
  readonly diskMs: number;
}

export interface WindowSource {
  readonly orders: OrderCounts;
  readonly commits: CommitCounts;
  readonly orderMeter: OutageMeter;
  readonly commitMeter: OutageMeter;
  readonly orderSchedule: SendSchedule;
  readonly commitSchedule: SendSchedule;
  readonly weakened: ReadonlySet<string>;
}

/** From a mark to the next mark: what clients saw of one fault. */
export class FaultWindow {
  readonly name: string;
  readonly #source: WindowSource;
  readonly #markedAt = monoMs();
  readonly #orders: OrderCounts;
  readonly #commits: CommitCounts;
  #ended: WindowReport | null = null;
  #paused: boolean;

  constructor(name: string, source: WindowSource) {
    this.name = name;
    this.#source = source;
    this.#orders = { ...source.orders };
    this.#commits = { ...source.commits };
    this.#paused = source.orderSchedule.paused;
  }

  notePause(): void {
    if (this.#ended === null) this.#paused = true;
  }

  /** Nothing after this belongs to the window. */
  end(): void {
    this.#ended ??= this.report();
  }

  report(): WindowReport {
    if (this.#ended !== null) return this.#ended;
    const { orders, commits, orderMeter, commitMeter, orderSchedule, commitSchedule } = this.#source;
    const now = monoMs();
    const order = orderMeter.measure(this.#markedAt, now);
    const commit = commitMeter.measure(this.#markedAt, now);
    const resolution = this.#resolution(orderSchedule, order, now);
    return {
      name: this.name,
      markedAt: wallTimeOf(this.#markedAt),
      markedAtMonoMs: round(this.#markedAt),
      windowMs: round(now - this.#markedAt),
      state: order.state,
      outageMs: roundOrNull(order.outageMs),
      lastSuccessAt: wallTimeOrNull(order.lastSuccessAt),
      firstSuccessAt: wallTimeOrNull(order.firstSuccessAt),
      lastSuccessMonoMs: roundOrNull(order.lastSuccessAt),
      firstSuccessMonoMs: roundOrNull(order.firstSuccessAt),
      interruptions: order.interruptions.length,
      commitState: commit.state,
      commitOutageMs: roundOrNull(commit.outageMs),
      commitLastSuccessAt: wallTimeOrNull(commit.lastSuccessAt),
      commitFirstSuccessAt: wallTimeOrNull(commit.firstSuccessAt),
      commitInterruptions: commit.interruptions.length,
      ordersSent: orders.sent - this.#orders.sent,
      ordersAcked: orders.acked - this.#orders.acked,
      cancelsSent: orders.cancelsSent - this.#orders.cancelsSent,
      cancelsAcked: orders.cancelsAcked - this.#orders.cancelsAcked,
      ordersRejected: orders.rejected - this.#orders.rejected,
      ordersUnknown: orders.unknown - this.#orders.unknown,
      ordersResolvedAcked: orders.resolvedAcked - this.#orders.resolvedAcked,
      ordersResolvedAbsent: orders.resolvedAbsent - this.#orders.resolvedAbsent,
      ordersUnsent: orders.unsent - this.#orders.unsent,
      commitsSent: commits.sent - this.#commits.sent,
      commitsAcked: commits.acked - this.#commits.acked,
      commitsFailed: commits.failed - this.#commits.failed,
      commitsUnknown: commits.unknown - this.#commits.unknown,
      commitsUnsent: commits.unsent - this.#commits.unsent,
      resolution,
      commitResolution: this.#resolution(commitSchedule, commit, now),
      resolutionMs: resolution.longestMs,
      generatorStalled: resolution.longestMs > acceptableStallMs,
      weakened: [...this.#source.weakened],
      paused: this.#paused,
    };
  }

  #resolution(schedule: SendSchedule, outage: OutageMeasurement, now: number): Resolution {
    const longest = (stalls: readonly Stall[]): number =>
      round(stalls.reduce((most, { fromAt, toAt }) => Math.max(most, toAt - fromAt), schedule.stepMs));
    const stalls = schedule.stallsWithin(this.#markedAt, now);
    const edges = [outage.lastSuccessAt, outage.firstSuccessAt].flatMap((edge) =>
      edge === null ? [] : schedule.stallsWithin(edge - schedule.stepMs, edge + schedule.stepMs),
    );
    return {
      longestMs: longest(stalls),
      atEdgesMs: longest(edges),
      processMs: longest(stalls.filter(({ cause }) => cause === 'process')),
      diskMs: longest(stalls.filter(({ cause }) => cause === 'disk')),
    };
  }
}

const acceptableStallMs = 10;

const round = (value: number): number => Math.round(value * 100) / 100;
const roundOrNull = (value: number | null): number | null => (value === null ? null : round(value));
const wallTimeOrNull = (at: number | null): string | null => (at === null ? null : wallTimeOf(at));
