import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const LOOK_EVERY_MS = 50;
/** A turn that comes later than this is a stop, and does not count for deadlines. */
const STOP_MS = 500;
const JIFFY_MS = 10;

/** What processors and clocks did between two moments. Times of processors are sums over all of them. */
export interface Elapsed {
  /** By the monotonic clock. */
  readonly lastedMs: number;
  readonly wallMs: number;
  /** Accounted for by the machine, whatever it was spent on. */
  readonly accountedMs: number;
  readonly idleMs: number;
  /** Taken from the machine by its host. */
  readonly stolenMs: number;
  /** Computed by this process. */
  readonly ownMs: number;
}

export type StopCause =
  | 'the machine stood still'
  | 'the host took the processors'
  | 'this process computed'
  | 'others had the processors'
  | 'a signal stopped this process'
  | 'this process waited in the kernel';

export interface Stop {
  readonly lastedMs: number;
  cause: StopCause;
}

/** Why this process had no turn for so long, as far as clocks and processor times tell. */
export const causeOf = (elapsed: Elapsed, processors: number): StopCause => {
  const { lastedMs, wallMs, accountedMs, idleMs, stolenMs, ownMs } = elapsed;
  const whole = lastedMs * processors;
  if (wallMs > lastedMs + STOP_MS || accountedMs < whole / 2) return 'the machine stood still';
  if (stolenMs > whole / 4) return 'the host took the processors';
  if (ownMs > lastedMs / 2) return 'this process computed';
  return idleMs < whole / 4 ? 'others had the processors' : 'this process waited in the kernel';
};

/**
 * A clock for deadlines that counts only while this process has its turns, so that a deadline that passes says something about what was
 * waited for. Each time without a turn is kept, with its cause.
 */
export class AwakeClock {
  readonly #timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  readonly #continued = () => this.#wasContinued();
  readonly stops: Stop[] = [];
  #last = reading();
  #stoppedMs = 0;
  #stopEndedAtMs = Number.NEGATIVE_INFINITY;

  constructor() {
    process.on('SIGCONT', this.#continued);
  }

  /** Notes a stop that has just ended. */
  look(): void {
    const before = this.#last;
    const now = reading();
    this.#last = now;
    const lastedMs = now.monoMs - before.monoMs;
    const wallMs = now.wallMs - before.wallMs;
    if (Math.max(lastedMs, wallMs) < STOP_MS) return;
    this.#stoppedMs += lastedMs;
    this.#stopEndedAtMs = now.monoMs;
    const elapsed = {
      lastedMs,
      wallMs,
      accountedMs: now.accountedMs - before.accountedMs,
      idleMs: now.idleMs - before.idleMs,
      stolenMs: now.stolenMs - before.stolenMs,
      ownMs: now.ownMs - before.ownMs,
    };
    this.stops.push({ lastedMs: Math.round(Math.max(lastedMs, wallMs)), cause: causeOf(elapsed, cpus().length) });
  }

  /** Milliseconds that this process was awake, from some beginning. */
  get nowMs(): number {
    this.look();
    return performance.now() - this.#stoppedMs;
  }

  /** Looks every few milliseconds until the condition holds; rejects, naming it, when it was awake for so long in vain. */
  async until(what: string, holds: () => boolean | Promise<boolean>, deadlineMs = 30_000): Promise<void> {
    const startedAtMs = this.nowMs;
    while (!(await holds())) {
      if (this.nowMs - startedAtMs > deadlineMs) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  close(): void {
    clearInterval(this.#timer);
    process.off('SIGCONT', this.#continued);
  }

  /** Comes in the first turn after a stop, before or after that was noted. */
  #wasContinued(): void {
    this.look();
    const last = this.stops.at(-1);
    if (last !== undefined && performance.now() - this.#stopEndedAtMs < STOP_MS)
      last.cause = 'a signal stopped this process';
  }
}

interface Reading {
  readonly monoMs: number;
  readonly wallMs: number;
  readonly accountedMs: number;
  readonly idleMs: number;
  readonly stolenMs: number;
  readonly ownMs: number;
}

const reading = (): Reading => {
  const { user, system } = process.cpuUsage();
  // user nice system idle iowait irq softirq steal: of all processors together.
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!;
  const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
  return {
    monoMs: performance.now(),
    wallMs: Date.now(),
    accountedMs: times.reduce((all, each) => all + each, 0) * JIFFY_MS,
    idleMs: (times[3]! + times[4]!) * JIFFY_MS,
    stolenMs: times[7]! * JIFFY_MS,
    ownMs: (user + system) / 1000,
  };
};
