import { monoMs } from './clock.ts';
import type { OutageMeter } from './outage.ts';

/** `process`: this process did not run. `disk`: the intents took so long to reach the disk. */
export interface Stall {
  readonly cause: 'process' | 'disk';
  readonly fromAt: number;
  readonly toAt: number;
}

/**
 * When requests are due: a steady rate by the monotonic clock, in steps of a few milliseconds. It also measures itself: a
 * sender that was stalled cannot have seen an outage more finely than its own longest stall.
 */
export class SendSchedule {
  readonly #tickMs: number;
  readonly #meter: OutageMeter;
  #ratePerSecond: number;
  #onDue: ((count: number) => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #startedAt = 0;
  #issued = 0;
  #lastTickAt: number | null = null;
  readonly #stalls: Stall[] = [];

  constructor(options: { readonly ratePerSecond: number; readonly tickMs: number; readonly meter: OutageMeter }) {
    this.#ratePerSecond = options.ratePerSecond;
    this.#tickMs = options.tickMs;
    this.#meter = options.meter;
  }

  get ratePerSecond(): number {
    return this.#ratePerSecond;
  }

  get paused(): boolean {
    return this.#timer === null;
  }

  start(onDue: (count: number) => void): void {
    this.#onDue = onDue;
    this.resume();
  }

  pause(): void {
    if (this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
    this.#lastTickAt = null;
    this.#meter.pause(monoMs());
  }

  resume(): void {
    if (this.#timer !== null || this.#onDue === null) return;
    this.#restart();
    this.#meter.resume(this.#startedAt);
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  stop(): void {
    this.pause();
    this.#onDue = null;
  }

  changeRate(ratePerSecond: number): void {
    this.#ratePerSecond = ratePerSecond;
    this.#restart();
  }

  /** A batch that was due at `dueAt` has left this process only now: its intents had to reach the disk first. */
  noteSent(dueAt: number): void {
    this.#noteStall('disk', dueAt, monoMs());
  }

  /** Times overlapping `from`–`to` for which this sender itself did not send although it should have. */
  stallsWithin(from: number, to: number): Stall[] {
    return this.#stalls.filter((stall) => stall.toAt > from && stall.fromAt < to);
  }

  /** Between two requests at this rate, or two steps of the timer: what cannot be told apart even without stalls. */
  get stepMs(): number {
    return Math.max(this.#tickMs, 1000 / Math.max(this.#ratePerSecond, 0.001));
  }

  #restart(): void {
    this.#startedAt = monoMs();
    this.#issued = 0;
    this.#lastTickAt = null;
  }

  #tick(): void {
    const now = monoMs();
    if (this.#lastTickAt !== null) this.#noteStall('process', this.#lastTickAt, now);
    this.#lastTickAt = now;
    const due = Math.floor(((now - this.#startedAt) * this.#ratePerSecond) / 1000) - this.#issued;
    if (due <= 0) return;
    this.#issued += due;
    this.#onDue?.(Math.min(due, Math.ceil(this.#ratePerSecond)));
  }

  #noteStall(cause: Stall['cause'], fromAt: number, toAt: number): void {
    if (toAt - fromAt <= this.#tickMs) return;
    this.#stalls.push({ cause, fromAt, toAt });
    if (this.#stalls.length > maxStalls) this.#stalls.splice(0, maxStalls / 2);
  }
}

/** Minutes of a machine where every step is late; hours of an ordinary one. */
const maxStalls = 40_000;
